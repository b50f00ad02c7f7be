"""The memory index: a row a chunk and where its words stand, on SQLite or PostgreSQL, always rebuildable."""

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.chunk import BChunk, ChunkKind
from dreaming.conversation import ConversationId
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.passages import SIGNS, Passage, Spoken, Voice, read_passages
from dreaming.remembering.postings import HEADER, SEGMENT_CHUNKS, pack_postings
from dreaming.remembering.rows import read_voices, to_chunk, to_row
from dreaming.remembering.words import words
from dreaming.storage.database import Database
from dreaming.storage.tables import chunk_labels, indexed_chunks, indexed_days, postings, segments

LENGTHS = np.dtype("<u4")
_FEW_SEGMENTS = 100
"""Up to so many are named in a query; of more, all rows of a bucket are read."""


class Segment(NamedTuple):
    """Chunks that are indexed together."""

    segment_id: int
    day: date
    passage_count: int
    lengths: NDArray[np.uint32]
    """Half words of each chunk."""


class Row(NamedTuple):
    """What a ranking reads of a chunk."""

    row_id: int
    conversation_id: ConversationId
    voices: tuple[Voice, ...]
    signs: NDArray[np.void]


class MemoryIndex:
    """The chunks of all published days, by their words."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def replace_day(self, day: date, chunks: Iterable[Spoken], *, partition_hash: str) -> int:
        """Hold exactly these chunks of a day, in one transaction; returns how many.

        Reads none of `chunks` when the day was indexed from a partition with the same hash before.
        """
        with self.database.write() as connection:
            held = connection.execute(
                sa.select(indexed_days).where(indexed_days.c.day == day.isoformat())
            ).one_or_none()
            if held is not None and held.partition_hash == partition_hash:
                return int(held.chunk_count)
            _delete_day(connection, day)
            count = 0
            for part, (kind, batch) in enumerate(_segments(chunks)):
                _insert_segment(connection, day, part, kind, batch)
                count += len(batch)
            connection.execute(
                indexed_days.insert().values(day=day.isoformat(), partition_hash=partition_hash, chunk_count=count)
            )
        return count

    @contextmanager
    def read(self) -> Iterator["IndexReader"]:
        """The index as it is now: what is written meanwhile is not seen."""
        with self.database.read() as connection:
            yield IndexReader(connection)

    def erase_deleted(self) -> None:
        """Make the words of deleted chunks unreadable in the file too."""
        self.database.erase_deleted()

    def around(self, chunk: BChunk, *, chunks: int) -> list[BChunk]:
        """The conversation around a chunk: up to so many chunks of its kind before it and after it, in order."""
        place = (indexed_chunks.c.day, indexed_chunks.c.ordinal)
        here = sa.tuple_(sa.literal(chunk.day.isoformat()), sa.literal(chunk.ordinal))
        same = sa.select(indexed_chunks).where(
            indexed_chunks.c.conversation_id == chunk.conversation_id, indexed_chunks.c.kind == chunk.kind
        )
        before = same.where(sa.tuple_(*place) < here).order_by(*(column.desc() for column in place)).limit(chunks)
        after = same.where(sa.tuple_(*place) >= here).order_by(*place).limit(chunks + 1)
        with self.database.read() as connection:
            earlier = [to_chunk(row) for row in connection.execute(before).mappings()]
            return [*reversed(earlier), *(to_chunk(row) for row in connection.execute(after).mappings())]

    def days_of(self, conversation_id: str) -> set[date]:
        """The days that have chunks of a conversation."""
        query = sa.select(indexed_chunks.c.day).where(indexed_chunks.c.conversation_id == conversation_id).distinct()
        with self.database.read() as connection:
            return {date.fromisoformat(day) for day in connection.execute(query).scalars()}

    def chunk_count(self, day: date) -> int:
        """How many chunks are indexed of a day."""
        query = sa.select(indexed_days.c.chunk_count).where(indexed_days.c.day == day.isoformat())
        with self.database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def days(self) -> dict[date, int]:
        """How many chunks are indexed of each day."""
        query = sa.select(indexed_days).order_by(indexed_days.c.day)
        with self.database.read() as connection:
            return {date.fromisoformat(row.day): row.chunk_count for row in connection.execute(query)}


class IndexReader:
    """What a search reads, of one state of the index."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def segments(self, wanted: ChunkFilter) -> list[Segment]:
        """The segments of the days and kinds that are wanted, the newest first."""
        column = segments.c
        query = sa.select(column.segment_id, column.day, column.passage_count, column.lengths).where(
            column.kind.in_(wanted.kinds) if wanted.kinds else sa.true(), *_days(wanted, column.day)
        )
        rows = self._connection.execute(query.order_by(column.day.desc(), column.part)).all()
        return [
            Segment(row.segment_id, date.fromisoformat(row.day), row.passage_count, np.frombuffer(row.lengths, LENGTHS))
            for row in rows
        ]

    def postings(self, buckets: Sequence[int], segment_ids: Sequence[int]) -> dict[int, dict[int, bytes]]:
        """What is packed in buckets, by bucket and segment."""
        column = postings.c
        query = sa.select(column.bucket, column.segment_id, column.packed).where(column.bucket.in_(buckets))
        if len(segment_ids) <= _FEW_SEGMENTS:
            query = query.where(column.segment_id.in_(segment_ids))
        found: dict[int, dict[int, bytes]] = {bucket: {} for bucket in buckets}
        for bucket, segment_id, packed in self._connection.execute(query):
            found[bucket][segment_id] = packed
        return found

    def rows(self, row_ids: Iterable[int]) -> list[Row]:
        """What a ranking reads of chunks, in order of `row_id`."""
        column = indexed_chunks.c
        query = sa.select(column.row_id, column.conversation_id, column.voices, column.signs)
        rows = self._connection.execute(query.where(column.row_id.in_(list(row_ids))).order_by(column.row_id))
        return [Row(n, conversation, read_voices(v), np.frombuffer(signs, SIGNS)) for n, conversation, v, signs in rows]

    def satisfying(self, row_ids: Iterable[int], wanted: ChunkFilter, excluded: Container[ConversationId]) -> set[int]:
        """Those of the chunks that satisfy a filter, days and kinds aside, and are of no excluded conversation."""
        column = indexed_chunks.c
        query = sa.select(column.row_id, column.conversation_id).where(column.row_id.in_(list(row_ids)))
        rows = self._connection.execute(query.where(*_conditions(wanted)))
        return {row_id for row_id, conversation_id in rows if conversation_id not in excluded}

    def spoken(self, row_ids: Sequence[int]) -> dict[int, Spoken]:
        """The chunks of rows, with who says what in them."""
        query = sa.select(indexed_chunks).where(indexed_chunks.c.row_id.in_(row_ids))
        found = {}
        for row in self._connection.execute(query).mappings():
            voices = read_voices(row["voices"])
            said = np.frombuffer(row["signs"], SIGNS)["voice"].tolist()
            found[row["row_id"]] = Spoken(to_chunk(row), None, tuple(voices[number] for number in said))
        return found


