"""A question -> the passages of the memory that answer it, best first.

Two steps, so that the time of a question does not grow with the memory: all chunks are scored by
their words at once, and the passages of the best of them, with those around them, by everything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.meaning import DIMENSIONS, differing_bits, read_codes, to_codes
from dreaming.remembering.passages import HALF_WORDS, SIGNS, Voice
from dreaming.remembering.postings import SEGMENT_CHUNKS, Held, Postings, look_up_terms
from dreaming.remembering.ranking import (
    Numbers,
    Passages,
    Places,
    Question,
    inverse_frequencies,
    score_chunks,
    score_passages,
)
from dreaming.remembering.reader import IndexReader, Row, Segments
from dreaming.remembering.words import count_words, words

CANDIDATES = 160
"""Chunks whose passages are scored, at least."""
MOST_POSTINGS = 100_000
"""Postings by which candidates are told, as far as there are rarer terms than others;"""
FEWEST_TERMS = 2
"""but always those of so many terms."""
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
    """What is looked at; a place is the number of a chunk among all chunks of the segments."""

    segments: Segments
    bases: Places
    """The first place of each segment."""
    is_wanted: NDArray[np.bool_]
    """Which chunks may be found."""

    def row_ids(self, places: Places) -> Places:
        """The rows of chunks."""
        of = self.segment_of(places)
        return self.segments.ids[of] * SEGMENT_CHUNKS + places - self.bases[of]

    def places(self, row_ids: Places) -> Places:
        """Where the chunks of rows are, of those that are in scope."""
        order = np.argsort(self.segments.ids)
        ids = self.segments.ids[order]
        at = np.minimum(np.searchsorted(ids, row_ids // SEGMENT_CHUNKS), len(ids) - 1)
        known = ids[at] == row_ids // SEGMENT_CHUNKS
        places: Places = self.bases[order[at[known]]] + row_ids[known] % SEGMENT_CHUNKS
        return places

    def segment_of(self, places: Places) -> Places:
        """Which segments chunks are in."""
        return np.searchsorted(self.bases, places, side="right") - 1

    def with_neighbours(self, places: Places) -> Places:
        """The places, and those before and after them in their segments; in order."""
        near = np.concatenate([places + step for step in _NEIGHBOURS])
        of = np.tile(self.segment_of(places), len(_NEIGHBOURS))
        ends = self.bases + self.segments.sizes
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

    The chunks are `least_chunks`, or `CANDIDATES` where that is more, as far as so many satisfy the
    filter.
    """
    scope = _open_scope(reader, wanted, excluded)
    if not len(scope.bases):
        return None
    held = _look_up(reader, scope, question.terms)
    rarity = inverse_frequencies(
        {term: found.count for term, found in held.items()}, scope.segments.passage_count
    )
    postings = {term: held[term].unpack() for term in _cheap_terms(held)}
    chunk_scores = score_chunks(postings, rarity, scope.segments.lengths)
    places = _candidates(reader, scope, question, chunk_scores, max(CANDIDATES, least_chunks))
    if not len(places):
        return None
    alike = {other for others in question.alike.values() for other in others}
    held |= _look_up(reader, scope, alike - held.keys(), of=places)
    bases = np.unique(scope.bases[scope.segment_of(places)])
    postings |= {term: found.unpack(bases) for term, found in held.items() if term not in postings}
    return _rank(reader, scope, question, postings, rarity, chunk_scores, places)


def _open_scope(
    reader: IndexReader, wanted: ChunkFilter, excluded: Collection[ConversationId]
) -> _Scope:
    segments = reader.segments(wanted)
    scope = _Scope(segments, np.cumsum(segments.sizes) - segments.sizes, segments.wanted(wanted))
    if wanted.labels and len(scope.bases):
        _keep_only(scope, reader.rows_of_labels(wanted.labels))
    if wanted.conversations and len(scope.bases):
        _keep_only(scope, reader.rows_of_conversations(wanted.conversations))
    if excluded and len(scope.bases):
        scope.is_wanted[scope.places(reader.rows_of_conversations(excluded))] = False
    return scope


def _keep_only(scope: _Scope, row_ids: Places) -> None:
    """Want no chunk beside those of these rows."""
    kept = np.zeros_like(scope.is_wanted)
    kept[scope.places(row_ids)] = True
    np.logical_and(scope.is_wanted, kept, out=scope.is_wanted)


def _look_up(
    reader: IndexReader, scope: _Scope, terms: Collection[str], *, of: Places | None = None
) -> dict[str, Held]:
    """What is held of terms, in the whole scope or in the segments of some chunks."""
    at = np.arange(len(scope.bases)) if of is None else np.unique(scope.segment_of(of))
    bases = dict(zip(scope.segments.ids[at].tolist(), scope.bases[at].tolist(), strict=True))
    return look_up_terms(sorted(terms), reader.postings, bases)


