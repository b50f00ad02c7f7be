"""dreaming: each day's conversations become semantic memory chunks overnight.

The map:

    conversation.py chunk.py errors.py   records and the error tree; they import nothing above them
    days.py verbatim.py statistics.py    which day a message belongs to; law 1; what a day holds
    importing/                           export files -> conversations
    sources/                             watched folders, the user's own database
    chunking/                            conversation -> topic boundaries -> basic chunks
    upgrading/                           what was paid for, laid over what is free
    remembering/                         the memory index and search
    storage/                             partitions and databases
    pipeline.py checking.py              the steps of a day; what was written, read again
    settings.py home.py                  the environment; everything opened
    reading.py exporting.py              chunks as a DataFrame; chunks to a file
    cli.py reporting.py                  the front door; what it prints
    testing.py                           a clock that is set, conversations in a line: for tests

Nothing in this package imports Dagster: `assets`, `resources` and `dagster_project` do, and stand above it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreaming.chunk import QUALITY_LEVELS, BChunk
    from dreaming.reading import read_chunks
    from dreaming.remembering.filters import ChunkFilter

_HOMES = {
    "BChunk": "dreaming.chunk",
    "QUALITY_LEVELS": "dreaming.chunk",
    "ChunkFilter": "dreaming.remembering.filters",
    "read_chunks": "dreaming.reading",
}

__all__ = ["QUALITY_LEVELS", "BChunk", "ChunkFilter", "read_chunks"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import dreaming` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dreaming' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
