"""The pipeline: what happens to one day, step by step. The Dagster assets and the command both call
this.

    gather(day)     sources -> raw_conversations
    chunk(day)      raw_conversations -> basic_chunks
    publish(day)    basic_chunks + what was paid for -> upgraded_chunks, and into the memory index

Each step writes one partition, whole or not at all, holding the day's lock; each may be run again
at any time, by any number of processes, and ends in the same state.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from dreaming.chunk import BChunk
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import ConversationDay
from dreaming.errors import DamagedPartition, DreamingError, StorageError
from dreaming.remembering.index import MemoryIndex
from dreaming.remembering.passages import SpokenChunks
from dreaming.sources import DaySource
from dreaming.sources.folder import WatchedFolder
from dreaming.statistics import ChunkStatistics, RawStatistics
from dreaming.storage.archive import Archive
from dreaming.storage.locks import DayLocks
from dreaming.storage.partitions import Partition, PartitionStore, no_chunks
from dreaming.storage.purchases import Purchases
from dreaming.upgrading.overlay import overlay
from dreaming.verbatim import prove_verbatim

_log = logging.getLogger(__name__)

Rechunk = Literal["changed", "outdated"]
"""Which conversations get new chunks: those whose content changed, or also those that an older
segmenter cut.
"""

Engine = Literal["rules", "local"]
"""What cuts them: the rules, or a local LLM."""


PUBLISHING_TIME = timedelta(minutes=10)
"""A run that buys publishes a day when all of it is bought; after so long without a purchase it is
taken for dead.
"""


class Chunker(Protocol):
    """Cuts a conversation-day into basic chunks."""

    def may_keep(self, chunks: Sequence[BChunk]) -> bool:
        """Whether the chunks that an unchanged conversation has may stay."""
        ...

    def prepare(self, days: Iterable[ConversationDay]) -> None:
        """Do what takes long for conversations that will be chunked; no lock is held meanwhile."""
        ...

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> Sequence[BChunk]:
        """The chunks, which tile the conversation-day (law 1)."""
        ...


class ChunksBefore(Protocol):
    """What conversations were cut into before."""

    def of_conversation(self, conversation_id: str) -> Sequence[BChunk]:
        """The chunks of a conversation; none where it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps of a day over the places where things live."""

    archive: Archive
    folders: tuple[WatchedFolder, ...]
    sources: tuple[DaySource, ...]
    store: PartitionStore
    locks: DayLocks
    purchases: Purchases
    index: MemoryIndex
    chunker: Chunker
    clock: Callable[[], datetime]

    def refresh(self) -> None:
        """Import what is new in the watched folders; a folder that cannot be read is logged, and
        stops nothing.
        """
        for folder in self.folders:
            try:
                folder.refresh()
            except (DreamingError, OSError) as error:
                _log.warning("Watched folder %s was not imported: %s", folder.folder, error)

    def waiting_days(self) -> list[date]:
        """The days that a run should take: with news, or known but not published or not searchable;
        in order.

        What was bought by a run that died before it published is news too, when it has had time to.
        Only days that have begun and are not before the start day: the others cannot be run.
        """
        touched, published = (
            set(self.archive.touched_days()),
            set(self.store.days("upgraded_chunks")),
        )
        not_searchable = (touched | published) - self.index.current_days()
        waiting = not_searchable | (touched - published) | set(self.archive.pending_days())
        waiting |= (
            set(self.purchases.unpublished_days(before=self.clock() - PUBLISHING_TIME)) & published
        )
        calendar = self.archive.calendar
        today = calendar.day_of(self.clock())
        return sorted(day for day in waiting if calendar.start <= day <= today)

    def gather(self, day: date) -> RawStatistics:
        """Write the day's `raw_conversations` from all sources."""
        statistics = RawStatistics()
        with self.locks.hold(day):
            revision = self.archive.revision(day)
            rows = statistics.count(self._from_sources(day, statistics))
            self.store.write_conversations(day, rows, notes={"revision": str(revision)})
        return statistics

    def _from_sources(self, day: date, statistics: RawStatistics) -> Iterator[ConversationDay]:
        seen: set[str] = set()
        for row in self.archive.read_day(day):
            seen.add(row.conversation_id)
            yield row
        rule = self.archive.local_only_rule()
        for source in self.sources:
            for row in source.read_day(day, self.archive.calendar):
                if row.conversation_id in seen or self.archive.is_forgotten(row.conversation_id):
                    statistics.left_out += 1
                    continue
                if not statistics.has_other_sources:
                    statistics.has_other_sources = True
                    self.archive.note_other_sources(day)
                seen.add(row.conversation_id)
                yield rule.applied(row)

    def chunk(
        self, day: date, *, rechunk: Rechunk = "outdated", chunker: Chunker | None = None
    ) -> ChunkStatistics:
        """Write the day's `basic_chunks`; conversations that have not changed keep the chunks they
        have.

        `chunker` cuts the others, in the place of the pipeline's own; what it does that takes long,
        it does before the day is locked.
        """
        chunker = chunker or self.chunker
        chunker.prepare(self._to_chunk(day, rechunk, chunker))
        with self.locks.hold(day):
            return self._chunk(day, rechunk, chunker)

    def _to_chunk(self, day: date, rechunk: Rechunk, chunker: Chunker) -> Iterator[ConversationDay]:
        """The conversations that will be chunked, as things are now."""
        with self.store.open_conversations(day) as raw, self.basic_before(day) as before:
            yield from to_cut(raw.rows(), before, rechunk, chunker)

    @contextmanager
    def basic_before(self, day: date) -> Iterator[Partition[BChunk]]:
        """The basic chunks that a day has; none where they cannot be read any more."""
        with ExitStack() as stack:
            try:
                before = stack.enter_context(self.store.open_chunks("basic_chunks", day))
            except DamagedPartition:
                before = no_chunks()
            yield before

    def _chunk(self, day: date, rechunk: Rechunk, chunker: Chunker) -> ChunkStatistics:
        notes = {"raw": self.raw_hash(day)}
        self.store.clear_shards(day)
        try:
            with self.store.open_chunks("basic_chunks", day) as before:
                return self._write_basic(day, before, rechunk, chunker, notes)
        except DamagedPartition as error:
            if error.path != self.store.path("basic_chunks", day):
                raise
            _log.warning("%s All its conversations are chunked again.", error)
            return self._write_basic(day, no_chunks(), rechunk, chunker, notes)

    def _write_basic(
        self,
        day: date,
        before: Partition[BChunk],
        rechunk: Rechunk,
        chunker: Chunker,
        notes: dict[str, str],
    ) -> ChunkStatistics:
        statistics = ChunkStatistics()
        with self.store.open_conversations(day) as raw:
            chunks = self.cut(raw.rows(), before, rechunk, chunker, statistics)
            self.store.write_chunks("basic_chunks", day, statistics.count(chunks), notes=notes)
        return statistics

    def raw_hash(self, day: date) -> str:
        """The hash of the day's `raw_conversations`; raises `StorageError` where there are none."""
        found = self.store.hash_of("raw_conversations", day)
        if found is None:
            raise StorageError(
                f"There are no raw_conversations of {day}. Materialise raw_conversations first."
            )
        return found

    def cut(
        self,
        conversations: Iterable[ConversationDay],
        before: ChunksBefore,
        rechunk: Rechunk,
        chunker: Chunker,
        statistics: ChunkStatistics,
    ) -> Iterator[BChunk]:
        """The basic chunks of conversations, proved; those that
        stand are kept as they were before.
        """
        now = self.clock()
        for conversation in conversations:
            held = before.of_conversation(conversation.conversation_id)
            statistics.conversations += 1
            if _stands(held, conversation, rechunk, chunker):
                statistics.conversations_kept += 1
                statistics.chunks_kept += len(held)
                yield from held
                continue
            chunks = _keeping_creation(chunker.chunk(conversation, created_at=now), held)
            prove_verbatim(conversation, chunks)
            yield from chunks

    def publish(self, day: date) -> ChunkStatistics:
        """Write the day's `upgraded_chunks` and index them: the only writer of what people see.

        Reads raw, basic and paid chunks again under the day's lock; where another run has brought
        newer conversations since, it chunks them first. Raises `VerbatimError`, and leaves what was
        published, when law 1 would break.
        """
        statistics = ChunkStatistics()
        with self.locks.hold(day), ExitStack() as stack:
            raw_hash, bought = self.raw_hash(day), self.purchases.revision(day)
            if self._cut_from(day) != raw_hash:
                self._chunk(day, "changed", self.chunker)
            raw = stack.enter_context(self.store.open_conversations(day))
            basic = stack.enter_context(self.store.open_chunks("basic_chunks", day))
            chunks = statistics.count(self._current(raw, basic, statistics))
            file_hash = self.store.write_chunks(
                "upgraded_chunks", day, chunks, notes={"raw": raw_hash}
            )
            self._index(day, file_hash)
            self.archive.mark_published(day, int(raw.notes.get("revision", "0")))
            self.purchases.mark_published(day, bought)
        return statistics

    def _cut_from(self, day: date) -> str | None:
        try:
            with self.store.open_chunks("basic_chunks", day) as basic:
                return basic.notes.get("raw")
        except DamagedPartition:
            return None

    def _current(
        self, raw: Partition[ConversationDay], basic: Partition[BChunk], statistics: ChunkStatistics
    ) -> Iterator[BChunk]:
        for conversation in raw.rows():
            statistics.conversations += 1
            chunks = overlay(
                conversation,
                basic.of_conversation(conversation.conversation_id),
                self.purchases.of_conversation(conversation.conversation_id),
                count_tokens=count_tokens,
            )
            prove_verbatim(conversation, chunks)
            yield from chunks

    def remember(self, day: date) -> int:
        """Make the memory index hold the day's `upgraded_chunks`,
        and only those; returns how many.
        """
        with self.locks.hold(day):
            return self._index(day, self.store.hash_of("upgraded_chunks", day) or "")

    def _index(self, day: date, file_hash: str) -> int:
        with (
            self.store.open_conversations(day) as raw,
            self.store.open_chunks("upgraded_chunks", day) as chunks,
        ):
            spoken = SpokenChunks(
                chunks.rows, lambda held: next(iter(raw.of_conversation(held)), None)
            )
            return self.index.replace_day(day, spoken, partition_hash=file_hash)

    def run_day(self, day: date, *, rechunk: Rechunk = "outdated") -> ChunkStatistics:
        """All steps of a day: what a Dagster run of all assets does, without Dagster."""
        self.gather(day)
        self.chunk(day, rechunk=rechunk)
        return self.publish(day)


