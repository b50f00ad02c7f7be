"""dreaming: each day's conversations become semantic memory chunks overnight.

The map, from what everything uses to what uses everything:

    errors.py          the error tree
    conversation.py    records: conversations, messages and their ids
    chunk.py           records: chunks, topic boundaries, quality levels and their ranks
    model_call.py      records: a call to a model, its reply or failure, token usage
    task.py            records: a task that a caller submits, and what it came to
    bounds.py          limits of what may be asked for
    money.py           exact amounts: conversion, splitting, printing
    settings.py        the environment
    days.py            which local day a message belongs to
    verbatim.py        law 1: chunks tile every message
    statistics.py      counts of what a day holds
    processes.py       which processes live
    event_loop.py      an event loop beside an interruptible thread
    embedding.py       the encoder of the extra `embedding`
    importing/         export files -> conversations
    sources/           watched folders and the user's own database -> conversations
    chunking/          conversation -> topic boundaries -> basic chunks
    privacy/           secrets: found in a text, and masked
    prompting/         what a model is shown, and what is made of its reply
    upgrading/         the pure parts of an upgrade: terms, filters, plans, the overlay
    storage/           partitions and databases
    spending/          prices, budgets, the ledger, the meter
    remembering/       the memory index, ranking and search
    providers/         the models: Anthropic, OpenAI, a local LLM
    pipeline/          the steps of a day: gather, chunk, publish
    home.py            everything opened
    buying/            what spends: an upgrade from its terms to published chunks
    learning/          a segmenter and labels from talks whose topics are known
    showing/           what is shown, and to whom: records, frames, files
    planning/          what decides: which chunks, model and budget
    measuring/         what judges: how good chunks are
    moving.py          everything moved to a database server and an object store
    page/              a memory to look at in a browser
    cli/               the commands that make no run
    samples/           sample conversations that come along
    testing/           for tests: a clock that is set, conversations, a fake vendor

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
