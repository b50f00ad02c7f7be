"""dreaming: each day's conversations become semantic memory chunks overnight.

The map, from what everything uses to what uses everything:

    errors.py                            the error tree
    conversation.py chunk.py             records: conversations, messages; chunks, quality levels
    model_call.py task.py                records: a call to a model; a task and its result
    bounds.py money.py settings.py       limits of input; exact amounts; the environment
    days.py verbatim.py statistics.py    the day of a message; law 1; counts of a day
    processes.py event_loop.py           which processes live; a loop beside an interruptible thread
    embedding.py                         the encoder of the extra `embedding`
    importing/ sources/                  exports, watched folders, a database -> conversations
    chunking/                            conversation -> topic boundaries -> basic chunks
    privacy/                             secrets: found in a text, and masked
    prompting/ providers/                what a model is shown and replies; the models
    storage/ spending/                   partitions and databases; prices, budgets, ledger
    remembering/                         the memory index, ranking and search
    upgrading/                           pure parts of an upgrade: terms, filters, overlay
    pipeline/                            the steps of a day: gather, chunk, publish
    home.py moving.py                    everything opened; everything moved to PostgreSQL
    buying/ planning/                    what spends on upgrades; what decides on what
    learning/ measuring/                 segmenters from labelled talks; how good chunks are
    showing/ page/ cli/                  what is shown: records and files, a web page, the command
    samples/ testing/                    sample conversations; for tests: a clock, a fake vendor

Nothing in this package imports Dagster: `assets`, `resources` and `dagster_project` do, and stand
above it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreaming.buying.executor import DreamingExecutor
    from dreaming.chunk import QUALITY_LEVELS, BChunk
    from dreaming.planning.optimizer import MCPThinkingOptimizer, select_llm_provider
    from dreaming.providers.anthropic import AnthropicProvider
    from dreaming.providers.local import LocalProvider
    from dreaming.providers.openai import OpenAIProvider
    from dreaming.providers.provider import LLMProvider
    from dreaming.remembering.filters import ChunkFilter
    from dreaming.remembering.search import Hit
    from dreaming.showing.frames import read_chunks, search
    from dreaming.task import DreamingTaskResult, Task, TaskPriority, TaskResources, TaskType

_HOMES = {
    "AnthropicProvider": "dreaming.providers.anthropic",
    "BChunk": "dreaming.chunk",
    "DreamingExecutor": "dreaming.buying.executor",
    "DreamingTaskResult": "dreaming.task",
    "Task": "dreaming.task",
    "TaskPriority": "dreaming.task",
    "TaskResources": "dreaming.task",
    "TaskType": "dreaming.task",
    "LLMProvider": "dreaming.providers.provider",
    "LocalProvider": "dreaming.providers.local",
    "MCPThinkingOptimizer": "dreaming.planning.optimizer",
    "select_llm_provider": "dreaming.planning.optimizer",
    "OpenAIProvider": "dreaming.providers.openai",
    "QUALITY_LEVELS": "dreaming.chunk",
    "ChunkFilter": "dreaming.remembering.filters",
    "Hit": "dreaming.remembering.search",
    "read_chunks": "dreaming.showing.frames",
    "search": "dreaming.showing.frames",
}

__all__ = [
    "QUALITY_LEVELS",
    "AnthropicProvider",
    "BChunk",
    "ChunkFilter",
    "DreamingExecutor",
    "DreamingTaskResult",
    "Hit",
    "LLMProvider",
    "LocalProvider",
    "MCPThinkingOptimizer",
    "OpenAIProvider",
    "Task",
    "TaskPriority",
    "TaskResources",
    "TaskType",
    "read_chunks",
    "search",
    "select_llm_provider",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import dreaming` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dreaming' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
