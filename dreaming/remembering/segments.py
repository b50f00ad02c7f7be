"""Segments of the memory index: built from a day's chunks, written and deleted whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, ChunkId, ChunkKind
from dreaming.remembering.arrays import Ints
from dreaming.remembering.binary_embeddings import NO_CODE, join_codes
from dreaming.remembering.passages import AnalysedChunks, SpokenChunk, analyse_chunks
from dreaming.remembering.posting_blocks import (
    delete_empty_blocks,
    insert_block,
    insert_postings,
)
from dreaming.remembering.postings import (
    SEGMENT_CHUNKS,
    SegmentPostings,
    pack_postings,
    reuse_postings,
)
from dreaming.remembering.rows import to_row
from dreaming.remembering.stored_segments import (
    EMPTY_SEGMENT,
    FACTS,
    StoredSegment,
    digest_inputs,
)
from dreaming.storage.tables import chunk_labels, indexed_chunks, segments

QUALITIES = tuple(QUALITY_LEVELS)

_MOVE_ROW = (
    indexed_chunks.update()
    .where(indexed_chunks.c.row_id == sa.bindparam("old_row_id"))
    .values(row_id=sa.bindparam("new_row_id"))
)

ReadPostings = Callable[[int], SegmentPostings]
"""The id of a stored segment -> its postings."""


class NewSegment(NamedTuple):
    """A segment that is ready to be inserted."""

    kind: ChunkKind
    passage_count: int
    languages: list[str]
    facts: bytes
    codes: bytes | None
    digests: bytes
    rows: dict[int, dict[str, Any]]
    """The rows of new chunks, by their numbers in the segment."""
    stored_rows: dict[int, int]
    """The stored row ids of unchanged chunks, by their numbers in the segment."""
    labels: list[tuple[str, ...]]
    """The labels of each chunk, each once."""
    postings: SegmentPostings


def make_segments(
    chunks: Iterable[SpokenChunk],
    codes: Mapping[ChunkId, bytes],
    stored: Iterable[StoredSegment],
    read_postings: ReadPostings,
) -> Iterator[NewSegment]:
    """The segments of a day's chunks.

    `codes` has those of each chunk's passages, where there is an encoder. `stored` are the segments
    that the day has: unchanged chunks are reused from them. Of each kind, the first new segment is
    compared with the first stored one, the second with the second, and so on.
    """
    stored_of_kind: dict[ChunkKind, list[StoredSegment]] = {kind: [] for kind in CHUNK_KINDS}
    for segment in stored:
        stored_of_kind[segment.kind].append(segment)
    next_stored = {kind: iter(of_kind) for kind, of_kind in stored_of_kind.items()}
    remaining = iter(chunks)
    while batch := list(islice(remaining, SEGMENT_CHUNKS)):
        # A stable sort: chunks of one kind keep their order.
        batch.sort(key=_kind)
        for kind, of_kind in groupby(batch, key=_kind):
            before = next(next_stored[kind], EMPTY_SEGMENT)
            yield _make_segment(kind, list(of_kind), codes, before, read_postings)


def _kind(spoken: SpokenChunk) -> ChunkKind:
    return spoken.chunk.kind


def _make_segment(
    kind: ChunkKind,
    batch: Sequence[SpokenChunk],
    codes: Mapping[ChunkId, bytes],
    stored: StoredSegment,
    read_postings: ReadPostings,
) -> NewSegment:
    # The codes are an input to the digest: a chunk that has been encoded since is a new one.
    codes_of = [codes.get(spoken.chunk.chunk_id) for spoken in batch]
    digests = [digest_inputs(spoken, own) for spoken, own in zip(batch, codes_of, strict=True)]
    unchanged = stored.match(digests)
    new = np.array(
        [n for n in range(len(batch)) if n not in unchanged],
        dtype=np.int64,
    )
    analysed = analyse_chunks([batch[n] for n in new])
    postings = _pack(analysed, new)
    if unchanged:
        numbers = stored.new_numbers(unchanged)
        postings = reuse_postings(postings, read_postings(stored.segment_id), numbers)
    lengths = np.empty(len(batch), dtype=np.int64)
    lengths[list(unchanged)] = stored.lengths[list(unchanged.values())]
    lengths[new] = analysed.half_words
    # Numbered within the segment, because a fact has one byte for the language. Sorted, so that the
    # same chunks give the same bytes.
    languages = sorted({spoken.chunk.language for spoken in batch})
    first_stored_row = stored.segment_id * SEGMENT_CHUNKS
    return NewSegment(
        kind=kind,
        passage_count=sum(len(spoken.voices) for spoken in batch),
        languages=languages,
        facts=_pack_facts(batch, lengths, languages),
        codes=_join_all_codes(codes_of),
        digests=b"".join(digests),
        rows=_new_rows(batch, new, analysed, codes_of),
        stored_rows={n: first_stored_row + number for n, number in unchanged.items()},
        labels=[tuple(dict.fromkeys(spoken.chunk.labels)) for spoken in batch],
        postings=postings,
    )


def _pack(analysed: AnalysedChunks, numbers: Ints) -> SegmentPostings:
    """The postings of analysed chunks, which have these numbers in their segment."""
    terms = analysed.terms
    return pack_postings(
        terms.vocabulary,
        terms.numbers,
        chunks=numbers[analysed.chunk[terms.texts]],
        passages=analysed.passage[terms.texts],
    )


def _pack_facts(
    batch: Sequence[SpokenChunk],
    lengths: Ints,
    languages: list[str],
) -> bytes:
    facts = np.zeros(len(batch), FACTS)
    facts["length"] = lengths
    facts["language"] = [languages.index(spoken.chunk.language) for spoken in batch]
    facts["quality"] = [QUALITIES.index(spoken.chunk.quality_level) for spoken in batch]
    return facts.tobytes()


def _join_all_codes(codes_of: Sequence[bytes | None]) -> bytes | None:
    """The code of each chunk, in order; None where no chunk has one."""
    if not any(codes_of):
        return None
    return b"".join(join_codes(own) if own else NO_CODE for own in codes_of)


def _new_rows(
    batch: Sequence[SpokenChunk],
    new: Ints,
    analysed: AnalysedChunks,
    codes_of: Sequence[bytes | None],
) -> dict[int, dict[str, Any]]:
    rows = {}
    for number, signs in zip(new.tolist(), analysed.signs, strict=True):
        rows[number] = to_row(batch[number]) | {"signs": signs, "codes": codes_of[number]}
    return rows


def insert_segment(
    connection: sa.Connection,
    day: date,
    part: int,
    segment: NewSegment,
) -> None:
    """Insert a segment, in a block of its own; the rows of unchanged chunks move to it."""
    block_id = insert_block(connection, 1)
    cells = {
        "block_id": block_id,
        "day": day.isoformat(),
        "part": part,
        "kind": segment.kind,
        "passage_count": segment.passage_count,
        "languages": orjson.dumps(segment.languages).decode(),
        "facts": segment.facts,
        "codes": segment.codes,
        "digests": segment.digests,
    }
    insert = segments.insert().returning(segments.c.segment_id)
    segment_id: int = connection.execute(insert, cells).scalar_one()
    insert_postings(connection, block_id, segment_id, segment.postings)
    first_row = segment_id * SEGMENT_CHUNKS
    moves = []
    for number, row_id in segment.stored_rows.items():
        moves.append({"old_row_id": row_id, "new_row_id": first_row + number})
    rows = [row | {"row_id": first_row + number} for number, row in segment.rows.items()]
    labels = []
    for row_id, of_chunk in enumerate(segment.labels, first_row):
        labels += [{"label": label, "row_id": row_id} for label in of_chunk]
    # Rows of unchanged chunks move, instead of being written again with their text.
    _execute_many(connection, _MOVE_ROW, moves)
    _execute_many(connection, indexed_chunks.insert(), rows)
    _execute_many(connection, chunk_labels.insert(), labels)


def _execute_many(
    connection: sa.Connection, statement: sa.Insert | sa.Update, values: Sequence[dict[str, Any]]
) -> None:
    # Without values SQLAlchemy would run the statement once, without parameters.
    if values:
        connection.execute(statement, values)


def delete_segments(connection: sa.Connection, stored: Iterable[StoredSegment]) -> None:
    """Delete segments, the chunks that are still theirs, and blocks that become empty.

    Called after the new segments are inserted: rows that they reuse have moved by then.
    """
    ids = [segment.segment_id for segment in stored]
    is_deleted = segments.c.segment_id.in_(ids)
    # Read before the segments are deleted: they name their blocks.
    block_ids = set(connection.execute(sa.select(segments.c.block_id).where(is_deleted)).scalars())
    for segment_id in ids:
        first_row = segment_id * SEGMENT_CHUNKS
        last_row = first_row + SEGMENT_CHUNKS - 1
        for table in (chunk_labels, indexed_chunks):
            in_segment = table.c.row_id.between(first_row, last_row)
            connection.execute(table.delete().where(in_segment))
    connection.execute(segments.delete().where(is_deleted))
    delete_empty_blocks(connection, block_ids)
