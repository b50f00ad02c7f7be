"""The memory index: a row a chunk and where its words stand, on SQLite or PostgreSQL, always rebuildable."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import chain, groupby, islice
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.chunk import BChunk, ChunkId, ChunkKind
from dreaming.conversation import ConversationId
from dreaming.remembering.encoding import NamedEncoder, encode_day, prune_vocabulary, read_vocabulary
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.meaning import CODE_BYTES, Codes, join_codes, read_codes
from dreaming.remembering.passages import SIGNS, Analysed, Spoken, Voice, analyse_passage, read_passages
from dreaming.remembering.postings import BUCKETS, HEADER, SEGMENT_BITS, SEGMENT_CHUNKS, Bucket, pack_postings
from dreaming.remembering.rows import read_voices, to_chunk, to_row
from dreaming.remembering.words import words
from dreaming.storage.database import Database
from dreaming.storage.tables import chunk_labels, indexed_chunks, indexed_days, postings, segments

LENGTHS = np.dtype("<u4")
_FEW_SEGMENTS = 100
"""Up to so many are named in a query; of more, all rows of a bucket are read."""
_SEGMENT_MASK = (1 << SEGMENT_BITS) - 1


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
    signs: bytes
    """`SIGNS` of its passages."""
    codes: bytes
    """Of its passages; bits that are all 0 where there are none."""


class MemoryIndex:
    """The chunks of all published days, by their words and, where there is an encoder, their meaning."""

    def __init__(self, database: Database, encoder: NamedEncoder | None = None) -> None:
        self.database = database
        self.encoder = encoder

    def replace_day(self, day: date, chunks: Iterable[Spoken], *, partition_hash: str) -> int:
        """Hold exactly these chunks of a day, in one transaction; returns how many.

        Reads none of `chunks` when the day was indexed from a partition with the same hash before; else once, or twice
        where there is an encoder: it takes long, and holds up no other writer.
        """
        held = self._held(day)
        if held is not None and held.partition_hash == partition_hash and self._has_meaning(held.encoder):
            return int(held.chunk_count)
        codes = encode_day(self.database, chunks, self.encoder.encode) if self.encoder else {}
        prepared = (_prepare(kind, batch, codes) for kind, batch in _segments(chunks))
        # The first segment, which of most days is the only one, is ready before others are kept waiting.
        first = list(islice(prepared, 1))
        with self.database.write() as connection:
            _delete_day(connection, day)
            count = 0
            for part, segment in enumerate(chain(first, prepared)):
                _insert_segment(connection, day, part, segment)
                count += len(segment.rows)
            connection.execute(
                indexed_days.insert().values(
                    day=day.isoformat(),
                    partition_hash=partition_hash,
                    chunk_count=count,
                    encoder=self.encoder.name if self.encoder else None,
                )
            )
        return count

    def _held(self, day: date) -> sa.Row[Any] | None:
        with self.database.read() as connection:
            return connection.execute(
                sa.select(indexed_days).where(indexed_days.c.day == day.isoformat())
            ).one_or_none()

    def _has_meaning(self, encoder: str | None) -> bool:
        """Whether what is held was given its codes by this index's encoder, if it has one."""
        return self.encoder is None or self.encoder.name == encoder

    @contextmanager
    def read(self) -> Iterator["IndexReader"]:
        """The index as it is now: what is written meanwhile is not seen."""
        with self.database.read() as connection:
            yield IndexReader(connection)

    def erase_deleted(self) -> None:
        """Make the words of deleted chunks unreadable in the file too."""
        prune_vocabulary(self.database)
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

    def current_days(self) -> set[date]:
        """The days that are indexed as they are to be: by their meaning too, where there is an encoder."""
        with self.database.read() as connection:
            rows = connection.execute(sa.select(indexed_days.c.day, indexed_days.c.encoder))
            return {date.fromisoformat(day) for day, encoder in rows if self._has_meaning(encoder)}