def to_cut(
    conversations: Iterable[ConversationDay],
    before: ChunksBefore,
    rechunk: Rechunk,
    chunker: Chunker,
) -> Iterator[ConversationDay]:
    """The conversations that do not keep the chunks that they had before."""
    for conversation in conversations:
        if not _stands(_held(before, conversation), conversation, rechunk, chunker):
            yield conversation


def _held(before: ChunksBefore, conversation: ConversationDay) -> Sequence[BChunk]:
    """The basic chunks that a conversation has; none where they cannot be read any more."""
    try:
        return before.of_conversation(conversation.conversation_id)
    except DamagedPartition:
        return ()


def _stands(
    held: Sequence[BChunk], conversation: ConversationDay, rechunk: Rechunk, chunker: Chunker
) -> bool:
    """Whether a conversation keeps the chunks that it has."""
    if not held or any(chunk.source_hash != conversation.content_hash for chunk in held):
        return False
    return rechunk == "changed" or chunker.may_keep(held)


def _keeping_creation(chunks: Iterable[BChunk], before: Iterable[BChunk]) -> list[BChunk]:
    """The chunks, with the time of creation of those that were there before."""
    created = {chunk.chunk_id: chunk.created_at for chunk in before}
    return [
        replace(chunk, created_at=created.get(chunk.chunk_id, chunk.created_at)) for chunk in chunks
    ]
