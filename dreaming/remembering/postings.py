"""Where each term stands: packed by segment and bucket, and unpacked for the terms of a question.

A **segment** is up to `SEGMENT_CHUNKS` chunks of one kind of one day, written and deleted whole. The terms of a segment
are spread over `BUCKETS` buckets by their hashes, and a row of the table `postings` holds one bucket of one segment: so
a question reads a row a term and segment, and a day is replaced by some thousand small rows, not by one for every word
that was said in it. A posting is 8 bytes: what is left of the term's hash, the chunk, the passage and the count.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SEGMENT_CHUNKS = 2048
BUCKETS = 2048
HEADER = 4095
"""The number of the passage that stands for what is beside a chunk's text: its title, labels, entities and summary."""
_MOST_COUNTED = 255

_Packed = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Postings:
    """Where a term stands: three arrays of the same length, in order of place and passage."""

    chunk: NDArray[np.int64]
    """The place of the chunk among all that are looked at."""
    passage: NDArray[np.int64]
    count: NDArray[np.float64]


@lru_cache(100_000)
def hash_term(term: str) -> tuple[int, int]:
    """A term's bucket, and the 32 bits that tell it from others in there."""
    digest = int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "little")
    return digest >> 53, digest & 0xFFFFFFFF


def pack_postings(chunks: Sequence[Iterable[tuple[int, Sequence[str]]]]) -> dict[int, bytes]:
    """The buckets of a segment, from the passages of each of its chunks: their numbers and terms."""
    buckets: list[int] = []
    packed: list[int] = []
    for chunk, passages in enumerate(chunks):
        for passage, terms in passages:
            place = chunk << 20 | min(passage, HEADER) << 8
            for term, count in Counter(terms).items():
                bucket, rest = hash_term(term)
                buckets.append(bucket)
                packed.append(rest << 32 | place | min(count, _MOST_COUNTED))
    if not packed:
        return {}
    of_bucket, postings = np.array(buckets), np.array(packed, dtype="<u8")
    order = np.lexsort((postings, of_bucket))
    of_bucket, postings = of_bucket[order], postings[order]
    starts = np.flatnonzero(np.diff(of_bucket, prepend=-1))
    parts = np.split(postings, starts[1:])
    return {int(of_bucket[start]): part.tobytes() for start, part in zip(starts, parts, strict=True)}


def unpack_postings(
    terms: Iterable[str], read: Callable[[Sequence[int]], Mapping[int, Mapping[int, bytes]]], bases: Mapping[int, int]
) -> dict[str, Postings]:
    """The postings of terms, in the segments that `bases` says the first place of, in its order.

    `read` gives the rows of buckets: by bucket and segment.
    """
    hashes = {term: hash_term(term) for term in terms}
    rows = read(sorted({bucket for bucket, _ in hashes.values()}))
    joined = {bucket: _join(of_segments, bases) for bucket, of_segments in rows.items()}
    return {
        term: _of_term(rest, *joined[bucket]) if bucket in joined else _nowhere()
        for term, (bucket, rest) in hashes.items()
    }


def _join(of_segments: Mapping[int, bytes], bases: Mapping[int, int]) -> tuple[_Packed, NDArray[np.int64]]:
    here = [(base, of_segments[segment]) for segment, base in bases.items() if segment in of_segments]
    packed = np.frombuffer(b"".join(blob for _, blob in here), dtype="<u8")
    base = np.repeat([base for base, _ in here], [len(blob) // 8 for _, blob in here])
    return packed, base.astype(np.int64)


def _of_term(rest: int, packed: _Packed, base: NDArray[np.int64]) -> Postings:
    mine = np.flatnonzero((packed >> np.uint64(32)) == rest)
    low = packed[mine].astype(np.int64)
    return Postings(base[mine] + (low >> 20 & 0xFFF), low >> 8 & 0xFFF, (low & 0xFF).astype(np.float64))


def _nowhere() -> Postings:
    empty = np.zeros(0, dtype=np.int64)
    return Postings(empty, empty, empty.astype(np.float64))
