"""The inverted index in memory: postings packed by bucket, and unpacked for a question's terms.

A **posting** says that a term is in a passage, and how often. A **segment** is up to
`SEGMENT_CHUNKS` chunks of one kind of one day, written and deleted whole. The terms are spread over
`BUCKETS` **buckets** by their hashes. A row of the table `postings` holds one bucket of a **block**
of segments: a question reads a row a term and block, and a day is replaced by at most `BUCKETS`
rows a segment, instead of one for every different word that was said.

A new segment is a block of its own. Old blocks are merged (see `posting_blocks.py`): their bytes
are joined, and each bucket is split into `PARTS` rows, so that a question reads little beside the
terms that it looks for.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.arrays import Floats, Ints, Records, indices_of_runs, starts_of

# The numbers below are part of the stored format: an index that was written with others cannot be
# read.

SEGMENT_CHUNKS = 2048
"""Chunks of a segment at most: a posting has 11 bits for the chunk's number."""

BUCKETS = 2048
"""More buckets mean more rows for each day that is written, fewer mean more bytes that a question
reads beside its terms.
"""

PARTS = 16
"""Rows of a bucket in a block of several segments."""

HEADER = 4095
"""The passage number of a chunk's header: its title, labels, entities and summary.

Passages of the text have lower numbers. From `HEADER - 1` on, all have the number `HEADER - 1`.
"""

# What 8 bits hold. BM25 gains next to nothing from more occurrences of a term in one passage.
_MAX_TIMES = 255

_TIMES_MASK = 0xFF
_PASSAGE_BIT = 8
_CHUNK_BIT = 20

# A term's hash has 43 bits: 11 for the bucket, 32 for the rest. A term is known by its hash alone:
# the words of a question are not compared with the words that were said.
_REST_BITS = 32
_REST_MASK = (1 << _REST_BITS) - 1
_BUCKET_SHIFT = 53
_PART_SHIFT = 28

TERM = np.dtype([("hash", "<u4"), ("segment", "<u4"), ("postings", "<u4")])
"""A term of one segment in a bucket: the rest of its hash, the segment, the number of postings."""

POSTING = np.dtype("<u4")
"""From the highest bit: the chunk in its segment (11), the passage in its chunk (12), how often
the term is there (8).
"""


class Bucket(NamedTuple):
    """A bucket of a block, or a part of one, as the table `postings` stores it."""

    terms: bytes
    """`TERM`s."""
    packed: bytes
    """The `POSTING`s of each of the terms in turn, in order of chunk and passage."""


@dataclass(frozen=True, slots=True)
class Postings:
    """A term's postings: three arrays of equal length, in order of chunk and passage."""

    chunk: Ints
    """The position of the chunk among all chunks of the search."""
    passage: Ints
    times: Floats
    """How often the term is there."""


class Address(NamedTuple):
    """Where a term's postings are stored."""

    bucket: int
    rest: int
    """The 32 bits of the hash that distinguish the term from others in its bucket."""

    @property
    def part(self) -> int:
        """The part of the bucket: the highest bits of the rest."""
        return self.rest >> _PART_SHIFT


# Questions share many terms, and `prune_vocabulary` asks for each term of the vocabulary.
@lru_cache(100_000)
def hash_term(term: str) -> Address:
    """The address of a term."""
    [term_hash] = _hash_terms([term]).tolist()
    return Address(term_hash >> _REST_BITS, term_hash & _REST_MASK)


def _hash_terms(terms: Iterable[str]) -> Ints:
    """The hash of each term: the bucket in the upper bits, the rest in the lower 32."""
    digests = [hashlib.blake2b(term.encode(), digest_size=8).digest() for term in terms]
    numbers = np.frombuffer(b"".join(digests), "<u8")
    buckets = numbers >> _BUCKET_SHIFT
    hashes = buckets << _REST_BITS | numbers & _REST_MASK
    return hashes.astype(np.int64)


