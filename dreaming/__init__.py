"""dreaming: each day's conversations become semantic memory chunks overnight.

The map:

    conversation.py chunk.py errors.py   records and the error tree; they import nothing above them
    days.py verbatim.py statistics.py    which day a message belongs to; law 1; what a day holds
    importing/                           export files -> conversations
    sources/                             watched folders, the user's own database
    chunking/                            conversation -> topic boundaries -> basic chunks
    learning/ learner.py                 a segmenter and labels from talks whose topics are known; from what was bought
    embedding.py                         the encoder of the extra `embedding`
    upgrading/                           what was paid for, laid over what is free
    spending/                            prices, budgets, the ledger, the meter
    remembering/                         the memory index, the ranking, and search
    storage/                             partitions and databases
    planning/ planner.py                 which model and budget: rules, and a thinking model within the same limits
    prompting/                           what a model is shown, and what is made of its reply
    providers/                           the models: Anthropic, OpenAI, a local LLM
    model_call.py event_loop.py          an attempt and how it ended; a loop beside an interruptible thread
    model_chunker.py                     basic chunks by a local LLM, with the rules beneath it
    pipeline.py checking.py              the steps of a day; what was written, read again
    accuracy.py evaluation.py            how near tiers are to each other; a segmenter on labelled talks
    task.py executor.py                  tasks and what they come to; upgrades
    candidates.py estimating.py          what an upgrade may take; what that would cost
    buying.py quota.py                   what it buys; what is left over
    settings.py home.py                  the environment; everything opened
    reading.py exporting.py              chunks as a DataFrame; chunks to a file
    cli.py reporting.py                  the front door; what it prints
    page/                                a memory to look at in a browser, for this machine alone
    testing/                             for tests: a clock that is set, conversations, a fake vendor

Nothing in this package imports Dagster: `assets`, `resources` and `dagster_project` do, and stand above it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreaming.chunk import QUALITY_LEVELS, BChunk
    from dreaming.executor import DreamingExecutor
    from dreaming.planning.selecting import MCPThinkingOptimizer, select_llm_provider
    from dreaming.providers.anthropic import AnthropicProvider
    from dreaming.providers.local import LocalProvider
    from dreaming.providers.openai import OpenAIProvider
    from dreaming.providers.provider import LLMProvider
    from dreaming.reading import read_chunks, search
    from dreaming.remembering.filters import ChunkFilter
    from dreaming.remembering.search import Hit
    from dreaming.task import DreamingTaskResult, Task, TaskPriority, TaskResources, TaskType

_HOMES = {
    "AnthropicProvider": "dreaming.providers.anthropic",
    "BChunk": "dreaming.chunk",
    "DreamingExecutor": "dreaming.executor",
    "DreamingTaskResult": "dreaming.task",
    "Task": "dreaming.task",
    "TaskPriority": "dreaming.task",
    "TaskResources": "dreaming.task",
    "TaskType": "dreaming.task",
    "LLMProvider": "dreaming.providers.provider",
    "LocalProvider": "dreaming.providers.local",
    "MCPThinkingOptimizer": "dreaming.planning.selecting",
    "select_llm_provider": "dreaming.planning.selecting",
    "OpenAIProvider": "dreaming.providers.openai",
    "QUALITY_LEVELS": "dreaming.chunk",
    "ChunkFilter": "dreaming.remembering.filters",
    "Hit": "dreaming.remembering.search",
    "read_chunks": "dreaming.reading",
    "search": "dreaming.reading",
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
