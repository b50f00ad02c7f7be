"""A huge day in shards: its basic chunks are cut in parts by several processes, and joined.

    plan_shards(day)    how many parts make sense
    cut_shard(day)      one part -> chunks beside the partitions; holds no lock
    join_shards(day)    all parts -> `basic_chunks`, under the day's lock: one file as ever

A shard is a range of the row groups of `raw_conversations`, so no conversation is split. It notes
the hash of what it was cut from: where that has changed since, only conversations that read the
same still take their chunks from shards.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa

from dreaming.chunk import BChunk
from dreaming.errors import DamagedPartition
from dreaming.pipeline.day import Chunker, EarlierChunks, Pipeline, Rechunk, conversations_to_cut
from dreaming.statistics import ChunkStatistics
from dreaming.storage.partitions import Partition, chunk_batches

_log = logging.getLogger(__name__)

SHARD_GROUPS = 8
"""Row groups of a shard by default, about 8 million characters."""
# Cutting them takes much longer than starting a process for it.
MOST_SHARDS = 64
"""Shards of a day, at most, where no count is asked for."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The parts that a day is cut in."""

    name: str
    """A name of this run's own: several runs may cut the same day at once."""
    count: int


def plan_shards(pipeline: Pipeline, day: date, *, count: int | None = None) -> int:
    """How many shards a day is cut in; each has a row group at least.

    As many as `count` asks for, else by the size of the day.
    """
    with pipeline.store.open_conversations(day) as raw:
        sizes = raw.group_sizes
    if count is None:
        count = min(math.ceil(len(sizes) / SHARD_GROUPS), MOST_SHARDS)
    return max(len(split(sizes, count)), 1)


def split(sizes: Sequence[int], count: int) -> list[range]:
    """At most `count` consecutive ranges of row groups, of about the same size; none is empty."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    # A row group belongs to the shard that its middle falls in.
    middles = ends - np.asarray(sizes) / 2
    bounds = [int(np.searchsorted(middles, total * shard / count)) for shard in range(count)]
    bounds.append(len(ends))
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
    """Cut one shard of a day, numbered from 0, as `Pipeline.chunk` cuts the day.

    Its chunks are kept for `join_shards`. Where the day has become smaller, a number without row
    groups is no work.
    """
    chunker = chunker or pipeline.chunker
    statistics = ChunkStatistics()
    # Read before the conversations: where another run replaces them in between, the hash in the
    # notes is an old one, and the shard is not used.
    raw_hash = pipeline.raw_hash(day)
    with pipeline.store.open_conversations(day) as raw, pipeline.earlier_chunks(day) as earlier:
        all_groups = split(raw.group_sizes, shards.count)
        groups = all_groups[number] if number < len(all_groups) else range(0)
        chunker.prepare(conversations_to_cut(raw.rows(groups), earlier, rechunk, chunker))
        chunks = pipeline.cut(raw.rows(groups), earlier, rechunk, chunker, statistics)

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
    """Write the day's `basic_chunks` from its shards.

    What no shard has, or was cut from another text, is cut here.
    """
    chunker = chunker or pipeline.chunker
    try:
        # Opened twice: the slow part is done before the lock is taken, and the parts are looked at
        # again under it.
        with _opened(pipeline, day, shards) as parts:
            for part in parts.missing:
                chunker.prepare(
                    conversations_to_cut(parts.raw.rows(part), parts.earlier, rechunk, chunker)
                )
        with pipeline.locks.hold(day):
            with _opened(pipeline, day, shards) as parts:
                statistics = _write(pipeline, day, parts, rechunk, chunker)
            pipeline.store.clear_shards(day)
            return statistics
    except DamagedPartition as error:
        _log.warning("%s The day is cut in one piece.", error)
        return pipeline.chunk(day, rechunk=rechunk, chunker=chunker)


class _Parts:
    """A day's conversations and its shards, open."""

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
        self.earlier = _FirstOf([*stale, stack.enter_context(pipeline.earlier_chunks(day))])

    @property
    def missing(self) -> list[range]:
        """The row groups that no shard is of."""
        return [groups for number, groups in enumerate(self.groups) if number not in self.usable]


@contextmanager
def _opened(pipeline: Pipeline, day: date, shards: Shards) -> Iterator[_Parts]:
    with ExitStack() as stack:
        yield _Parts(pipeline, day, shards, stack)


@dataclass(frozen=True, slots=True)
class _FirstOf:
    """The earlier chunks of conversations in several places, of which the first counts."""

    places: Sequence[EarlierChunks]

    def of_conversation(self, conversation_id: str) -> Sequence[BChunk]:
        """Its chunks in the first place that has any."""
        for place in self.places:
            chunks = place.of_conversation(conversation_id)
            if chunks:
                return chunks
        return ()


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
                    parts.raw.rows(groups), parts.earlier, rechunk, chunker, statistics
                )
                yield from chunk_batches(statistics.count(chunks))

    pipeline.store.join_chunks("basic_chunks", day, batches(), notes={"raw": parts.raw_hash})
    return statistics