@dataclass(frozen=True, slots=True)
class SegmentPostings:
    """All postings of one segment, by term."""

    terms: Ints
    """The hash of each term, in order."""
    counts: Ints
    """The number of postings of each term."""
    packed: NDArray[np.uint32]
    """The `POSTING`s of each of the terms in turn, in order of chunk and passage."""

    @classmethod
    def from_keys(cls, terms: Ints, keys: Ints) -> "SegmentPostings":
        """The postings of keys, which are in order; terms without a posting are left out.

        A key has the index of the term in the upper bits, and the posting in the lower 32.
        """
        counts = np.bincount(keys >> _REST_BITS, minlength=len(terms))
        is_used = counts > 0
        packed = (keys & _REST_MASK).astype(POSTING)
        return cls(terms[is_used], counts[is_used], packed)

    def keys(self, terms: Ints) -> Ints:
        """The postings as keys; `terms` has all terms of this segment, in order."""
        index = np.searchsorted(terms, self.terms)
        return np.repeat(index, self.counts) << _REST_BITS | self.packed


def pack_postings(
    vocabulary: Sequence[str],
    terms: Ints,
    chunks: Ints,
    passages: Ints,
) -> SegmentPostings:
    """The postings of chunks of a segment.

    The arrays have one item for each occurrence of a term: its index in the vocabulary, the chunk
    and the passage. A term of a header counts once, and only where no passage of the chunk has it.
    """
    hashes, rank = np.unique(_hash_terms(vocabulary), return_inverse=True)
    occurrences = rank[terms] << _REST_BITS | chunks << _CHUNK_BIT | passages << _PASSAGE_BIT
    keys, times = np.unique(occurrences, return_counts=True)
    is_header = keys >> _PASSAGE_BIT & HEADER == HEADER
    # The header has the largest passage number: a passage with the same term and chunk is the key
    # before it.
    is_repeated = np.diff(keys >> _CHUNK_BIT, prepend=-1) == 0
    times = np.where(
        is_header,
        1,
        np.minimum(times, _MAX_TIMES),
    )
    is_kept = ~(is_header & is_repeated)
    return SegmentPostings.from_keys(hashes, (keys | times)[is_kept])


def reuse_postings(new: SegmentPostings, stored: SegmentPostings, numbers: Ints) -> SegmentPostings:
    """The postings of new chunks together with those of stored chunks that have not changed.

    `numbers` has the new number of each stored chunk; -1 drops its postings.
    """
    terms = np.union1d(new.terms, stored.terms)
    number = numbers[stored.packed >> _CHUNK_BIT]
    without_chunk = stored.keys(terms) & ~(SEGMENT_CHUNKS - 1 << _CHUNK_BIT)
    renumbered = without_chunk | number << _CHUNK_BIT
    kept = renumbered[number >= 0]
    keys = np.concatenate([new.keys(terms), kept])
    return SegmentPostings.from_keys(terms, np.sort(keys))


def split_postings(segment: SegmentPostings, segment_id: int) -> dict[int, Bucket]:
    """The postings of a segment by bucket; buckets without a term are left out."""
    terms = np.empty(len(segment.terms), dtype=TERM)
    terms["hash"] = segment.terms & _REST_MASK
    terms["segment"] = segment_id
    terms["postings"] = segment.counts
    buckets, first_term = np.unique(segment.terms >> _REST_BITS, return_index=True)
    first_posting = starts_of(segment.counts)[first_term]
    return _cut(buckets, (terms, first_term), (segment.packed, first_posting))


def _cut(
    numbers: Ints,
    terms: tuple[Records, Ints],
    packed: tuple[NDArray[np.uint32], Ints],
) -> dict[int, Bucket]:
    """Cut terms and postings, each given with the start of each piece; by the pieces' numbers."""
    # `np.split` gives what lies before the first start too, which is nothing.
    term_pieces = np.split(*terms)[1:]
    posting_pieces = np.split(*packed)[1:]
    pieces = zip(numbers.tolist(), term_pieces, posting_pieces, strict=True)
    return {number: Bucket(own.tobytes(), postings.tobytes()) for number, own, postings in pieces}


