"""Segments of the memory index: made from a day's chunks, written and deleted whole."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby, islice
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from dreaming.chunk import QUALITY_LEVELS, ChunkId, ChunkKind
from dreaming.remembering.blocks import delete_empty_blocks, insert_block, insert_postings
from dreaming.remembering.meaning import codes_or_zeros, join_codes
from dreaming.remembering.passages import Analysed, Spoken, analyse_passage, read_passages
from dreaming.remembering.postings import HEADER, SEGMENT_CHUNKS, Bucket, pack_postings
from dreaming.remembering.rows import to_row
from dreaming.remembering.words import words
from dreaming.storage.tables import chunk_labels, indexed_chunks, segments

FACTS = np.dtype([("length", "<u4"), ("language", "u1"), ("quality", "u1")])
"""Of a chunk: half words, its language's number in the segment's list, and its quality level's from the lowest."""
QUALITIES = tuple(QUALITY_LEVELS)


class NewSegment(NamedTuple):
    """A segment that can be inserted."""

    kind: ChunkKind
    passage_count: int
    languages: list[str]
    facts: bytes
    codes: bytes | None
    rows: list[dict[str, Any]]
    labels: list[tuple[str, ...]]
    buckets: dict[int, Bucket]


def make_segments(chunks: Iterable[Spoken], codes: Mapping[ChunkId, bytes]) -> Iterator[NewSegment]:
    """The segments of a day's chunks; `codes` are those of the passages of each, where they are known."""
    remaining = iter(chunks)
    while batch := list(islice(remaining, SEGMENT_CHUNKS)):
        for kind, same in groupby(sorted(batch, key=_kind), key=_kind):
            yield _make_segment(kind, list(same), codes)


def _kind(spoken: Spoken) -> ChunkKind:
    return spoken.chunk.kind


def _make_segment(kind: ChunkKind, batch: Sequence[Spoken], codes: Mapping[ChunkId, bytes]) -> NewSegment:
    passages = [_analyse(spoken) for spoken in batch]
    rows = [
        to_row(spoken, own) | {"codes": codes.get(spoken.chunk.chunk_id)}
        for spoken, own in zip(batch, passages, strict=True)
    ]
    languages = sorted({spoken.chunk.language for spoken in batch})
    facts = [
        (
            sum(passage.half_words for passage in own),
            languages.index(spoken.chunk.language),
            QUALITIES.index(spoken.chunk.quality_level),
        )
        for spoken, own in zip(batch, passages, strict=True)
    ]
    has_codes = any(row["codes"] for row in rows)
    return NewSegment(
        kind=kind,
        passage_count=sum(map(len, passages)),
        languages=languages,
        facts=np.array(facts, FACTS).tobytes(),
        codes=b"".join(join_codes(codes_or_zeros(row["codes"], row["signs"])) for row in rows) if has_codes else None,
        rows=rows,
        labels=[tuple(dict.fromkeys(spoken.chunk.labels)) for spoken in batch],
        buckets=pack_postings(_terms(spoken, own) for spoken, own in zip(batch, passages, strict=True)),
    )


def insert_segment(connection: sa.Connection, day: date, part: int, segment: NewSegment) -> None:
    """Insert a segment, in a block of its own."""
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
    }
    segment_id: int = connection.execute(segments.insert().returning(segments.c.segment_id), cells).scalar_one()
    insert_postings(connection, block_id, segment_id, segment.buckets)
    first = segment_id * SEGMENT_CHUNKS
    connection.execute(indexed_chunks.insert(), [row | {"row_id": n} for n, row in enumerate(segment.rows, first)])
    labels = [{"label": label, "row_id": n} for n, own in enumerate(segment.labels, first) for label in own]
    if labels:
        connection.execute(chunk_labels.insert(), labels)


def delete_segments(connection: sa.Connection, day: date) -> None:
    """Delete a day's chunks and what is indexed of them."""
    here = segments.c.day == day.isoformat()
    rows = sa.select(indexed_chunks.c.row_id).where(indexed_chunks.c.day == day.isoformat())
    blocks = set(connection.execute(sa.select(segments.c.block_id).where(here)).scalars())
    connection.execute(chunk_labels.delete().where(chunk_labels.c.row_id.in_(rows)))
    connection.execute(indexed_chunks.delete().where(indexed_chunks.c.day == day.isoformat()))
    connection.execute(segments.delete().where(here))
    delete_empty_blocks(connection, blocks)


def _analyse(spoken: Spoken) -> list[Analysed]:
    passages = zip(read_passages(spoken.chunk), spoken.voices, strict=True)
    return [analyse_passage(passage.text, voice) for passage, voice in passages]


def _terms(spoken: Spoken, passages: Sequence[Analysed]) -> Iterator[tuple[int, list[str]]]:
    """The terms of each passage, and those that only stand beside the text."""
    chunk = spoken.chunk
    beside = dict.fromkeys(words("\n".join([spoken.title or "", chunk.summary, *chunk.labels, *chunk.entities])))
    unsaid = set(beside)
    for number, passage in enumerate(passages):
        unsaid.difference_update(passage.terms)
        yield min(number, HEADER - 1), passage.terms
    yield HEADER, [term for term in beside if term in unsaid]