def _cheap_terms(held: Mapping[str, Held]) -> list[str]:
    """The terms that candidates are told by: the rarest, as far as few postings go.

    In a large memory common words would take most of the time, and tell next to nothing beside
    rarer ones.
    """
    by_count = sorted(held, key=lambda term: (held[term].count, term))
    spent = accumulate(held[term].count for term in by_count)
    return [
        term
        for n, (term, postings) in enumerate(zip(by_count, spent, strict=True))
        if n < FEWEST_TERMS or postings <= MOST_POSTINGS
    ]


def _candidates(
    reader: IndexReader, scope: _Scope, question: Question, chunk_scores: Numbers, count: int
) -> Places:
    """The chunks whose passages may answer: the best by words and the day, and the nearest in
    meaning.
    """
    places = _best(_first_scores(scope, question, chunk_scores), scope.is_wanted, count)
    if question.vector is None:
        return places
    return np.union1d(
        places, _best(_nearness(reader, scope, question.vector), scope.is_wanted, count)
    )


def _first_scores(scope: _Scope, question: Question, chunk_scores: Numbers) -> Numbers:
    """How good chunks look by their words and the day; those without a word must be of the very day
    that is named.
    """
    if not question.dates:
        return chunk_scores
    scores = chunk_scores.copy()
    ends = scope.bases + scope.segments.sizes
    for day, start, end in zip(
        scope.segments.days, scope.bases.tolist(), ends.tolist(), strict=True
    ):
        if match := question.dates.match(day):
            here = scores[start:end]
            here[(here > 0) | (match >= 1)] += question.weights.date * match
    return scores


def _nearness(reader: IndexReader, scope: _Scope, vector: NDArray[np.float32]) -> Numbers:
    """How many bits the codes of chunks and the question share; 0 where there is no code."""
    codes = reader.codes(scope.segments)
    return np.where(
        codes.any(axis=1), DIMENSIONS - differing_bits(codes, to_codes(vector[None])[0]), 0
    ).astype(float)


def _best(scores: Numbers, is_wanted: NDArray[np.bool_], count: int) -> Places:
    """The wanted places with the best scores above 0, as many as
    there are up to a count; in order.
    """
    some = np.flatnonzero((scores > 0) & is_wanted)
    if len(some) <= count:
        return some
    held = scores[some]
    least = np.partition(held, len(held) - count)[len(held) - count]
    better, equal = some[held > least], some[held == least]
    # Of equal ones the newer days', which come first.
    return np.sort(np.append(better, equal[: count - len(better)]))


def _rank(
    reader: IndexReader,
    scope: _Scope,
    question: Question,
    postings: Mapping[str, Postings],
    rarity: Mapping[str, float],
    chunk_scores: Numbers,
    candidates: Places,
) -> Found:
    """The passages of the candidates, best first."""
    near = scope.with_neighbours(candidates)
    row_ids = scope.row_ids(near)
    place_of = dict(zip(row_ids.tolist(), near.tolist(), strict=True))
    rows = sorted(reader.rows(list(place_of)), key=lambda row: place_of[row.row_id])
    places = np.array([place_of[row.row_id] for row in rows])
    passages, label_words = _lay_out(rows, places, scope, question)
    scores = score_passages(question, passages, postings, rarity, chunk_scores[passages.chunk])
    return _in_order(passages, scores, label_words, np.isin(passages.chunk, candidates), scope)


def _lay_out(
    rows: Sequence[Row], places: Places, scope: _Scope, question: Question
) -> tuple[Passages, Numbers]:
    """The passages of rows, and how long the name of who says each is."""
    days = [scope.segments.days[n] for n in scope.segment_of(places).tolist()]
    matches = [question.dates.match(day) for day in days] if question.dates else [0.0] * len(days)
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
        date_match=np.repeat(np.array(matches), counts),
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
    passages: Passages,
    scores: Numbers,
    label_words: Numbers,
    is_wanted: NDArray[np.bool_],
    scope: _Scope,
) -> Found:
    mine = np.flatnonzero(is_wanted)
    order = mine[np.argsort(-scores[mine], kind="stable")]
    rank = {at: n for n, at in enumerate(order.tolist())}
    next_to = []
    for at in order[:NEIGHBOURED].tolist():
        near = [
            other
            for other in (at + 1, at - 1)
            if other in rank and passages.talk[other] == passages.talk[at]
        ]
        next_to.append(tuple(rank[other] for other in near))
    return Found(
        row_id=scope.row_ids(passages.chunk[order]),
        number=passages.number[order],
        score=scores[order],
        words=passages.length[order] / HALF_WORDS,
        label_words=label_words[order],
        next_to=tuple(next_to),
    )
