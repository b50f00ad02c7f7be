"""The memory index: chunks and the postings of their words, on SQLite or PostgreSQL.

It is a projection of the partitions: it can be deleted, and the next run rebuilds it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa

from dreaming.chunk import BChunk, ChunkId
from dreaming.conversation import ConversationId
from dreaming.remembering.encoding import NamedEncoder, encode_day, prune_vocabulary
from dreaming.remembering.passages import SpokenChunk
from dreaming.remembering.posting_blocks import clean_blocks, read_postings, tend_blocks
from dreaming.remembering.postings import SegmentPostings
from dreaming.remembering.reader import IndexReader, SegmentCache
from dreaming.remembering.rows import to_chunk
from dreaming.remembering.segments import delete_segments, insert_segment, make_segments
from dreaming.remembering.stored_segments import read_stored_segments
from dreaming.remembering.writer_priority import WriterPriority
from dreaming.storage.database import Database
from dreaming.storage.tables import indexed_chunks, indexed_days


class MemoryIndex:
    """The chunks of all published days, by their words and, with an encoder, by their meaning."""

    def __init__(
        self,
        database: Database,
        writer_priority: WriterPriority,
        encoder: NamedEncoder | None = None,
    ) -> None:
        self.database = database
        self.writer_priority = writer_priority
        self.encoder = encoder
        self._segment_cache = SegmentCache()

    def replace_day(
        self,
        day: date,
        chunks: Iterable[SpokenChunk],
        *,
        partition_hash: str,
    ) -> int:
        """Replace a day by exactly these chunks, in one transaction; returns how many.

        Does not read `chunks` when the day was indexed from a partition with the same hash before;
        otherwise reads them once, or twice where there is an encoder. Other writers can work while
        passages are encoded.
        """
        stored = self._stored_day(day)
        is_current = (
            stored is not None
            and stored.partition_hash == partition_hash
            and self._has_meaning(stored.encoder)
        )
        if stored is not None and is_current:
            return int(stored.chunk_count)
        # Before the write transaction: a model reads every new passage, which takes long.
        codes: dict[ChunkId, bytes] = {}
        if self.encoder is not None:
            codes = encode_day(self.database, chunks, self.encoder.encode)
        with self.writer_priority.replacing():
            return self._replace(day, chunks, codes, partition_hash)

    def _replace(
        self,
        day: date,
        chunks: Iterable[SpokenChunk],
        codes: Mapping[ChunkId, bytes],
        partition_hash: str,
    ) -> int:
        with self.database.read() as connection:
            stored = read_stored_segments(connection, day)
        segments = make_segments(chunks, codes, stored, self._postings)
        # The first segment, which most days have alone, is built before the write lock is taken:
        # other writers wait for the inserts only.
        prepared = list(islice(segments, 1))
        with self.database.write() as connection:
            stored_now = read_stored_segments(connection, day)
            if stored_now != stored:
                # Another process has replaced the day since: what was to be reused is gone.
                stored = stored_now
                prepared = []
                segments = make_segments(chunks, codes, stored, self._postings)
            # First: the row's lock makes a second writer of the day wait before it writes anything.
            connection.execute(indexed_days.delete().where(indexed_days.c.day == day.isoformat()))
            count = 0
            for part, segment in enumerate(chain(prepared, segments)):
                insert_segment(connection, day, part, segment)
                count += len(segment.labels)
            # After the inserts, which move the rows of unchanged chunks out of these segments.
            delete_segments(connection, stored)
            self._note_day(connection, day, partition_hash, count)
        tend_blocks(self.database)
        return count

    def _note_day(
        self, connection: sa.Connection, day: date, partition_hash: str, chunk_count: int
    ) -> None:
        cells = {
            "day": day.isoformat(),
            "partition_hash": partition_hash,
            "chunk_count": chunk_count,
            "encoder": self.encoder.name if self.encoder else None,
        }
        connection.execute(indexed_days.insert().values(cells))

    def _postings(self, segment_id: int) -> SegmentPostings:
        """The committed postings of a segment."""
        # On a connection of its own: it sees the old segments also while the write transaction
        # replaces them.
        with self.database.read() as connection:
            return read_postings(connection, segment_id)

    def _stored_day(self, day: date) -> sa.Row[Any] | None:
        query = sa.select(indexed_days).where(indexed_days.c.day == day.isoformat())
        with self.database.read() as connection:
            return connection.execute(query).one_or_none()

    def _has_meaning(self, encoder: str | None) -> bool:
        """Whether codes of this encoder are the ones that this index searches with."""
        # Without an encoder, searches do not use codes: those of any encoder may stay.
        return self.encoder is None or self.encoder.name == encoder

    @contextmanager
    def read(self) -> Iterator[IndexReader]:
        """The index in its present state; later writes are not seen."""
        with self.database.read() as connection:
            yield IndexReader(connection, self._segment_cache)

    def erase_deleted(self) -> None:
        """Make the words of deleted chunks unreadable in the file too."""
        # The file last: what the first two delete is erased with it.
        clean_blocks(self.database)
        prune_vocabulary(self.database)
        self.database.erase_deleted()

    def around(
        self,
        chunk: BChunk,
        *,
        chunks: int,
    ) -> list[BChunk]:
        """The conversation around a chunk, in order: up to `chunks` of its kind on either side."""
        order = (indexed_chunks.c.day, indexed_chunks.c.ordinal)
        # A row comparison, so that one condition orders by day and then by ordinal.
        place = sa.tuple_(*order)
        here = sa.tuple_(
            sa.literal(chunk.day.isoformat()),
            sa.literal(chunk.ordinal),
        )
        of_conversation = sa.select(indexed_chunks).where(
            indexed_chunks.c.conversation_id == chunk.conversation_id,
            indexed_chunks.c.kind == chunk.kind,
        )
        nearest_first = [column.desc() for column in order]
        before = of_conversation.where(place < here).order_by(*nearest_first).limit(chunks)
        from_here = of_conversation.where(place >= here).order_by(*order).limit(chunks + 1)
        with self.database.read() as connection:
            earlier = connection.execute(before).mappings().all()
            later = connection.execute(from_here).mappings().all()
        return [to_chunk(row) for row in [*reversed(earlier), *later]]

    def days_of(self, conversation_id: str) -> set[date]:
        """The days that have chunks of a conversation."""
        is_own = indexed_chunks.c.conversation_id == conversation_id
        query = sa.select(indexed_chunks.c.day).where(is_own).distinct()
        with self.database.read() as connection:
            days = connection.execute(query).scalars().all()
        return {date.fromisoformat(day) for day in days}

    def conversations_of(self, source: str) -> set[ConversationId]:
        """The conversations whose ids begin with the name of a source."""
        ids = indexed_chunks.c.conversation_id
        query = sa.select(ids).where(ids.startswith(f"{source}:", autoescape=True)).distinct()
        with self.database.read() as connection:
            conversation_ids = connection.execute(query).scalars().all()
        return {ConversationId(conversation_id) for conversation_id in conversation_ids}

    def chunk_count(self, day: date) -> int:
        """The number of indexed chunks of a day."""
        query = sa.select(indexed_days.c.chunk_count).where(indexed_days.c.day == day.isoformat())
        with self.database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def days(self) -> dict[date, int]:
        """The number of indexed chunks of each day, by day in order."""
        query = sa.select(indexed_days).order_by(indexed_days.c.day)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {date.fromisoformat(row.day): row.chunk_count for row in rows}

    def quality_of_days(self) -> dict[date, dict[str, int]]:
        """The number of chunks of each quality level of each day, by day in order.

        A level that a day has no chunk of is left out.
        """
        column = indexed_chunks.c
        query = sa.select(
            column.day,
            column.quality_level,
            sa.func.count(),
        )
        query = query.group_by(column.day, column.quality_level)
        # A day without chunks has no row in the query, but is a day of the index.
        counts: dict[date, dict[str, int]] = {day: {} for day in self.days()}
        with self.database.read() as connection:
            for day, level, count in connection.execute(query):
                of_day = counts.setdefault(date.fromisoformat(day), {})
                of_day[level] = int(count)
        return counts

    def current_days(self) -> set[date]:
        """The days that need no indexing: with an encoder, those that it has encoded."""
        query = sa.select(
            indexed_days.c.day,
            indexed_days.c.encoder,
        )
        with self.database.read() as connection:
            rows = connection.execute(query).all()
        return {date.fromisoformat(day) for day, encoder in rows if self._has_meaning(encoder)}
