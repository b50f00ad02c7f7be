"""What a search reads of the memory index, from one state of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeVar

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.arrays import Bools, Ints, Records
from dreaming.remembering.binary_embeddings import CODE_BYTES, Codes, codes_or_zeros, read_codes
from dreaming.remembering.encoding import read_vocabulary
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.passages import SIGNS, SpokenChunk, Voice
from dreaming.remembering.posting_blocks import place_ranges
from dreaming.remembering.postings import Address, Bucket
from dreaming.remembering.rows import read_voices, to_chunk
from dreaming.remembering.segments import QUALITIES
from dreaming.remembering.stored_segments import FACTS
from dreaming.storage.database import fetch_raw
from dreaming.storage.tables import chunk_labels, indexed_chunks, postings, segments

# A statement has a parameter for each value, and databases limit those: SQLite to 32,766.
_VALUES_A_STATEMENT = 1_000

_Value = TypeVar("_Value")

# The statements of every search are built once: to build one takes longer than to run it.


def _select_place_range(kind: str) -> sa.Select[tuple[bytes, bytes]]:
    first: sa.BindParameter[int] = sa.bindparam(f"first_{kind}")
    last: sa.BindParameter[int] = sa.bindparam(f"last_{kind}")
    in_range = postings.c.place.between(first, last)
    return sa.select(postings.c.terms, postings.c.packed).where(in_range)


# One statement for both kinds of rows: two would cost a second round trip to PostgreSQL.
_SELECT_POSTINGS = sa.union_all(_select_place_range("whole"), _select_place_range("part"))
_HAS_ROW_ID = indexed_chunks.c.row_id.in_(sa.bindparam("row_ids", expanding=True))
_SELECT_CHUNKS = sa.select(indexed_chunks).where(_HAS_ROW_ID)
# The columns before the text: SQLite does not read the text's overflow pages for them.
_SELECT_RANKING_ROWS = (
    sa.select(
        indexed_chunks.c.row_id,
        indexed_chunks.c.conversation_id,
        indexed_chunks.c.voices,
        indexed_chunks.c.signs,
        indexed_chunks.c.codes,
    )
    .where(_HAS_ROW_ID)
    .order_by(indexed_chunks.c.row_id)
)


@dataclass(frozen=True, slots=True)
class SegmentColumns:
    """The segments that a search looks at: arrays of one item a segment, or one a chunk."""

    ids: Ints
    days: list[date]
    sizes: Ints
    """The number of chunks of each segment."""
    passage_count: int
    """Over all segments."""
    lengths: NDArray[np.uint32]
    """The half words of each chunk."""
    qualities: NDArray[np.uint8]
    """The quality level of each chunk: an index into `QUALITIES`."""
    languages: NDArray[np.uint16]
    """The language of each chunk: an index into `language_names`."""
    language_names: list[str]

    def wanted(self, wanted: ChunkFilter) -> Bools:
        """Whether each chunk has a language and a quality level that are wanted."""
        is_wanted = np.ones(len(self.lengths), dtype=bool)
        if wanted.quality_levels:
            levels = [QUALITIES.index(level) for level in wanted.quality_levels]
            is_wanted &= np.isin(self.qualities, levels)
        if wanted.languages:
            names = enumerate(self.language_names)
            languages = [number for number, name in names if name in wanted.languages]
            is_wanted &= np.isin(self.languages, languages)
        return is_wanted


class SegmentCache:
    """The segments of the last search: the next one with equal filters need not read them.

    Segments never change, so equal ids mean equal contents. Threads may share a cache: each reads
    and replaces one tuple.
    """

    def __init__(self) -> None:
        self._last: tuple[object, SegmentColumns] | None = None

    def get(
        self,
        key: object,
        read: Callable[[], SegmentColumns],
    ) -> SegmentColumns:
        """The segments that are cached under an equal key, or else what `read` returns."""
        # Read once: another thread may replace it between the comparison and the return.
        last = self._last
        if last is None or last[0] != key:
            last = (key, read())
            self._last = last
        return last[1]


class RankingRow(NamedTuple):
    """What the ranking reads of a chunk."""

    row_id: int
    conversation_id: ConversationId
    voices: tuple[Voice, ...]
    signs: bytes
    """`SIGNS` of its passages."""
    codes: bytes
    """The codes of its passages; all bits 0 where they have none."""


class IndexReader:
    """The memory index in the state of one read transaction."""

    def __init__(self, connection: sa.Connection, cache: SegmentCache) -> None:
        self._connection = connection
        self._cache = cache

    def segments(self, wanted: ChunkFilter) -> SegmentColumns:
        """The segments of the wanted days and kinds, the newest day first."""
        # The ids are read for every search, so that a cache never hides a day that was replaced.
        ids = self._connection.execute(sa.select(segments.c.segment_id)).scalars()
        key = (wanted.kinds, wanted.first_day, wanted.last_day, sorted(ids))
        return self._cache.get(key, lambda: self._read_segments(wanted))

    def _read_segments(self, wanted: ChunkFilter) -> SegmentColumns:
        column = segments.c
        query = sa.select(
            column.segment_id, column.day, column.passage_count, column.languages, column.facts
        )
        query = query.where(*_day_conditions(wanted, column.day))
        if wanted.kinds:
            query = query.where(column.kind.in_(wanted.kinds))
        rows = self._connection.execute(query.order_by(column.day.desc(), column.part)).all()
        facts = [np.frombuffer(row.facts, FACTS) for row in rows]
        # An empty array first, because NumPy refuses to concatenate nothing.
        all_facts = np.concatenate([np.empty(0, FACTS), *facts])
        languages, language_names = _join_languages([row.languages for row in rows], facts)
        return SegmentColumns(
            ids=np.array([row.segment_id for row in rows], dtype=np.int64),
            days=[date.fromisoformat(row.day) for row in rows],
            sizes=np.array([len(of_segment) for of_segment in facts], dtype=np.int64),
            passage_count=sum(row.passage_count for row in rows),
            # A field of a structured array has gaps between its values; arithmetic on them is slow.
            lengths=np.ascontiguousarray(all_facts["length"]),
            qualities=np.ascontiguousarray(all_facts["quality"]),
            languages=languages,
            language_names=language_names,
        )

    def codes(self, searched: SegmentColumns) -> Codes:
        """The codes of all chunks of segments; all bits 0 for chunks without one."""
        rows = self._connection.execute(sa.select(segments.c.segment_id, segments.c.codes)).all()
        codes_of = {segment_id: codes for segment_id, codes in rows if codes is not None}
        parts = []
        for segment_id, size in zip(searched.ids.tolist(), searched.sizes.tolist(), strict=True):
            parts.append(codes_of.get(segment_id, bytes(CODE_BYTES * size)))
        return read_codes(b"".join(parts))

    def vocabulary(self) -> tuple[list[str], Codes]:
        """The terms that have a code, and their codes."""
        return read_vocabulary(self._connection)

    def postings(self, address: Address) -> list[Bucket]:
        """The buckets of all blocks that an address is in, or the parts of them."""
        whole, part = place_ranges(address)
        places = {
            "first_whole": whole.first,
            "last_whole": whole.last,
            "first_part": part.first,
            "last_part": part.last,
        }
        rows = fetch_raw(self._connection.execute(_SELECT_POSTINGS, places))
        return [Bucket(*row) for row in rows]

    def rows_of_labels(self, labels: Sequence[str]) -> Ints:
        """The row ids of the chunks that have one of these labels."""
        return self._row_ids(
            sa.select(chunk_labels.c.row_id),
            chunk_labels.c.label,
            labels,
        )

    def rows_of_conversations(self, conversations: Iterable[str]) -> Ints:
        """The row ids of the chunks of these conversations."""
        query = sa.select(indexed_chunks.c.row_id)
        return self._row_ids(query, indexed_chunks.c.conversation_id, list(conversations))

    def _row_ids(
        self, query: sa.Select[tuple[int]], column: sa.ColumnElement[str], values: Sequence[str]
    ) -> Ints:
        row_ids: list[int] = []
        for batch in _batches(values):
            rows = fetch_raw(self._connection.execute(query.where(column.in_(batch))))
            row_ids += [row_id for (row_id,) in rows]
        return np.array(row_ids, dtype=np.int64)

    def rows(self, row_ids: Sequence[int]) -> list[RankingRow]:
        """What the ranking reads of chunks, in order of `row_id` within each batch read."""
        rows = []
        for batch in _batches(row_ids):
            result = self._connection.execute(_SELECT_RANKING_ROWS, {"row_ids": batch})
            for row_id, conversation_id, voices, signs, codes in result:
                codes = codes_or_zeros(codes, signs)
                row = RankingRow(row_id, conversation_id, read_voices(voices), signs, codes)
                rows.append(row)
        return rows

    def spoken(self, row_ids: Sequence[int]) -> dict[int, SpokenChunk]:
        """The chunks of rows, each with the voices of its passages, by row id."""
        result = self._connection.execute(_SELECT_CHUNKS, {"row_ids": row_ids})
        return {row["row_id"]: _spoken_chunk(row) for row in result.mappings()}


def _spoken_chunk(row: sa.RowMapping) -> SpokenChunk:
    voices = read_voices(row["voices"])
    numbers = np.frombuffer(row["signs"], SIGNS)["voice"].tolist()
    of_passages = tuple(voices[number] for number in numbers)
    # A hit does not show the title, and the index does not store it.
    return SpokenChunk(to_chunk(row), title=None, voices=of_passages)


def _join_languages(
    cells: Sequence[str], facts: Sequence[Records]
) -> tuple[NDArray[np.uint16], list[str]]:
    """The language of every chunk as an index into the languages of all segments, and those.

    Each segment numbers its own languages: `cells` has their names as JSON, `facts` the numbers.
    """
    numbers: dict[str, int] = {}
    parts = [np.empty(0, np.uint16)]
    for cell, of_segment in zip(cells, facts, strict=True):
        names: list[str] = orjson.loads(cell)
        renumbered = [numbers.setdefault(name, len(numbers)) for name in names]
        parts.append(np.array(renumbered, dtype=np.uint16)[of_segment["language"]])
    return np.concatenate(parts), list(numbers)


def _batches(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    for start in range(0, len(values), _VALUES_A_STATEMENT):
        yield values[start : start + _VALUES_A_STATEMENT]


def _day_conditions(
    wanted: ChunkFilter, column: sa.ColumnElement[str]
) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.first_day is not None:
        yield column >= wanted.first_day.isoformat()
    if wanted.last_day is not None:
        yield column <= wanted.last_day.isoformat()