def _segments(chunks: Iterable[Spoken]) -> Iterator[tuple[ChunkKind, list[Spoken]]]:
    """Batches of one kind and at most `SEGMENT_CHUNKS`, from chunks in order."""
    for batch in _batches(chunks):
        for kind, same in groupby(sorted(batch, key=_kind), key=_kind):
            yield kind, list(same)


def _kind(spoken: Spoken) -> ChunkKind:
    return spoken.chunk.kind


def _batches(chunks: Iterable[Spoken]) -> Iterator[list[Spoken]]:
    remaining = iter(chunks)
    while batch := list(islice(remaining, SEGMENT_CHUNKS)):
        yield batch


def _delete_day(connection: sa.Connection, day: date) -> None:
    named = {"day": day.isoformat()}
    here = sa.select(segments.c.segment_id).where(segments.c.day == named["day"])
    rows = sa.select(indexed_chunks.c.row_id).where(indexed_chunks.c.day == named["day"])
    connection.execute(postings.delete().where(postings.c.segment_id.in_(here)))
    connection.execute(chunk_labels.delete().where(chunk_labels.c.row_id.in_(rows)))
    for table in (indexed_chunks, segments, indexed_days):
        connection.execute(table.delete().where(table.c.day == named["day"]))


def _insert_segment(connection: sa.Connection, day: date, part: int, kind: ChunkKind, batch: Sequence[Spoken]) -> None:
    passages = [read_passages(spoken.chunk) for spoken in batch]
    rows = [to_row(spoken, own) for spoken, own in zip(batch, passages, strict=True)]
    lengths = [int(np.frombuffer(row["signs"], SIGNS)["length"].sum()) for row in rows]
    segment_id: int = connection.execute(
        segments.insert().returning(segments.c.segment_id),
        {
            "day": day.isoformat(),
            "part": part,
            "kind": kind,
            "passage_count": sum(map(len, passages)),
            "lengths": np.array(lengths, LENGTHS).tobytes(),
        },
    ).scalar_one()
    first = segment_id * SEGMENT_CHUNKS
    connection.execute(indexed_chunks.insert(), [row | {"row_id": first + n} for n, row in enumerate(rows)])
    packed = pack_postings([_terms(spoken, own) for spoken, own in zip(batch, passages, strict=True)])
    if packed:
        cells = [{"bucket": bucket, "segment_id": segment_id, "packed": blob} for bucket, blob in packed.items()]
        connection.execute(postings.insert(), cells)
    labels = [
        {"label": label, "row_id": first + n}
        for n, spoken in enumerate(batch)
        for label in dict.fromkeys(spoken.chunk.labels)
    ]
    if labels:
        connection.execute(chunk_labels.insert(), labels)


def _terms(spoken: Spoken, passages: Sequence[Passage]) -> Iterator[tuple[int, list[str]]]:
    """The terms of each passage, the name of who says it among them, and those that only stand beside the text."""
    said = set[str]()
    for number, (passage, voice) in enumerate(zip(passages, spoken.voices, strict=True)):
        terms = words(f"{voice.name} {passage.text}" if voice.name else passage.text)
        said.update(terms)
        yield min(number, HEADER - 1), terms
    chunk = spoken.chunk
    beside = words("\n".join([spoken.title or "", chunk.summary, *chunk.labels, *chunk.entities]))
    yield HEADER, [term for term in dict.fromkeys(beside) if term not in said]


def _days(wanted: ChunkFilter, column: sa.ColumnElement[str]) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.first_day is not None:
        yield column >= wanted.first_day.isoformat()
    if wanted.last_day is not None:
        yield column <= wanted.last_day.isoformat()


def _conditions(wanted: ChunkFilter) -> Iterator[sa.ColumnElement[bool]]:
    column = indexed_chunks.c
    for cells, values in (
        (column.language, wanted.languages),
        (column.quality_level, wanted.quality_levels),
        (column.conversation_id, wanted.conversations),
    ):
        if values:
            yield cells.in_(values)
    if wanted.labels:
        yield column.row_id.in_(sa.select(chunk_labels.c.row_id).where(chunk_labels.c.label.in_(wanted.labels)))
