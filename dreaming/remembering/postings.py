"""Where each term stands: packed by bucket, and unpacked for the terms of a question.

A **segment** is up to `SEGMENT_CHUNKS` chunks of one kind of one day, written and deleted whole.
The terms are spread over `BUCKETS` buckets by their hashes, and a row of the table `postings` holds
one bucket of a **block** of segments: so a question reads a row a term and block, and a day is
replaced by some thousand small rows, not by one for every word that was said in it. A day's
segments are blocks of their own at first; old ones are merged, which joins their bytes and spreads
them over finer rows, one for each part of a bucket: so a question reads little beside what it looks
for.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEGMENT_CHUNKS = 2048
BUCKETS = 2048
PARTS = 16
"""Of a bucket, in a block of several segments."""
HEADER = 4095
"""The number of the passage that stands for what is beside a chunk's text: its title, labels,
entities and summary.

The passages of a text come before it; those that come later than the one before it count as that
one.
"""
_MOST_COUNTED = 255
_CHUNK_BIT, _PASSAGE_BIT = 20, 8
_PART_SHIFT = 28

TERM = np.dtype([("hash", "<u4"), ("segment", "<u4"), ("postings", "<u4")])
"""A term of a bucket: what is left of its hash, the segment, and how many postings it has in there.
"""
POSTING = np.dtype("<u4")
"""From the highest bit: the chunk in its segment (11), the passage in its chunk (12), how often it
stands there (8).
"""


class Bucket(NamedTuple):
    """A bucket of a block, as it is kept."""

    terms: bytes
    """`TERM`s."""
    packed: bytes
    """The `POSTING`s of each in turn, in order of place."""


@dataclass(frozen=True, slots=True)
class Postings:
    """Where a term stands: three arrays of the same length, in order of place and passage."""

    chunk: NDArray[np.int64]
    """The place of the chunk among all that are looked at."""
    passage: NDArray[np.int64]
    times: NDArray[np.float64]
    """How often it stands there."""


class Address(NamedTuple):
    """Where a term is looked for."""

    bucket: int
    rest: int
    """The 32 bits that tell it from others in its bucket; the first ones say which part it is in.
    """

    @property
    def part(self) -> int:
        """The part of its bucket."""
        return self.rest >> _PART_SHIFT


@lru_cache(100_000)
def hash_term(term: str) -> Address:
    """Where a term is looked for."""
    [address] = _hash_terms([term]).tolist()
    return Address(address >> 32, address & 0xFFFFFFFF)


def _hash_terms(terms: Iterable[str]) -> NDArray[np.int64]:
    """The bucket of each term, and in the lower 32 bits the rest."""
    digests = b"".join([hashlib.blake2b(term.encode(), digest_size=8).digest() for term in terms])
    numbers = np.frombuffer(digests, "<u8")
    return (numbers >> 53 << 32 | numbers & 0xFFFFFFFF).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Entries:
    """The postings of a segment."""

    terms: NDArray[np.int64]
    """The bucket of each term and what is left of its hash, in order."""
    counts: NDArray[np.int64]
    """How many postings each has."""
    packed: NDArray[np.uint32]
    """The `POSTING`s of each in turn, in order of place."""

    @classmethod
    def of(cls, terms: NDArray[np.int64], keys: NDArray[np.int64]) -> "Entries":
        """From keys in order: the number of the term above a posting; terms that have none are left
        out.
        """
        counts = np.bincount(keys >> 32, minlength=len(terms))
        return cls(terms[counts > 0], counts[counts > 0], (keys & 0xFFFFFFFF).astype(POSTING))

    def keys(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The keys by these terms, which have all that are here."""
        return np.repeat(np.searchsorted(terms, self.terms), self.counts) << 32 | self.packed


def pack_postings(
    vocabulary: Sequence[str],
    terms: NDArray[np.int64],
    chunks: NDArray[np.int64],
    passages: NDArray[np.int64],
) -> Entries:
    """The postings of chunks of a segment: for each time that a term stands there, its number and
    where.

    A term of a chunk's `HEADER` counts once, and where no other passage of the chunk has it.
    """
    hashes, rank = np.unique(_hash_terms(vocabulary), return_inverse=True)
    places = rank[terms] << 32 | chunks << _CHUNK_BIT | passages << _PASSAGE_BIT
    keys, times = np.unique(places, return_counts=True)
    is_beside = keys >> _PASSAGE_BIT & HEADER == HEADER
    is_said = np.diff(keys >> _CHUNK_BIT, prepend=-1) == 0
    times = np.where(is_beside, 1, np.minimum(times, _MOST_COUNTED))
    return Entries.of(hashes, (keys | times)[~(is_beside & is_said)])


def take_over(new: Entries, held: Entries, numbers: NDArray[np.int64]) -> Entries:
    """The postings of new chunks, and those of held ones by their new numbers; a chunk whose number
    is -1 is none.
    """
    terms = np.union1d(new.terms, held.terms)
    number = numbers[held.packed >> _CHUNK_BIT]
    moved = held.keys(terms) & ~(SEGMENT_CHUNKS - 1 << _CHUNK_BIT) | number << _CHUNK_BIT
    return Entries.of(terms, np.sort(np.concatenate([new.keys(terms), moved[number >= 0]])))


def split_entries(entries: Entries, segment_id: int) -> dict[int, Bucket]:
    """The buckets of a segment."""
    terms = np.empty(len(entries.terms), dtype=TERM)
    terms["hash"] = entries.terms & 0xFFFFFFFF
    terms["segment"] = segment_id
    terms["postings"] = entries.counts
    buckets, starts = np.unique(entries.terms >> 32, return_index=True)
    first_packed = (np.cumsum(entries.counts) - entries.counts)[starts]
    parts = zip(
        np.split(terms, starts)[1:], np.split(entries.packed, first_packed)[1:], strict=True
    )
    return {
        bucket: Bucket(own.tobytes(), held.tobytes())
        for bucket, (own, held) in zip(buckets.tolist(), parts, strict=True)
    }