# Made once: to make a statement takes longer than to run it.
_POSTINGS = sa.select(postings.c.place, postings.c.terms, postings.c.packed)
_SOME_POSTINGS = _POSTINGS.where(postings.c.place.in_(sa.bindparam("places", expanding=True)))
_ALL_POSTINGS = _POSTINGS.where(postings.c.place.between(sa.bindparam("first"), sa.bindparam("last")))
_HERE = indexed_chunks.c.row_id.in_(sa.bindparam("row_ids", expanding=True))
_SOME_CHUNKS = sa.select(indexed_chunks).where(_HERE)
_SOME_ROWS = (
    sa.select(
        indexed_chunks.c.row_id,
        indexed_chunks.c.conversation_id,
        indexed_chunks.c.voices,
        indexed_chunks.c.signs,
        indexed_chunks.c.codes,
    )
    .where(_HERE)
    .order_by(indexed_chunks.c.row_id)
)


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

    def codes(self, segments_in_order: Sequence[Segment]) -> Codes:
        """The codes of all chunks of segments; bits that are all 0 for those that have none."""
        rows = self._connection.execute(sa.select(segments.c.segment_id, segments.c.codes)).all()
        held = {segment_id: codes for segment_id, codes in rows if codes is not None}
        packed = [held.get(one.segment_id, bytes(CODE_BYTES * len(one.lengths))) for one in segments_in_order]
        return read_codes(b"".join(packed))

    def vocabulary(self) -> tuple[list[str], Codes]:
        """The terms whose meaning is known, and their codes."""
        return read_vocabulary(self._connection)

    def postings(self, buckets: Sequence[int], segment_ids: Sequence[int]) -> dict[int, dict[int, Bucket]]:
        """Buckets of segments, by the number of the bucket and the segment; of other segments perhaps too."""
        found: dict[int, dict[int, Bucket]] = {bucket: {} for bucket in buckets}
        for place, terms, packed in self._buckets(buckets, segment_ids):
            found[place >> SEGMENT_BITS][place & _SEGMENT_MASK] = Bucket(terms, packed)
        return found

    def _buckets(
        self, buckets: Sequence[int], segment_ids: Sequence[int]
    ) -> Iterator[sa.Row[tuple[int, bytes, bytes]]]:
        if len(segment_ids) <= _FEW_SEGMENTS:
            places = [bucket << SEGMENT_BITS | segment_id for bucket in buckets for segment_id in segment_ids]
            yield from self._connection.execute(_SOME_POSTINGS, {"places": places}).all()
            return
        for bucket in buckets:
            first = bucket << SEGMENT_BITS
            yield from self._connection.execute(_ALL_POSTINGS, {"first": first, "last": first | _SEGMENT_MASK}).all()

    def rows(self, row_ids: Iterable[int]) -> list[Row]:
        """What a ranking reads of chunks, in order of `row_id`."""
        held = self._connection.execute(_SOME_ROWS, {"row_ids": list(row_ids)}).all()
        return [
            Row(n, conversation, read_voices(v), signs, _codes(codes, signs))
            for n, conversation, v, signs, codes in held
        ]

    def satisfying(self, row_ids: Iterable[int], wanted: ChunkFilter, excluded: Collection[ConversationId]) -> set[int]:
        """Those of the chunks that satisfy a filter, days and kinds aside, and are of no excluded conversation."""
        conditions = list(_conditions(wanted))
        if not conditions and not excluded:
            return set(row_ids)
        column = indexed_chunks.c
        query = sa.select(column.row_id, column.conversation_id).where(column.row_id.in_(list(row_ids)), *conditions)
        rows = self._connection.execute(query).all()
        return {row_id for row_id, conversation_id in rows if conversation_id not in excluded}

    def spoken(self, row_ids: Sequence[int]) -> dict[int, Spoken]:
        """The chunks of rows, with who says what in them."""
        found = {}
        for row in self._connection.execute(_SOME_CHUNKS, {"row_ids": row_ids}).mappings():
            voices = read_voices(row["voices"])
            said = np.frombuffer(row["signs"], SIGNS)["voice"].tolist()
            found[row["row_id"]] = Spoken(to_chunk(row), None, tuple(voices[number] for number in said))
        return found


