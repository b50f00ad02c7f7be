"""The memory index: a row a chunk and where its words stand, on SQLite or PostgreSQL, always
rebuildable.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa

from dreaming.chunk import BChunk, ChunkId
from dreaming.conversation import ConversationId
from dreaming.remembering.blocks import clean_blocks, read_postings, tend_blocks
from dreaming.remembering.encoding import NamedEncoder, encode_day, prune_vocabulary
from dreaming.remembering.held import read_held
from dreaming.remembering.passages import Spoken
from dreaming.remembering.postings import Entries
from dreaming.remembering.reader import IndexReader, KeptSegments
from dreaming.remembering.rows import to_chunk
from dreaming.remembering.segments import delete_segments, insert_segment, make_segments
from dreaming.remembering.turns import Turns
from dreaming.storage.database import Database
from dreaming.storage.tables import indexed_chunks, indexed_days


class MemoryIndex:
    """The chunks of all published days, by their words and, where there is an encoder, their
    meaning.
    """

    def __init__(
        self, database: Database, turns: Turns, encoder: NamedEncoder | None = None
    ) -> None:
        self.database = database
        self.turns = turns
        self.encoder = encoder
        self._kept = KeptSegments()

    def replace_day(self, day: date, chunks: Iterable[Spoken], *, partition_hash: str) -> int:
        """Hold exactly these chunks of a day, in one transaction; returns how many.

        Reads none of `chunks` when the day was indexed from a partition with the same hash before;
        else once, or twice where there is an encoder: it takes long, and holds up no other writer.
        """
        held = self._held(day)
        if (
            held is not None
            and held.partition_hash == partition_hash
            and self._has_meaning(held.encoder)
        ):
            return int(held.chunk_count)
        codes = encode_day(self.database, chunks, self.encoder.encode) if self.encoder else {}
        with self.turns.replacing():
            return self._replace(day, chunks, codes, partition_hash)

    def _replace(
        self,
        day: date,
        chunks: Iterable[Spoken],
        codes: Mapping[ChunkId, bytes],
        partition_hash: str,
    ) -> int:
        with self.database.read() as connection:
            before = read_held(connection, day)
        segments = make_segments(chunks, codes, before, self._postings)
        # The first segment, which of most days is the only one, is ready before others are kept
        # waiting.
        first = list(islice(segments, 1))
        with self.database.write() as connection:
            if before != (now := read_held(connection, day)):
                # Another process has replaced the day meanwhile: what was to be taken over is gone.
                before, first, segments = now, [], make_segments(chunks, codes, now, self._postings)
            connection.execute(indexed_days.delete().where(indexed_days.c.day == day.isoformat()))
            count = 0
            for part, segment in enumerate(chain(first, segments)):
                insert_segment(connection, day, part, segment)
                count += len(segment.labels)
            delete_segments(connection, before)
            connection.execute(
                indexed_days.insert().values(
                    day=day.isoformat(),
                    partition_hash=partition_hash,
                    chunk_count=count,
                    encoder=self.encoder.name if self.encoder else None,
                )
            )
        tend_blocks(self.database)
        return count

    def _postings(self, segment_id: int) -> Entries:
        """Those that are committed of a segment: a day that is being replaced still has its old
        ones.
        """
        with self.database.read() as connection:
            return read_postings(connection, segment_id)

    def _held(self, day: date) -> sa.Row[Any] | None:
        with self.database.read() as connection:
            return connection.execute(
                sa.select(indexed_days).where(indexed_days.c.day == day.isoformat())
            ).one_or_none()

    def _has_meaning(self, encoder: str | None) -> bool:
        """Whether what is held was given its codes by this index's encoder, if it has one."""
        return self.encoder is None or self.encoder.name == encoder

    @contextmanager
    def read(self) -> Iterator[IndexReader]:
        """The index as it is now: what is written meanwhile is not seen."""
        with self.database.read() as connection:
            yield IndexReader(connection, self._kept)

    def erase_deleted(self) -> None:
        """Make the words of deleted chunks unreadable in the file too."""
        clean_blocks(self.database)
        prune_vocabulary(self.database)
        self.database.erase_deleted()

    def around(self, chunk: BChunk, *, chunks: int) -> list[BChunk]:
        """The conversation around a chunk: up to so many chunks of its kind before it and after it,
        in order.
        """
        place = (indexed_chunks.c.day, indexed_chunks.c.ordinal)
        here = sa.tuple_(sa.literal(chunk.day.isoformat()), sa.literal(chunk.ordinal))
        same = sa.select(indexed_chunks).where(
            indexed_chunks.c.conversation_id == chunk.conversation_id,
            indexed_chunks.c.kind == chunk.kind,
        )
        before = (
            same.where(sa.tuple_(*place) < here)
            .order_by(*(column.desc() for column in place))
            .limit(chunks)
        )
        after = same.where(sa.tuple_(*place) >= here).order_by(*place).limit(chunks + 1)
        with self.database.read() as connection:
            earlier = [to_chunk(row) for row in connection.execute(before).mappings()]
            return [
                *reversed(earlier),
                *(to_chunk(row) for row in connection.execute(after).mappings()),
            ]

    def days_of(self, conversation_id: str) -> set[date]:
        """The days that have chunks of a conversation."""
        query = (
            sa.select(indexed_chunks.c.day)
            .where(indexed_chunks.c.conversation_id == conversation_id)
            .distinct()
        )
        with self.database.read() as connection:
            return {date.fromisoformat(day) for day in connection.execute(query).scalars()}

    def conversations_of(self, source: str) -> set[ConversationId]:
        """The conversations whose ids begin with the name of a source."""
        ids = indexed_chunks.c.conversation_id
        query = sa.select(ids).where(ids.startswith(f"{source}:", autoescape=True)).distinct()
        with self.database.read() as connection:
            return {ConversationId(found) for found in connection.execute(query).scalars()}

    def chunk_count(self, day: date) -> int:
        """How many chunks are indexed of a day."""
        query = sa.select(indexed_days.c.chunk_count).where(indexed_days.c.day == day.isoformat())
        with self.database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def days(self) -> dict[date, int]:
        """How many chunks are indexed of each day."""
        query = sa.select(indexed_days).order_by(indexed_days.c.day)
        with self.database.read() as connection:
            return {
                date.fromisoformat(row.day): row.chunk_count for row in connection.execute(query)
            }

    def quality_of_days(self) -> dict[date, dict[str, int]]:
        """How many chunks of each quality level each day has, levels that it has none of aside; by
        day in order.
        """
        column = indexed_chunks.c
        query = sa.select(column.day, column.quality_level, sa.func.count()).group_by(
            column.day, column.quality_level
        )
        found: dict[date, dict[str, int]] = {day: {} for day in self.days()}
        with self.database.read() as connection:
            for day, level, count in connection.execute(query):
                found.setdefault(date.fromisoformat(day), {})[level] = int(count)
        return found

    def current_days(self) -> set[date]:
        """The days that are indexed as they are to be: by their meaning too, where there is an
        encoder.
        """
        with self.database.read() as connection:
            rows = connection.execute(sa.select(indexed_days.c.day, indexed_days.c.encoder))
            return {date.fromisoformat(day) for day, encoder in rows if self._has_meaning(encoder)}
