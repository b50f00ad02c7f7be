"""What the index stores of a day before it is replaced: entries of unchanged chunks are reused.

Analysing a chunk takes most of the time of indexing it. A segment keeps a digest of every input to
each chunk's entry; where a chunk of the new day has the same digest, its row and its postings are
moved to the new segment.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from dreaming.chunk import ChunkKind
from dreaming.remembering.arrays import Ints
from dreaming.remembering.passages import SpokenChunk
from dreaming.storage.tables import segments

FACTS = np.dtype([("length", "<u4"), ("language", "u1"), ("quality", "u1")])
"""Facts of a chunk, the layout of `segments.facts`: half words, an index into the languages of the
segment, and the quality level from the lowest.
"""

# 128 bits: two different inputs with equal digests need not be expected.
DIGEST_BYTES = 16


class StoredSegment(NamedTuple):
    """A segment in the index. It is never changed, only deleted."""

    segment_id: int
    kind: ChunkKind
    facts: bytes
    digests: bytes
    """One of `DIGEST_BYTES` for each chunk, in order."""

    @property
    def lengths(self) -> Ints:
        """The half words of each chunk."""
        return np.frombuffer(self.facts, FACTS)["length"].astype(np.int64)

    def match(self, digests: Iterable[bytes]) -> dict[int, int]:
        """The chunks with these digests: the index of each digest -> the chunk's number here."""
        number_of: dict[bytes, int] = {}
        for number, start in enumerate(range(0, len(self.digests), DIGEST_BYTES)):
            number_of[self.digests[start : start + DIGEST_BYTES]] = number
        matches: dict[int, int] = {}
        for index, digest in enumerate(digests):
            # Removed when it is used: of equal chunks each needs a row of its own.
            if digest in number_of:
                matches[index] = number_of.pop(digest)
        return matches

    def new_numbers(self, matches: Mapping[int, int]) -> Ints:
        """The new number of each chunk of this segment; -1 for those without a match."""
        numbers = np.full(
            len(self.digests) // DIGEST_BYTES,
            -1,
            dtype=np.int64,
        )
        numbers[list(matches.values())] = list(matches)
        return numbers


EMPTY_SEGMENT = StoredSegment(0, "text", b"", b"")


def read_stored_segments(connection: sa.Connection, day: date) -> Sequence[StoredSegment]:
    """The segments of a day, in order."""
    column = segments.c
    query = sa.select(
        column.segment_id,
        column.kind,
        column.facts,
        column.digests,
    )
    query = query.where(column.day == day.isoformat()).order_by(column.part)
    return [StoredSegment(*row) for row in connection.execute(query)]


def digest_inputs(spoken: SpokenChunk, codes: bytes | None) -> bytes:
    """Digest of every input to a chunk's index entry: equal digest, reusable entry."""
    # The chunk as a whole: a field that is added to it later is covered without a change here.
    inputs = orjson.dumps(spoken, default=_plain) + (codes or b"")
    return hashlib.blake2b(inputs, digest_size=DIGEST_BYTES).digest()


def _plain(value: Any) -> Any:
    """What orjson does not serialize: named tuples, and decimals."""
    return list(value) if isinstance(value, tuple) else str(value)