def _codes(held: bytes | None, signs: bytes) -> bytes:
    return held or bytes(len(signs) // SIGNS.itemsize * CODE_BYTES)


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
    for segment_id in connection.execute(here).scalars().all():
        places = [bucket << SEGMENT_BITS | segment_id for bucket in range(BUCKETS)]
        connection.execute(postings.delete().where(postings.c.place.in_(places)))
    connection.execute(chunk_labels.delete().where(chunk_labels.c.row_id.in_(rows)))
    for table in (indexed_chunks, segments, indexed_days):
        connection.execute(table.delete().where(table.c.day == named["day"]))


class _Prepared(NamedTuple):
    """A segment that can be inserted."""

    kind: ChunkKind
    passage_count: int
    lengths: bytes
    codes: bytes | None
    rows: list[dict[str, Any]]
    labels: list[tuple[str, ...]]
    buckets: dict[int, Bucket]


def _prepare(kind: ChunkKind, batch: Sequence[Spoken], codes: Mapping[ChunkId, bytes]) -> _Prepared:
    passages = [_analyse(spoken) for spoken in batch]
    rows = [
        to_row(spoken, own) | {"codes": codes.get(spoken.chunk.chunk_id)}
        for spoken, own in zip(batch, passages, strict=True)
    ]
    lengths = [sum(passage.half_words for passage in own) for own in passages]
    has_codes = any(row["codes"] for row in rows)
    return _Prepared(
        kind=kind,
        passage_count=sum(map(len, passages)),
        lengths=np.array(lengths, LENGTHS).tobytes(),
        codes=b"".join(join_codes(_codes(row["codes"], row["signs"])) for row in rows) if has_codes else None,
        rows=rows,
        labels=[tuple(dict.fromkeys(spoken.chunk.labels)) for spoken in batch],
        buckets=pack_postings(_terms(spoken, own) for spoken, own in zip(batch, passages, strict=True)),
    )


def _insert_segment(connection: sa.Connection, day: date, part: int, segment: _Prepared) -> None:
    cells = {"day": day.isoformat(), "part": part, "kind": segment.kind, "passage_count": segment.passage_count}
    segment_id: int = connection.execute(
        segments.insert().returning(segments.c.segment_id),
        cells | {"lengths": segment.lengths, "codes": segment.codes},
    ).scalar_one()
    first = segment_id * SEGMENT_CHUNKS
    connection.execute(indexed_chunks.insert(), [row | {"row_id": n} for n, row in enumerate(segment.rows, first)])
    if segment.buckets:
        buckets = sorted(segment.buckets.items())
        places = [held._asdict() | {"place": bucket << SEGMENT_BITS | segment_id} for bucket, held in buckets]
        connection.execute(postings.insert(), places)
    labels = [{"label": label, "row_id": n} for n, own in enumerate(segment.labels, first) for label in own]
    if labels:
        connection.execute(chunk_labels.insert(), labels)


def _analyse(spoken: Spoken) -> list[Analysed]:
    passages = zip(read_passages(spoken.chunk), spoken.voices, strict=True)
    return [analyse_passage(passage.text, voice) for passage, voice in passages]


def _terms(spoken: Spoken, passages: Sequence[Analysed]) -> Iterator[tuple[int, list[str]]]:
    """The terms of each passage, and those that only stand beside the text."""
    said = set[str]()
    for number, passage in enumerate(passages):
        said.update(passage.terms)
        yield min(number, HEADER - 1), passage.terms
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
