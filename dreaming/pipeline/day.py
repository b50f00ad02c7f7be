"""The steps of a day. The Dagster assets and the command both call them.

    gather(day)     sources -> raw_conversations
    chunk(day)      raw_conversations -> basic_chunks
    publish(day)    basic_chunks + what was paid for -> upgraded_chunks, and into the memory index

Each partition is written whole or not at all, under the day's lock. A step may be run again at any
time, by any number of processes, and ends in the same state, also where it died between writes.
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
"""Which conversations get new chunks.

changed     those whose content changed
outdated    also those that an older segmenter cut
"""

Engine = Literal["rules", "local"]
"""What cuts basic chunks: the rules, or a local LLM."""

PUBLISHING_TIME = timedelta(minutes=10)
"""Bought chunks unpublished for this long are taken for a dead or failed run's.

The next run publishes them.
"""
# A run that still works on the day loses nothing by that: it is published again.


class Chunker(Protocol):
    """Cuts a conversation-day into basic chunks."""

    def may_keep(self, chunks: Sequence[BChunk]) -> bool:
        """Whether an unchanged conversation may keep the chunks that it has."""
        ...

    def prepare(self, days: Iterable[ConversationDay]) -> None:
        """Do the slow part for conversations that will be chunked; no lock is held meanwhile."""
        ...

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> Sequence[BChunk]:
        """The chunks, which tile the conversation-day (law 1)."""
        ...


class EarlierChunks(Protocol):
    """The chunks that conversations had before a run."""

    def of_conversation(self, conversation_id: str) -> Sequence[BChunk]:
        """The chunks of a conversation, which may be none."""
        ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The steps of a day, on the stores of a home."""

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
        """Import what is new in the watched folders."""
        for folder in self.folders:
            try:
                folder.refresh()
            except (DreamingError, OSError) as error:
                # An unplugged disk must not stop the night: what was imported before is still run.
                _log.warning("Watched folder %s was not imported: %s", folder.folder, error)

    def waiting_days(self) -> list[date]:
        """The days that a run should take, in order.

        Days with new imports, days that are not published or not searchable, and days on which a
        run died before it published what it had bought.
        """
        touched = set(self.archive.touched_days())
        published = set(self.store.days("upgraded_chunks"))
        not_searchable = (touched | published) - self.index.current_days()
        not_published = touched - published
        abandoned_before = self.clock() - PUBLISHING_TIME
        abandoned = set(self.purchases.unpublished_days(before=abandoned_before))
        waiting = not_searchable | not_published | set(self.archive.pending_days())
        waiting |= abandoned & published
        # Days before the start day or still to come are no partitions: they cannot be run.
        calendar = self.archive.calendar
        today = calendar.day_of(self.clock())
        return sorted(day for day in waiting if calendar.start <= day <= today)

    def gather(self, day: date) -> RawStatistics:
        """Write the day's `raw_conversations` from all sources."""
        statistics = RawStatistics()
        with self.locks.hold(day):
            # Read before the conversations: an import that comes in between makes the day wait
            # again, and is not taken for published.
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
        """Write the day's `basic_chunks`; unchanged conversations keep the chunks that they have.

        `chunker` cuts the others, by default the pipeline's own.
        """
        chunker = chunker or self.chunker
        # Before the lock is taken: a local LLM may take minutes.
        chunker.prepare(self._conversations_to_chunk(day, rechunk, chunker))
        with self.locks.hold(day):
            return self._chunk(day, rechunk, chunker)

    def _conversations_to_chunk(
        self, day: date, rechunk: Rechunk, chunker: Chunker
    ) -> Iterator[ConversationDay]:
        """The conversations that will be chunked, as things are now."""
        with self.store.open_conversations(day) as raw, self.earlier_chunks(day) as earlier:
            yield from conversations_to_cut(raw.rows(), earlier, rechunk, chunker)

    @contextmanager
    def earlier_chunks(self, day: date) -> Iterator[Partition[BChunk]]:
        """The basic chunks that a day has; none where their partition is damaged."""
        with ExitStack() as stack:
            try:
                earlier = stack.enter_context(self.store.open_chunks("basic_chunks", day))
            except DamagedPartition:
                earlier = no_chunks()
            yield earlier

    def _chunk(self, day: date, rechunk: Rechunk, chunker: Chunker) -> ChunkStatistics:
        notes = {"raw": self.raw_hash(day)}
        self.store.clear_shards(day)
        try:
            with self.store.open_chunks("basic_chunks", day) as earlier:
                return self._write_basic(day, earlier, rechunk, chunker, notes)
        except DamagedPartition as error:
            # Basic chunks can be made again from the conversations; damaged conversations cannot.
            if error.path != self.store.path("basic_chunks", day):
                raise
            _log.warning("%s All its conversations are chunked again.", error)
            return self._write_basic(day, no_chunks(), rechunk, chunker, notes)

    def _write_basic(
        self,
        day: date,
        earlier: Partition[BChunk],
        rechunk: Rechunk,
        chunker: Chunker,
        notes: dict[str, str],
    ) -> ChunkStatistics:
        statistics = ChunkStatistics()
        with self.store.open_conversations(day) as raw:
            chunks = self.cut(raw.rows(), earlier, rechunk, chunker, statistics)
            self.store.write_chunks("basic_chunks", day, statistics.count(chunks), notes=notes)
        return statistics

    def raw_hash(self, day: date) -> str:
        """The hash of the day's `raw_conversations`; raises `StorageError` where there are none."""
        raw_hash = self.store.hash_of("raw_conversations", day)
        if raw_hash is None:
            raise StorageError(
                f"There are no raw_conversations of {day}. Materialise raw_conversations first."
            )
        return raw_hash

    def cut(
        self,
        conversations: Iterable[ConversationDay],
        earlier: EarlierChunks,
        rechunk: Rechunk,
        chunker: Chunker,
        statistics: ChunkStatistics,
    ) -> Iterator[BChunk]:
        """The basic chunks of conversations, kept or cut; law 1 is proved of those that are cut."""
        now = self.clock()
        for conversation in conversations:
            own = earlier.of_conversation(conversation.conversation_id)
            statistics.conversations += 1
            if _keeps_chunks(own, conversation, rechunk, chunker):
                statistics.conversations_kept += 1
                statistics.chunks_kept += len(own)
                yield from own
                continue
            cut = chunker.chunk(conversation, created_at=now)
            chunks = _with_earlier_creation(cut, own)
            prove_verbatim(conversation, chunks)
            yield from chunks

    def publish(self, day: date) -> ChunkStatistics:
        """Write the day's `upgraded_chunks` and index them: the only writer of what people see.

        Reads raw, basic and paid chunks again under the day's lock; where the basic chunks are of
        older conversations, or damaged, it chunks first. Raises `VerbatimError`, and leaves what
        was published, when law 1 would break.
        """
        statistics = ChunkStatistics()
        with self.locks.hold(day), ExitStack() as stack:
            raw_hash = self.raw_hash(day)
            # Read before the purchases: what is bought from here on makes the day wait again.
            purchases_revision = self.purchases.revision(day)
            if self._chunked_raw_hash(day) != raw_hash:
                self._chunk(day, "changed", self.chunker)
            raw = stack.enter_context(self.store.open_conversations(day))
            basic = stack.enter_context(self.store.open_chunks("basic_chunks", day))
            chunks = statistics.count(self._overlaid(raw, basic, statistics))
            file_hash = self.store.write_chunks(
                "upgraded_chunks", day, chunks, notes={"raw": raw_hash}
            )
            self._index(day, file_hash)
            # Last: a process that dies before this leaves a day that waits, and is run again.
            self.archive.mark_published(day, int(raw.notes.get("revision", "0")))
            self.purchases.mark_published(day, purchases_revision)
        return statistics

    def _chunked_raw_hash(self, day: date) -> str | None:
        """The hash of the conversations that the day's basic chunks were cut from."""
        try:
            with self.store.open_chunks("basic_chunks", day) as basic:
                return basic.notes.get("raw")
        except DamagedPartition:
            return None

    def _overlaid(
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
        """Replace the day in the memory index by its `upgraded_chunks`; returns their count."""
        with self.locks.hold(day):
            return self._index(day, self.store.hash_of("upgraded_chunks", day) or "")

    def _index(self, day: date, file_hash: str) -> int:
        with (
            self.store.open_conversations(day) as raw,
            self.store.open_chunks("upgraded_chunks", day) as chunks,
        ):
            spoken = SpokenChunks(
                chunks.rows,
                lambda conversation_id: next(iter(raw.of_conversation(conversation_id)), None),
            )
            return self.index.replace_day(day, spoken, partition_hash=file_hash)

    def run_day(self, day: date, *, rechunk: Rechunk = "outdated") -> ChunkStatistics:
        """All steps of a day, as a Dagster run of all assets makes them."""
        self.gather(day)
        self.chunk(day, rechunk=rechunk)
        return self.publish(day)


def conversations_to_cut(
    conversations: Iterable[ConversationDay],
    earlier: EarlierChunks,
    rechunk: Rechunk,
    chunker: Chunker,
) -> Iterator[ConversationDay]:
    """The conversations that do not keep the chunks that they had."""
    for conversation in conversations:
        try:
            own = earlier.of_conversation(conversation.conversation_id)
        except DamagedPartition:
            own = ()
        if not _keeps_chunks(own, conversation, rechunk, chunker):
            yield conversation


def _keeps_chunks(
    own: Sequence[BChunk], conversation: ConversationDay, rechunk: Rechunk, chunker: Chunker
) -> bool:
    """Whether a conversation keeps the chunks that it has."""
    if not own:
        return False
    is_changed = any(chunk.source_hash != conversation.content_hash for chunk in own)
    if is_changed:
        return False
    return rechunk == "changed" or chunker.may_keep(own)


def _with_earlier_creation(chunks: Iterable[BChunk], earlier: Iterable[BChunk]) -> list[BChunk]:
    """The chunks, those that were there before with the time at which they were first made."""
    created = {chunk.chunk_id: chunk.created_at for chunk in earlier}
    return [
        replace(chunk, created_at=created.get(chunk.chunk_id, chunk.created_at)) for chunk in chunks
    ]