def join_entries(buckets: Sequence[tuple[int, Bucket]], segment_id: int) -> Entries:
    """What buckets, or parts of them, have of a segment; each comes with its number, and they come
    in order.
    """
    terms = np.frombuffer(b"".join(held.terms for _, held in buckets), TERM)
    packed = np.frombuffer(b"".join(held.packed for _, held in buckets), POSTING)
    counts = [len(held.terms) // TERM.itemsize for _, held in buckets]
    of = (
        np.repeat(np.array([bucket for bucket, _ in buckets], dtype=np.int64), counts) << 32
        | terms["hash"]
    )
    mine = terms["segment"] == segment_id
    return Entries(
        of[mine],
        terms["postings"][mine].astype(np.int64),
        packed[np.repeat(mine, terms["postings"])],
    )


def merge_buckets(buckets: Sequence[Bucket], live: Sequence[int]) -> Bucket:
    """One bucket for several, without the postings of segments that are not live."""
    terms = np.frombuffer(b"".join(bucket.terms for bucket in buckets), TERM)
    packed = np.frombuffer(b"".join(bucket.packed for bucket in buckets), POSTING)
    kept = np.isin(terms["segment"], live)
    return Bucket(terms[kept].tobytes(), packed[np.repeat(kept, terms["postings"])].tobytes())


def split_bucket(bucket: Bucket) -> dict[int, Bucket]:
    """A bucket by its parts, those aside that have nothing."""
    terms = np.frombuffer(bucket.terms, TERM)
    order = np.argsort(terms["hash"] >> _PART_SHIFT, kind="stable")
    ends = np.cumsum(terms["postings"], dtype=np.int64)
    counts = terms["postings"][order].astype(np.int64)
    packed = np.frombuffer(bucket.packed, POSTING)[_ranges(ends[order] - counts, counts)]
    of, starts = np.unique(terms["hash"][order] >> _PART_SHIFT, return_index=True)
    first_packed = (np.cumsum(counts) - counts)[starts]
    parts = zip(
        of.tolist(),
        np.split(terms[order], starts)[1:],
        np.split(packed, first_packed)[1:],
        strict=True,
    )
    return {part: Bucket(own.tobytes(), held.tobytes()) for part, own, held in parts}


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each start on, so many of each."""
    numbers: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(
        starts - (np.cumsum(counts) - counts), counts
    )
    return numbers


def look_up_terms(
    terms: Iterable[str], read: Callable[[Address], Sequence[Bucket]], bases: Mapping[int, int]
) -> dict[str, "Held"]:
    """What is held of terms in the segments that `bases` says the first place of; of other segments
    nothing.

    `read` gives the buckets of all blocks, or the parts of them, in which a term would be.
    """
    numbered = np.array(sorted(bases.items()), dtype=np.int64).reshape(-1, 2)
    addresses = {term: hash_term(term) for term in terms}
    return {
        term: _join(read(address)).of_term(address.rest, numbered)
        for term, address in addresses.items()
    }


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a term: how much is known before it is unpacked."""

    bases: NDArray[np.int64]
    """The first places of the segments that have it, in order."""
    starts: NDArray[np.int64]
    """Where its postings in each of these begin."""
    counts: NDArray[np.int64]
    packed: NDArray[np.uint32]

    @property
    def count(self) -> int:
        """How many postings it has."""
        return int(self.counts.sum())

    def unpack(self, bases: NDArray[np.int64] | None = None) -> Postings:
        """Where it stands; in the segments with those first places only, where some are given."""
        kept = slice(None) if bases is None else np.isin(self.bases, bases)
        base, starts, counts = self.bases[kept], self.starts[kept], self.counts[kept]
        packed = self.packed[_ranges(starts, counts)].astype(np.int64)
        return Postings(
            np.repeat(base, counts) + (packed >> _CHUNK_BIT),
            packed >> _PASSAGE_BIT & HEADER,
            (packed & _MOST_COUNTED).astype(np.float64),
        )


@dataclass(frozen=True, slots=True)
class _Joined:
    """A bucket over all blocks."""

    terms: NDArray[np.void]
    starts: NDArray[np.int64]
    """Where the postings of each begin."""
    packed: NDArray[np.uint32]

    def of_term(self, rest: int, bases: NDArray[np.int64]) -> Held:
        """What is held of a term in the segments of `bases`: their numbers, in order, and their
        first places.
        """
        mine = np.flatnonzero(self.terms["hash"] == rest)
        numbers = self.terms["segment"][mine]
        at = np.minimum(np.searchsorted(bases[:, 0], numbers), len(bases) - 1)
        known = bases[at, 0] == numbers
        mine, base = mine[known], bases[at[known], 1]
        order = np.argsort(base)
        mine = mine[order]
        return Held(
            base[order],
            self.starts[mine],
            self.terms["postings"][mine].astype(np.int64),
            self.packed,
        )


def _join(blocks: Sequence[Bucket]) -> _Joined:
    terms = np.frombuffer(b"".join(bucket.terms for bucket in blocks), dtype=TERM)
    counts = terms["postings"].astype(np.int64)
    packed = np.frombuffer(b"".join(bucket.packed for bucket in blocks), dtype=POSTING)
    return _Joined(terms, np.cumsum(counts) - counts, packed)
