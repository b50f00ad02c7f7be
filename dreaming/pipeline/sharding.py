"""A huge day in shards: its basic chunks are cut in parts, by processes or machines at the same
time, and put together.

    plan_shards(day)    how many parts make sense
    cut_shard(day)      one part -> chunks beside the partitions; holds no lock
    join_shards(day)    all parts -> `basic_chunks`, under the day's lock: one file as ever

A shard is a range of the row groups of `raw_conversations`, so no conversation is split. It notes
the hash of what it was cut from: where that has changed since, only conversations that read the
same still take their chunks from shards.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa

from dreaming.chunk import BChunk
from dreaming.errors import DamagedPartition
from dreaming.pipeline.day import Chunker, ChunksBefore, Pipeline, Rechunk, to_cut
from dreaming.statistics import ChunkStatistics
from dreaming.storage.partitions import Partition, chunk_batches

_log = logging.getLogger(__name__)

SHARD_GROUPS = 8
"""Row groups that a shard has by default: about 8 million characters, which take long beside
starting a process.
"""
MOST_SHARDS = 64


@dataclass(frozen=True, slots=True)
class Shards:
    """The parts that a day is cut in."""

    name: str
    """Tells them from those of any other run over the same day."""
    count: int


def plan_shards(pipeline: Pipeline, day: date, *, count: int | None = None) -> int:
    """How many shards a day is cut in: as many as are asked for, or as make sense, but none without
    a row group.
    """
    with pipeline.store.open_conversations(day) as raw:
        sizes = raw.group_sizes
    wanted = min(-(-len(sizes) // SHARD_GROUPS), MOST_SHARDS) if count is None else count
    return max(len(split(sizes, wanted)), 1)


def split(sizes: Sequence[int], count: int) -> list[range]:
    """Ranges of row groups that follow one another and are about of one size, at most so many; none
    is empty.
    """
    reached = np.cumsum(sizes)
    total = int(reached[-1]) if len(reached) else 0
    # A row group belongs to the shard that its middle falls in.
    middles = reached - np.asarray(sizes) / 2
    bounds = [int(np.searchsorted(middles, total * n / count)) for n in range(count)] + [
        len(reached)
    ]
    return [range(first, end) for first, end in pairwise(bounds) if first < end]


def cut_shard(
    pipeline: Pipeline,
    day: date,
    shards: Shards,
    number: int,
    *,
    rechunk: Rechunk = "outdated",
    chunker: Chunker | None = None,
) -> ChunkStatistics:
    """Cut one shard of a day, numbered from 0, as `Pipeline.chunk` cuts the day; it waits for
    `join_shards`.

    A number that the day has no row group for any more is no work.
    """
    chunker, statistics = chunker or pipeline.chunker, ChunkStatistics()
    # Before anything is read: where another run replaces it meanwhile, the note tells.
    raw_hash = pipeline.raw_hash(day)
    with pipeline.store.open_conversations(day) as raw, pipeline.basic_before(day) as before:
        groups = dict(enumerate(split(raw.group_sizes, shards.count))).get(number, range(0))
        chunker.prepare(to_cut(raw.rows(groups), before, rechunk, chunker))
        chunks = pipeline.cut(raw.rows(groups), before, rechunk, chunker, statistics)

        def notes() -> dict[str, str]:
            noted = {"raw": raw_hash, "groups": f"{groups.start}-{groups.stop}"}
            return noted | {"statistics": json.dumps(statistics.as_json())}

        pipeline.store.write_shard(day, shards.name, number, statistics.count(chunks), notes=notes)
    return statistics


def join_shards(
    pipeline: Pipeline,
    day: date,
    shards: Shards,
    *,
    rechunk: Rechunk = "outdated",
    chunker: Chunker | None = None,
) -> ChunkStatistics:
    """Write the day's `basic_chunks` from its shards; what they lack, or was cut from another text,
    is cut here.
    """
    chunker = chunker or pipeline.chunker
    try:
        with _opened(pipeline, day, shards) as parts:
            for part in parts.missing:
                chunker.prepare(to_cut(parts.raw.rows(part), parts.before, rechunk, chunker))
        with pipeline.locks.hold(day):
            with _opened(pipeline, day, shards) as parts:
                statistics = _write(pipeline, day, parts, rechunk, chunker)
            pipeline.store.clear_shards(day)
            return statistics
    except DamagedPartition as error:
        _log.warning("%s The day is cut in one piece.", error)
        return pipeline.chunk(day, rechunk=rechunk, chunker=chunker)


class _Parts:
    """A day's text and what waits of its chunks, open."""

    def __init__(self, pipeline: Pipeline, day: date, shards: Shards, stack: ExitStack) -> None:
        self.raw_hash = pipeline.raw_hash(day)
        self.raw = stack.enter_context(pipeline.store.open_conversations(day))
        self.groups = split(self.raw.group_sizes, shards.count)
        waiting = [
            stack.enter_context(pipeline.store.open_shard(day, shards.name, number))
            for number in range(shards.count)
        ]
        self.usable = {
            number: waiting[number]
            for number, groups in enumerate(self.groups)
            if _is_of(waiting[number], self.raw_hash, groups)
        }
        stale = [
            shard
            for number, shard in enumerate(waiting)
            if number not in self.usable and shard.row_count
        ]
        self.before = _Before([*stale, stack.enter_context(pipeline.basic_before(day))])

    @property
    def missing(self) -> list[range]:
        """The row groups that no shard is of."""
        return [groups for number, groups in enumerate(self.groups) if number not in self.usable]


@contextmanager
def _opened(pipeline: Pipeline, day: date, shards: Shards) -> Iterator[_Parts]:
    with ExitStack() as stack:
        yield _Parts(pipeline, day, shards, stack)


@dataclass(frozen=True, slots=True)
class _Before:
    """Chunks that conversations have in several places, the first of which counts."""

    places: Sequence[ChunksBefore]

    def of_conversation(self, conversation_id: str) -> Sequence[BChunk]:
        """Its chunks in the first place that has any."""
        return next(
            (found for place in self.places if (found := place.of_conversation(conversation_id))),
            (),
        )


def _is_of(shard: Partition[BChunk], raw_hash: str, groups: range) -> bool:
    notes = shard.notes
    return notes.get("raw") == raw_hash and notes.get("groups") == f"{groups.start}-{groups.stop}"


def _write(
    pipeline: Pipeline, day: date, parts: _Parts, rechunk: Rechunk, chunker: Chunker
) -> ChunkStatistics:
    statistics = ChunkStatistics()
    if parts.missing:
        _log.warning(
            "%d of %d shards of %s are cut again here.", len(parts.missing), len(parts.groups), day
        )

    def batches() -> Iterator[pa.RecordBatch]:
        for number, groups in enumerate(parts.groups):
            if shard := parts.usable.get(number):
                statistics.add(ChunkStatistics.from_json(json.loads(shard.notes["statistics"])))
                yield from shard.batches()
            else:
                chunks = pipeline.cut(
                    parts.raw.rows(groups), parts.before, rechunk, chunker, statistics
                )
                yield from chunk_batches(statistics.count(chunks))

    pipeline.store.join_chunks("basic_chunks", day, batches(), notes={"raw": parts.raw_hash})
    return statistics