def join_postings(buckets: Sequence[tuple[int, Bucket]], segment_id: int) -> SegmentPostings:
    """The postings of one segment in buckets, or in parts of them, as `SegmentPostings`.

    Each comes with its number, in order of the table: a bucket's parts follow one another.
    """
    terms, packed = _concatenate([bucket for _, bucket in buckets])
    numbers = np.array(
        [number for number, _ in buckets],
        dtype=np.int64,
    )
    term_counts = [len(bucket.terms) // TERM.itemsize for _, bucket in buckets]
    hashes = np.repeat(numbers, term_counts) << _REST_BITS | terms["hash"]
    is_own = terms["segment"] == segment_id
    return SegmentPostings(
        hashes[is_own],
        terms["postings"][is_own].astype(np.int64),
        packed[np.repeat(is_own, terms["postings"])],
    )


def _concatenate(buckets: Sequence[Bucket]) -> tuple[Records, NDArray[np.uint32]]:
    terms = np.frombuffer(
        b"".join(bucket.terms for bucket in buckets),
        TERM,
    )
    packed = np.frombuffer(
        b"".join(bucket.packed for bucket in buckets),
        POSTING,
    )
    return terms, packed


def merge_buckets(buckets: Sequence[Bucket], live: Sequence[int]) -> Bucket:
    """One bucket of several, without the postings of segments that are not live."""
    terms, packed = _concatenate(buckets)
    is_live = np.isin(terms["segment"], live)
    live_packed = packed[np.repeat(is_live, terms["postings"])]
    return Bucket(terms[is_live].tobytes(), live_packed.tobytes())


def split_bucket(bucket: Bucket) -> dict[int, Bucket]:
    """A bucket by part; parts without a term are left out."""
    terms, packed = _concatenate([bucket])
    parts = terms["hash"] >> _PART_SHIFT
    # Stable: the segments of a term keep their order.
    order = np.argsort(parts, kind="stable")
    counts = terms["postings"].astype(np.int64)
    starts = starts_of(counts)
    sorted_packed = packed[indices_of_runs(starts[order], counts[order])]
    numbers, first_term = np.unique(parts[order], return_index=True)
    first_posting = starts_of(counts[order])[first_term]
    return _cut(numbers, (terms[order], first_term), (sorted_packed, first_posting))


@dataclass(frozen=True, slots=True)
class PostingList:
    """A term's postings in all segments of a search, still packed: only their count is known."""

    bases: Ints
    """The position of the first chunk of each segment that has the term, in order."""
    starts: Ints
    """The index of the first posting in each of these segments."""
    counts: Ints
    """The number of postings in each of these segments."""
    packed: NDArray[np.uint32]
    """The postings of whole buckets: those of other terms too."""

    @property
    def count(self) -> int:
        """The number of postings."""
        return int(self.counts.sum())

    def unpack(self, bases: Ints | None = None) -> Postings:
        """The postings; with `bases`, those of the segments whose first chunks are there."""
        is_wanted = slice(None) if bases is None else np.isin(self.bases, bases)
        base = self.bases[is_wanted]
        counts = self.counts[is_wanted]
        runs = indices_of_runs(self.starts[is_wanted], counts)
        packed = self.packed[runs].astype(np.int64)
        return Postings(
            chunk=np.repeat(base, counts) + (packed >> _CHUNK_BIT),
            passage=packed >> _PASSAGE_BIT & HEADER,
            times=(packed & _TIMES_MASK).astype(np.float64),
        )


def look_up_terms(
    terms: Iterable[str], read: Callable[[Address], Sequence[Bucket]], bases: Mapping[int, int]
) -> dict[str, PostingList]:
    """The posting list of each term in the segments of a search.

    `read` returns the buckets of all blocks that an address is in, or the parts of them. `bases`
    maps the id of each segment of the search to the position of its first chunk; postings of other
    segments are left out.
    """
    numbered = np.array(sorted(bases.items()), dtype=np.int64).reshape(
        -1,
        2,
    )
    lists = {}
    for term in terms:
        address = hash_term(term)
        lists[term] = _read_list(address, read(address), numbered)
    return lists


def _read_list(
    address: Address,
    buckets: Sequence[Bucket],
    numbered: Ints,
) -> PostingList:
    """One term's posting list; `numbered` has segment ids, in order, and first positions."""
    terms, packed = _concatenate(buckets)
    counts = terms["postings"].astype(np.int64)
    own = np.flatnonzero(terms["hash"] == address.rest)
    segment = terms["segment"][own]
    # An id above all others is given an index past the end; the comparison refuses it.
    index = np.minimum(
        np.searchsorted(numbered[:, 0], segment),
        len(numbered) - 1,
    )
    # A merged block also has segments of days and kinds that this search leaves out, and deleted
    # ones.
    in_search = numbered[index, 0] == segment
    own = own[in_search]
    base = numbered[index[in_search], 1]
    order = np.argsort(base)
    own = own[order]
    return PostingList(
        base[order],
        starts_of(counts)[own],
        counts[own],
        packed,
    )
