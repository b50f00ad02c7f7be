"""A question -> the passages of the memory that answer it, best first.

Two steps, so that the time of a question does not grow with the memory: all chunks are scored by their words at once,
and the passages of the best of them, with those around them, by everything.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.meaning import DIMENSIONS, differing_bits, read_codes, to_codes
from dreaming.remembering.passages import HALF_WORDS, SIGNS, Voice
from dreaming.remembering.postings import SEGMENT_CHUNKS, Postings, unpack_postings
from dreaming.remembering.ranking import (
    Numbers,
    Passages,
    Places,
    Question,
    inverse_frequencies,
    score_chunks,
    score_passages,
)
from dreaming.remembering.reader import IndexReader, Row, Segment
from dreaming.remembering.words import count_words, words

CANDIDATES = 160
"""Chunks whose passages are scored, at least."""
NEIGHBOURED = 1
"""How many of the best passages are given with those next to them."""
_NEIGHBOURS = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class Found:
    """Passages that answer a question, best first."""

    row_id: Places
    """Of the chunk of each."""
    number: Places
    """Of the passage in its chunk."""
    score: Numbers
    words: Numbers
    """How long each is."""
    label_words: Numbers
    """How long the name of who says it is."""
    next_to: tuple[tuple[int, ...], ...]
    """Of the first few: which of these follow and precede them, in the order worth reading."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The segments that are looked at; a place is the number of a chunk among all of theirs."""

    segments: Sequence[Segment]
    bases: Places
    lengths: Numbers
    date_match: Numbers
    """Of each segment."""
    is_wanted: NDArray[np.bool_]
    """Which chunks may be found."""

    def row_ids(self, places: Places) -> Places:
        """The rows of chunks."""
        of = self.segment_of(places)
        ids = np.array([segment.segment_id for segment in self.segments])
        return ids[of] * SEGMENT_CHUNKS + places - self.bases[of]

    def places(self, row_ids: Places) -> Places:
        """Where the chunks of rows are, of those that are in scope."""
        ids = np.array([segment.segment_id for segment in self.segments])
        order = np.argsort(ids)
        at = np.minimum(np.searchsorted(ids[order], row_ids // SEGMENT_CHUNKS), len(ids) - 1)
        of = order[at]
        known = ids[of] == row_ids // SEGMENT_CHUNKS
        places: Places = self.bases[of[known]] + row_ids[known] % SEGMENT_CHUNKS
        return places

    def segment_of(self, places: Places) -> Places:
        """Which segments chunks are in."""
        return np.searchsorted(self.bases, places, side="right") - 1

    def with_neighbours(self, places: Places) -> Places:
        """The places, and those before and after them in their segments; in order."""
        near = np.concatenate([places + step for step in _NEIGHBOURS])
        of = np.tile(self.segment_of(places), len(_NEIGHBOURS))
        ends = np.append(self.bases[1:], len(self.lengths))
        return np.unique(near[(near >= self.bases[of]) & (near < ends[of])])


def find_passages(
    reader: IndexReader,
    question: Question,
    wanted: ChunkFilter,
    *,
    excluded: Collection[ConversationId],
    least_chunks: int,
) -> Found | None:
    """The passages of the best chunks; None where no chunk has a word or a date of the question.

    The chunks are `least_chunks`, or `CANDIDATES` where that is more, as far as so many satisfy the filter.
    """
    scope = _open_scope(reader, question, wanted, excluded)
    if not scope.segments:
        return None
    postings = _read_postings(reader, question.terms, scope.segments, scope.bases)
    rarity = inverse_frequencies(postings, sum(segment.passage_count for segment in scope.segments))
    chunk_scores = score_chunks(postings, rarity, scope.lengths)
    count = max(CANDIDATES, least_chunks)
    places = _best(np.where(scope.is_wanted, _first_scores(scope, chunk_scores, question), 0), count)
    if question.vector is not None:
        nearest = _best(np.where(scope.is_wanted, _nearness(reader, scope, question.vector), 0), count)
        places = np.union1d(places, nearest)
    if not len(places):
        return None
    of = np.unique(scope.segment_of(places))
    postings |= _read_postings(
        reader,
        {other for alike in question.alike.values() for other in alike},
        [scope.segments[n] for n in of.tolist()],
        scope.bases[of],
    )
    near = scope.with_neighbours(places)
    row_ids = scope.row_ids(near)
    place_of = dict(zip(row_ids.tolist(), near.tolist(), strict=True))
    rows = sorted(reader.rows(list(place_of)), key=lambda row: place_of[row.row_id])
    row_places = np.array([place_of[row.row_id] for row in rows])
    passages, label_words = _lay_out(rows, row_places, scope)
    scores = score_passages(question, passages, postings, rarity, chunk_scores[passages.chunk])
    return _in_order(passages, scores, label_words, np.isin(passages.chunk, places), scope)


def _open_scope(
    reader: IndexReader, question: Question, wanted: ChunkFilter, excluded: Collection[ConversationId]
) -> _Scope:
    segments = reader.segments(wanted)
    counts = [len(segment.lengths) for segment in segments]
    nothing = [np.zeros(0)]
    scope = _Scope(
        segments,
        np.array(list(accumulate(counts, initial=0))[:-1], dtype=np.int64),
        np.concatenate([segment.lengths for segment in segments] or nothing).astype(np.float64),
        np.array([question.dates.match(segment.day) for segment in segments]),
        np.concatenate([segment.is_wanted for segment in segments] or nothing).astype(bool),
    )
    if segments and wanted.labels:
        _keep_only(scope, reader.rows_of_labels(wanted.labels))
    if segments and wanted.conversations:
        _keep_only(scope, reader.rows_of_conversations(wanted.conversations))
    if segments and excluded:
        scope.is_wanted[scope.places(reader.rows_of_conversations(excluded))] = False
    return scope


def _keep_only(scope: _Scope, row_ids: Places) -> None:
    kept = np.zeros_like(scope.is_wanted)
    kept[scope.places(row_ids)] = True
    np.logical_and(scope.is_wanted, kept, out=scope.is_wanted)


def _read_postings(
    reader: IndexReader, terms: Collection[str], segments: Sequence[Segment], bases: Places
) -> dict[str, Postings]:
    """The postings of terms in segments, which begin at those places."""
    if not terms:
        return {}
    blocks = sorted({segment.block_id for segment in segments})
    first = dict(zip([segment.segment_id for segment in segments], bases.tolist(), strict=True))
    return unpack_postings(terms, lambda buckets: reader.postings(buckets, blocks), first)


def _first_scores(scope: _Scope, chunk_scores: Numbers, question: Question) -> Numbers:
    """How good chunks look by their words and the day; those without a word must be of the very day that is named."""
    scores = question.weights.chunk * chunk_scores
    if question.dates:
        days = np.repeat(scope.date_match, np.diff(scope.bases, append=len(scope.lengths)))
        days[(chunk_scores == 0) & (days < 1)] = 0
        scores += question.weights.date * days
    return scores


def _nearness(reader: IndexReader, scope: _Scope, vector: NDArray[np.float32]) -> Numbers:
    """How many bits the codes of chunks and the question share; 0 where there is no code."""
    codes = reader.codes(scope.segments)
    return np.where(codes.any(axis=1), DIMENSIONS - differing_bits(codes, to_codes(vector[None])[0]), 0).astype(float)


def _best(scores: Numbers, count: int) -> Places:
    """The places with the best scores above 0, as many as there are up to a count; in order."""
    some = np.flatnonzero(scores > 0)
    if len(some) <= count:
        return some
    held = scores[some]
    least = np.partition(held, len(held) - count)[len(held) - count]
    better, equal = some[held > least], some[held == least]
    # Of equal ones the newer days', which come first.
    return np.sort(np.append(better, equal[: count - len(better)]))


def _lay_out(rows: Sequence[Row], places: Places, scope: _Scope) -> tuple[Passages, Numbers]:
    """The passages of rows, and how long the name of who says each is."""
    signs = np.frombuffer(b"".join(row.signs for row in rows), SIGNS)
    counts = np.array([len(row.signs) // SIGNS.itemsize for row in rows])
    voices = [voice for row in rows for voice in row.voices]
    held = np.array([len(row.voices) for row in rows])
    voice = np.repeat(np.cumsum(held) - held, counts) + signs["voice"]
    numbers: dict[str, int] = {}
    named = np.array([numbers.setdefault(v.name, len(numbers)) if v.name else -1 for v in voices])
    label_words = np.array([_label_words(v) for v in voices])
    passages = Passages(
        chunk=np.repeat(places, counts),
        number=np.arange(len(signs)) - np.repeat(np.cumsum(counts) - counts, counts),
        talk=np.repeat(_talks(rows, places), counts),
        voice=named[voice],
        length=signs["length"].astype(np.float64),
        asks=signs["asks"].astype(bool),
        tells_time=signs["tells_time"].astype(bool),
        date_match=np.repeat(scope.date_match[scope.segment_of(places)], counts),
        names=tuple(frozenset(words(name)) for name in numbers),
        codes=read_codes(b"".join(row.codes for row in rows)),
    )
    return passages, label_words[voice]


def _talks(rows: Sequence[Row], places: Places) -> Places:
    """The stretch of talk that each row is of: neighbours of one conversation are of the same."""
    changes = [row.conversation_id != before.conversation_id for before, row in pairwise(rows)]
    return np.cumsum([0, *((np.diff(places) != 1) | np.array(changes, dtype=bool))])


@lru_cache(10_000)
def _label_words(voice: Voice) -> float:
    return count_words(str(voice))


def _in_order(
    passages: Passages, scores: Numbers, label_words: Numbers, is_wanted: NDArray[np.bool_], scope: _Scope
) -> Found:
    mine = np.flatnonzero(is_wanted)
    order = mine[np.argsort(-scores[mine], kind="stable")]
    rank = {at: n for n, at in enumerate(order.tolist())}
    next_to = []
    for at in order[:NEIGHBOURED].tolist():
        near = [other for other in (at + 1, at - 1) if other in rank and passages.talk[other] == passages.talk[at]]
        next_to.append(tuple(rank[other] for other in near))
    return Found(
        row_id=scope.row_ids(passages.chunk[order]),
        number=passages.number[order],
        score=scores[order],
        words=passages.length[order] / HALF_WORDS,
        label_words=label_words[order],
        next_to=tuple(next_to),
    )
