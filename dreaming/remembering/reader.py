"""What a search reads of the memory index, of one state of it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.blocks import bucket_of, bucket_places, row_place
from dreaming.remembering.encoding import read_vocabulary
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.meaning import CODE_BYTES, Codes, codes_or_none, read_codes
from dreaming.remembering.passages import SIGNS, Spoken, Voice
from dreaming.remembering.postings import Bucket
from dreaming.remembering.rows import read_voices, to_chunk
from dreaming.remembering.segments import FACTS, QUALITIES
from dreaming.storage.tables import chunk_labels, indexed_chunks, postings, segments

_FEW_BLOCKS = 100
"""Up to so many are named in a query; of more, all rows of a bucket are read."""
_VALUES_AT_ONCE = 1_000

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


class Segment(NamedTuple):
    """Chunks that are indexed together."""

    segment_id: int
    block_id: int
    day: date
    passage_count: int
    lengths: NDArray[np.uint32]
    """Half words of each chunk."""
    is_wanted: NDArray[np.bool_]
    """Which chunks have a language and a quality level that are wanted."""


class Row(NamedTuple):
    """What a ranking reads of a chunk."""

    row_id: int
    conversation_id: ConversationId
    voices: tuple[Voice, ...]
    signs: bytes
    """`SIGNS` of its passages."""
    codes: bytes
    """Of its passages; bits that are all 0 where there are none."""


class IndexReader:
    """The memory index as it is now: what is written meanwhile is not seen."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def segments(self, wanted: ChunkFilter) -> list[Segment]:
        """The segments of the days and kinds that are wanted, the newest first."""
        column = segments.c
        query = sa.select(
            column.segment_id, column.block_id, column.day, column.passage_count, column.languages, column.facts
        ).where(column.kind.in_(wanted.kinds) if wanted.kinds else sa.true(), *_days(wanted, column.day))
        rows = self._connection.execute(query.order_by(column.day.desc(), column.part)).all()
        return [_segment(row, wanted) for row in rows]

    def codes(self, segments_in_order: Sequence[Segment]) -> Codes:
        """The codes of all chunks of segments; bits that are all 0 for those that have none."""
        rows = self._connection.execute(sa.select(segments.c.segment_id, segments.c.codes)).all()
        held = {segment_id: codes for segment_id, codes in rows if codes is not None}
        packed = [held.get(one.segment_id, bytes(CODE_BYTES * len(one.lengths))) for one in segments_in_order]
        return read_codes(b"".join(packed))

    def vocabulary(self) -> tuple[list[str], Codes]:
        """The terms whose meaning is known, and their codes."""
        return read_vocabulary(self._connection)

    def postings(self, buckets: Sequence[int], block_ids: Sequence[int]) -> dict[int, list[Bucket]]:
        """Buckets of blocks, by the number of the bucket; those of other blocks perhaps too."""
        found: dict[int, list[Bucket]] = {bucket: [] for bucket in buckets}
        for place, terms, packed in self._buckets(buckets, block_ids):
            found[bucket_of(place)].append(Bucket(terms, packed))
        return found

    def _buckets(self, buckets: Sequence[int], block_ids: Sequence[int]) -> Iterator[sa.Row[tuple[int, bytes, bytes]]]:
        if len(block_ids) <= _FEW_BLOCKS:
            places = [row_place(bucket, block_id) for bucket in buckets for block_id in block_ids]
            for at in range(0, len(places), _VALUES_AT_ONCE):
                yield from self._connection.execute(_SOME_POSTINGS, {"places": places[at : at + _VALUES_AT_ONCE]}).all()
            return
        for bucket in buckets:
            first, last = bucket_places(bucket)
            yield from self._connection.execute(_ALL_POSTINGS, {"first": first, "last": last}).all()

    def rows_of_labels(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """The chunks that have one of some labels."""
        return self._row_ids(sa.select(chunk_labels.c.row_id), chunk_labels.c.label, labels)

    def rows_of_conversations(self, conversations: Iterable[str]) -> NDArray[np.int64]:
        """The chunks of some conversations."""
        query = sa.select(indexed_chunks.c.row_id)
        return self._row_ids(query, indexed_chunks.c.conversation_id, list(conversations))

    def _row_ids(
        self, query: sa.Select[tuple[int]], column: sa.ColumnElement[str], values: Sequence[str]
    ) -> NDArray[np.int64]:
        found: list[int] = []
        for at in range(0, len(values), _VALUES_AT_ONCE):
            here = query.where(column.in_(values[at : at + _VALUES_AT_ONCE]))
            found += self._connection.execute(here).scalars().all()
        return np.array(found, dtype=np.int64)

    def rows(self, row_ids: Sequence[int]) -> list[Row]:
        """What a ranking reads of chunks, in order of `row_id`."""
        held: list[Any] = []
        for at in range(0, len(row_ids), _VALUES_AT_ONCE):
            held += self._connection.execute(_SOME_ROWS, {"row_ids": row_ids[at : at + _VALUES_AT_ONCE]}).all()
        return [
            Row(row_id, conversation_id, read_voices(voices), signs, codes_or_none(codes, signs))
            for row_id, conversation_id, voices, signs, codes in held
        ]

    def spoken(self, row_ids: Sequence[int]) -> dict[int, Spoken]:
        """The chunks of rows, with who says what in them."""
        found = {}
        for row in self._connection.execute(_SOME_CHUNKS, {"row_ids": row_ids}).mappings():
            voices = read_voices(row["voices"])
            said = np.frombuffer(row["signs"], SIGNS)["voice"].tolist()
            found[row["row_id"]] = Spoken(to_chunk(row), None, tuple(voices[number] for number in said))
        return found


def _segment(row: sa.Row[Any], wanted: ChunkFilter) -> Segment:
    facts = np.frombuffer(row.facts, FACTS)
    is_wanted = np.ones(len(facts), dtype=bool)
    if wanted.languages:
        languages = orjson.loads(row.languages)
        is_wanted &= np.isin(facts["language"], [n for n, name in enumerate(languages) if name in wanted.languages])
    if wanted.quality_levels:
        is_wanted &= np.isin(facts["quality"], [QUALITIES.index(level) for level in wanted.quality_levels])
    day = date.fromisoformat(row.day)
    return Segment(row.segment_id, row.block_id, day, row.passage_count, facts["length"], is_wanted)


def _days(wanted: ChunkFilter, column: sa.ColumnElement[str]) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.first_day is not None:
        yield column >= wanted.first_day.isoformat()
    if wanted.last_day is not None:
        yield column <= wanted.last_day.isoformat()
