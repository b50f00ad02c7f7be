"""Segments of the memory index: made from a day's chunks, written and deleted whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, ChunkId, ChunkKind
from dreaming.remembering.blocks import delete_empty_blocks, insert_block, insert_postings
from dreaming.remembering.held import FACTS, NOTHING_HELD, HeldSegment, digest_indexed
from dreaming.remembering.meaning import NO_CODE, join_codes
from dreaming.remembering.passages import Spoken, analyse_chunks
from dreaming.remembering.postings import SEGMENT_CHUNKS, Entries, pack_postings, take_over
from dreaming.remembering.rows import to_row
from dreaming.storage.tables import chunk_labels, indexed_chunks, segments

QUALITIES = tuple(QUALITY_LEVELS)
_MOVE = (
    indexed_chunks.update()
    .where(indexed_chunks.c.row_id == sa.bindparam("held"))
    .values(row_id=sa.bindparam("moved"))
)

ReadPostings = Callable[[int], Entries]
"""The number of a segment that is held -> its postings."""


class NewSegment(NamedTuple):
    """A segment that can be inserted."""

    kind: ChunkKind
    passage_count: int
    languages: list[str]
    facts: bytes
    codes: bytes | None
    digests: bytes
    rows: dict[int, dict[str, Any]]
    """Of the chunks that are not held, by their numbers."""
    held_rows: dict[int, int]
    """The rows of those that are held, by their new numbers."""
    labels: list[tuple[str, ...]]
    entries: Entries


def make_segments(
    chunks: Iterable[Spoken],
    codes: Mapping[ChunkId, bytes],
    held: Iterable[HeldSegment],
    read_postings: ReadPostings,
) -> Iterator[NewSegment]:
    """The segments of a day's chunks; `codes` are those of the passages of each, where they are
    known.

    What is indexed of an unchanged chunk is taken over from the segments that the day has: of each
    kind the first from the first, and so on.
    """
    remaining = iter(chunks)
    before = {
        kind: iter([segment for segment in held if segment.kind == kind]) for kind in CHUNK_KINDS
    }
    while batch := list(islice(remaining, SEGMENT_CHUNKS)):
        for kind, same in groupby(sorted(batch, key=_kind), key=_kind):
            yield _make_segment(
                kind, list(same), codes, next(before[kind], NOTHING_HELD), read_postings
            )


def _kind(spoken: Spoken) -> ChunkKind:
    return spoken.chunk.kind


def _make_segment(
    kind: ChunkKind,
    batch: Sequence[Spoken],
    codes: Mapping[ChunkId, bytes],
    held: HeldSegment,
    read_postings: ReadPostings,
) -> NewSegment:
    codes_of = [codes.get(spoken.chunk.chunk_id) for spoken in batch]
    digests = [digest_indexed(spoken, own) for spoken, own in zip(batch, codes_of, strict=True)]
    taken = held.find(digests)
    new = np.array([n for n in range(len(batch)) if n not in taken], dtype=np.int64)
    analysed = analyse_chunks([batch[n] for n in new])
    terms = analysed.terms
    entries = pack_postings(
        terms.vocabulary,
        terms.numbers,
        new[analysed.chunk[terms.texts]],
        analysed.passage[terms.texts],
    )
    if taken:
        entries = take_over(entries, read_postings(held.segment_id), held.numbers(taken))
    languages = sorted({spoken.chunk.language for spoken in batch})
    facts = np.zeros(len(batch), FACTS)
    facts["length"][list(taken)] = held.lengths[list(taken.values())]
    facts["length"][new] = analysed.half_words
    facts["language"] = [languages.index(spoken.chunk.language) for spoken in batch]
    facts["quality"] = [QUALITIES.index(spoken.chunk.quality_level) for spoken in batch]
    return NewSegment(
        kind=kind,
        passage_count=sum(len(spoken.voices) for spoken in batch),
        languages=languages,
        facts=facts.tobytes(),
        codes=b"".join(join_codes(own) if own else NO_CODE for own in codes_of)
        if any(codes_of)
        else None,
        digests=b"".join(digests),
        rows={
            n: to_row(batch[n]) | {"signs": signs, "codes": codes_of[n]}
            for n, signs in zip(new.tolist(), analysed.signs, strict=True)
        },
        held_rows={n: held.segment_id * SEGMENT_CHUNKS + number for n, number in taken.items()},
        labels=[tuple(dict.fromkeys(spoken.chunk.labels)) for spoken in batch],
        entries=entries,
    )


def insert_segment(connection: sa.Connection, day: date, part: int, segment: NewSegment) -> None:
    """Insert a segment, in a block of its own; the rows that are held move to it."""
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
    segment_id: int = connection.execute(
        segments.insert().returning(segments.c.segment_id), cells
    ).scalar_one()
    insert_postings(connection, block_id, segment_id, segment.entries)
    first = segment_id * SEGMENT_CHUNKS
    moved = [{"held": row_id, "moved": first + n} for n, row_id in segment.held_rows.items()]
    rows = [row | {"row_id": first + n} for n, row in segment.rows.items()]
    labels = [
        {"label": label, "row_id": n}
        for n, own in enumerate(segment.labels, first)
        for label in own
    ]
    for statement, values in (
        (_MOVE, moved),
        (indexed_chunks.insert(), rows),
        (chunk_labels.insert(), labels),
    ):
        if values:
            connection.execute(statement, values)


def delete_segments(connection: sa.Connection, held: Iterable[HeldSegment]) -> None:
    """Delete segments, the chunks that are still theirs, and what is indexed of them."""
    ids = [segment.segment_id for segment in held]
    blocks = set(
        connection.execute(
            sa.select(segments.c.block_id).where(segments.c.segment_id.in_(ids))
        ).scalars()
    )
    for segment_id in ids:
        first = segment_id * SEGMENT_CHUNKS
        for table in (chunk_labels, indexed_chunks):
            connection.execute(
                table.delete().where(table.c.row_id.between(first, first + SEGMENT_CHUNKS - 1))
            )
    connection.execute(segments.delete().where(segments.c.segment_id.in_(ids)))
    delete_empty_blocks(connection, blocks)
