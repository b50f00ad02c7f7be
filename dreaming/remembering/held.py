"""What the index holds of a day before it is replaced: what is indexed of an unchanged chunk is
taken over.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from dreaming.chunk import ChunkKind
from dreaming.remembering.passages import Spoken
from dreaming.storage.tables import segments

FACTS = np.dtype([("length", "<u4"), ("language", "u1"), ("quality", "u1")])
"""Of a chunk: half words, its language's number in the segment's list, and its quality level's from
the lowest.
"""
DIGEST_BYTES = 16


class HeldSegment(NamedTuple):
    """A segment that is held: it is never changed, only deleted."""

    segment_id: int
    kind: ChunkKind
    facts: bytes
    digests: bytes
    """Of each chunk, in order."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Half words of each chunk."""
        return np.frombuffer(self.facts, FACTS)["length"].astype(np.int64)

    def find(self, digests: Iterable[bytes]) -> dict[int, int]:
        """The chunks of these digests that are held: where each comes among them -> its number
        here.
        """
        starts = range(0, len(self.digests), DIGEST_BYTES)
        number_of = {self.digests[at : at + DIGEST_BYTES]: n for n, at in enumerate(starts)}
        return {n: number_of.pop(digest) for n, digest in enumerate(digests) if digest in number_of}

    def numbers(self, found: Mapping[int, int]) -> NDArray[np.int64]:
        """The number that each chunk gets where it was found; -1 for those that were not."""
        numbers = np.full(len(self.digests) // DIGEST_BYTES, -1, dtype=np.int64)
        numbers[list(found.values())] = list(found)
        return numbers


NOTHING_HELD = HeldSegment(0, "text", b"", b"")


def read_held(connection: sa.Connection, day: date) -> Sequence[HeldSegment]:
    """The segments that a day has, in order."""
    column = segments.c
    query = sa.select(column.segment_id, column.kind, column.facts, column.digests).where(
        column.day == day.isoformat()
    )
    return [HeldSegment(*row) for row in connection.execute(query.order_by(column.part))]


def digest_indexed(spoken: Spoken, codes: bytes | None) -> bytes:
    """The digest of all that the index makes of a chunk is made of."""
    return hashlib.blake2b(
        orjson.dumps(spoken, default=_plain) + (codes or b""), digest_size=DIGEST_BYTES
    ).digest()


def _plain(value: Any) -> Any:
    """What a voice and a cost are in JSON."""
    return list(value) if isinstance(value, tuple) else str(value)
