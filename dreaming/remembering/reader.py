"""What a search reads of the memory index, of one state of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.blocks import places_to_look
from dreaming.remembering.encoding import read_vocabulary
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.held import FACTS
from dreaming.remembering.meaning import CODE_BYTES, Codes, codes_or_zeros, read_codes
from dreaming.remembering.passages import SIGNS, Spoken, Voice
from dreaming.remembering.postings import Address, Bucket
from dreaming.remembering.rows import read_voices, to_chunk
from dreaming.remembering.segments import QUALITIES
from dreaming.storage.database import fetch_raw
from dreaming.storage.tables import chunk_labels, indexed_chunks, postings, segments

_VALUES_AT_ONCE = 1_000
_Value = TypeVar("_Value")

# Made once: to make a statement takes longer than to run it.
_POSTINGS = sa.union_all(
    *(
        sa.select(postings.c.terms, postings.c.packed).where(
            postings.c.place.between(sa.bindparam(f"first_{way}"), sa.bindparam(f"last_{way}"))
        )
        for way in ("whole", "part")
    )
)
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


@dataclass(frozen=True, slots=True)
class Segments:
    """The segments that are looked at: arrays of one row a segment, or a chunk of theirs."""

    ids: NDArray[np.int64]
    days: list[date]
    sizes: NDArray[np.int64]
    """How many chunks each has."""
    passage_count: int
    """Of all."""
    lengths: NDArray[np.uint32]
    """Half words of each chunk."""
    qualities: NDArray[np.uint8]
    """The quality level of each chunk, as `QUALITIES` numbers it."""
    languages: NDArray[np.uint16]
    """The language of each chunk, as `language_names` numbers it."""
    language_names: list[str]

    def wanted(self, wanted: ChunkFilter) -> NDArray[np.bool_]:
        """Which chunks have a language and a quality level that are wanted."""
        found = np.ones(len(self.lengths), dtype=bool)
        if wanted.quality_levels:
            found &= np.isin(
                self.qualities, [QUALITIES.index(level) for level in wanted.quality_levels]
            )
        if wanted.languages:
            numbers = [n for n, name in enumerate(self.language_names) if name in wanted.languages]
            found &= np.isin(self.languages, numbers)
        return found


class KeptSegments:
    """The segments that were looked at last, so that the next question need not read them: they
    never change.
    """

    def __init__(self) -> None:
        self._last: tuple[object, Segments] | None = None

    def get(self, key: object, read: Callable[[], Segments]) -> Segments:
        """Those that were kept with an equal key, or else those that are read."""
        last = self._last
        if last is None or last[0] != key:
            self._last = last = key, read()
        return last[1]


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

    def __init__(self, connection: sa.Connection, kept: KeptSegments) -> None:
        self._connection = connection
        self._kept = kept

    def segments(self, wanted: ChunkFilter) -> Segments:
        """The segments of the days and kinds that are wanted, the newest first."""
        held = sorted(self._connection.execute(sa.select(segments.c.segment_id)).scalars())
        key = wanted.kinds, wanted.first_day, wanted.last_day, held
        return self._kept.get(key, lambda: self._read_segments(wanted))

    def _read_segments(self, wanted: ChunkFilter) -> Segments:
        column = segments.c
        query = sa.select(
            column.segment_id, column.day, column.passage_count, column.languages, column.facts
        ).where(
            column.kind.in_(wanted.kinds) if wanted.kinds else sa.true(), *_days(wanted, column.day)
        )
        rows = self._connection.execute(query.order_by(column.day.desc(), column.part)).all()
        facts = [np.frombuffer(row.facts, FACTS) for row in rows]
        names: dict[str, int] = {}
        numbers = [
            [names.setdefault(name, len(names)) for name in orjson.loads(row.languages)]
            for row in rows
        ]
        of = [
            np.array(own, dtype=np.uint16)[one["language"]]
            for own, one in zip(numbers, facts, strict=True)
        ]
        joined = np.concatenate([np.empty(0, FACTS), *facts])
        return Segments(
            ids=np.array([row.segment_id for row in rows], dtype=np.int64),
            days=[date.fromisoformat(row.day) for row in rows],
            sizes=np.array([len(one) for one in facts], dtype=np.int64),
            passage_count=sum(row.passage_count for row in rows),
            lengths=np.ascontiguousarray(joined["length"]),
            qualities=np.ascontiguousarray(joined["quality"]),
            languages=np.concatenate([np.empty(0, np.uint16), *of]),
            language_names=list(names),
        )

    def codes(self, looked_at: Segments) -> Codes:
        """The codes of all chunks of segments; bits that are all 0 for those that have none."""
        rows = self._connection.execute(sa.select(segments.c.segment_id, segments.c.codes)).all()
        held = {segment_id: codes for segment_id, codes in rows if codes is not None}
        sizes = zip(looked_at.ids.tolist(), looked_at.sizes.tolist(), strict=True)
        return read_codes(b"".join(held.get(one, bytes(CODE_BYTES * size)) for one, size in sizes))

    def vocabulary(self) -> tuple[list[str], Codes]:
        """The terms whose meaning is known, and their codes."""
        return read_vocabulary(self._connection)

    def postings(self, address: Address) -> list[Bucket]:
        """The buckets of all blocks in which a term would be, or the parts of them."""
        (first, last), (first_part, last_part) = places_to_look(address)
        places = {
            "first_whole": first,
            "last_whole": last,
            "first_part": first_part,
            "last_part": last_part,
        }
        return [Bucket(*row) for row in fetch_raw(self._connection.execute(_POSTINGS, places))]

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
        for some in _batches(values):
            found += [
                row_id
                for (row_id,) in fetch_raw(self._connection.execute(query.where(column.in_(some))))
            ]
        return np.array(found, dtype=np.int64)

    def rows(self, row_ids: Sequence[int]) -> list[Row]:
        """What a ranking reads of chunks, in order of `row_id`."""
        held: list[Any] = []
        for some in _batches(row_ids):
            held += self._connection.execute(_SOME_ROWS, {"row_ids": some}).all()
        return [
            Row(row_id, conversation_id, read_voices(voices), signs, codes_or_zeros(codes, signs))
            for row_id, conversation_id, voices, signs, codes in held
        ]

    def spoken(self, row_ids: Sequence[int]) -> dict[int, Spoken]:
        """The chunks of rows, with who says what in them."""
        found = {}
        for row in self._connection.execute(_SOME_CHUNKS, {"row_ids": row_ids}).mappings():
            voices = read_voices(row["voices"])
            said = np.frombuffer(row["signs"], SIGNS)["voice"].tolist()
            found[row["row_id"]] = Spoken(
                to_chunk(row), None, tuple(voices[number] for number in said)
            )
        return found


def _batches(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """So many values at once as a statement may name."""
    for at in range(0, len(values), _VALUES_AT_ONCE):
        yield values[at : at + _VALUES_AT_ONCE]


def _days(wanted: ChunkFilter, column: sa.ColumnElement[str]) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.first_day is not None:
        yield column >= wanted.first_day.isoformat()
    if wanted.last_day is not None:
        yield column <= wanted.last_day.isoformat()
