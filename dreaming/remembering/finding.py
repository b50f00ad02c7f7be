"""A question -> the passages of the memory that answer it, best first.

Two steps, so that the time of a question does not grow with the memory: all chunks are scored by their words at once,
and the passages of the best of them, with those around them, by everything.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from dreaming.conversation import ConversationId
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.index import IndexReader, Row, Segment
from dreaming.remembering.passages import HALF_WORDS, SIGNS
from dreaming.remembering.postings import SEGMENT_CHUNKS, unpack_postings
from dreaming.remembering.ranking import (
    DATE,
    Numbers,
    Passages,
    Places,
    Question,
    inverse_frequencies,
    score_chunks,
    score_passages,
)
from dreaming.remembering.words import count_words, words

CANDIDATES = 256
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

    def row_ids(self, places: Places) -> Places:
        """The rows of chunks."""
        of = self.segment_of(places)
        ids = np.array([segment.segment_id for segment in self.segments])
        return ids[of] * SEGMENT_CHUNKS + places - self.bases[of]

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
    excluded: Container[ConversationId],
    least_chunks: int,
) -> Found | None:
    """The passages of the best chunks; None where no chunk has a word or a date of the question.

    The chunks are `least_chunks`, or `CANDIDATES` where that is more, as far as so many satisfy the filter.
    """
    scope = _open_scope(reader.segments(wanted), question)
    if not scope.segments:
        return None
    ids = [segment.segment_id for segment in scope.segments]
    postings = unpack_postings(
        question.terms,
        lambda buckets: reader.postings(buckets, ids),
        dict(zip(ids, scope.bases.tolist(), strict=True)),
    )
    weights = inverse_frequencies(postings, sum(segment.passage_count for segment in scope.segments))
    chunk_scores = score_chunks(postings, weights, scope.lengths)
    places = _candidates(reader, scope, chunk_scores, wanted, excluded, max(CANDIDATES, least_chunks))
    if not len(places):
        return None
    near = scope.with_neighbours(places)
    row_ids = scope.row_ids(near)
    place_of = dict(zip(row_ids.tolist(), near.tolist(), strict=True))
    rows = sorted(reader.rows(place_of), key=lambda row: place_of[row.row_id])
    row_places = np.array([place_of[row.row_id] for row in rows])
    passages = _lay_out(rows, row_places, scope)
    scores = score_passages(question, passages, postings, weights, chunk_scores[passages.chunk])
    return _in_order(passages, scores, np.isin(passages.chunk, places), scope, rows)


def _open_scope(segments: Sequence[Segment], question: Question) -> _Scope:
    counts = [len(segment.lengths) for segment in segments]
    return _Scope(
        segments,
        np.array([0, *accumulate(counts[:-1])]) if counts else np.zeros(0, dtype=np.int64),
        np.concatenate([segment.lengths for segment in segments]).astype(np.float64) if segments else np.zeros(0),
        np.array([question.dates.match(segment.day) for segment in segments]),
    )


def _candidates(
    reader: IndexReader,
    scope: _Scope,
    chunk_scores: Numbers,
    wanted: ChunkFilter,
    excluded: Container[ConversationId],
    count: int,
) -> Places:
    """The best chunks that satisfy the filter, by their words and the date; in order of place."""
    scores = chunk_scores + DATE * np.repeat(scope.date_match, np.diff(scope.bases, append=len(scope.lengths)))
    taken: list[int] = []
    for batch in _best_first(scores, count):
        row_ids = scope.row_ids(batch)
        satisfying = reader.satisfying(row_ids.tolist(), wanted, excluded)
        taken += [place for place, row in zip(batch.tolist(), row_ids.tolist(), strict=True) if row in satisfying]
        if len(taken) >= count:
            break
    return np.sort(np.array(taken[:count], dtype=np.int64))


def _best_first(scores: Numbers, first: int) -> Iterator[Places]:
    """The places with a score, best first and the newer day before the older; in batches that grow."""
    some = np.flatnonzero(scores > 0)
    at = 0
    while at < len(some):
        end = min(at + first * (2 if at else 1), len(some))
        if end < len(some):
            # Only as much is put in order as is asked for.
            least = np.partition(scores[some], len(some) - end)[len(some) - end]
            best = some[scores[some] >= least]
        else:
            best = some
        yield best[np.argsort(-scores[best], kind="stable")][at:end]
        at, first = end, first * 4


def _lay_out(rows: Sequence[Row], places: Places, scope: _Scope) -> Passages:
    counts = np.array([len(row.signs) for row in rows])
    signs = np.concatenate([row.signs for row in rows]) if rows else np.zeros(0, SIGNS)
    goes_on = [
        place == before + 1 and row.conversation_id == last.conversation_id
        for place, before, row, last in zip(places[1:], places[:-1], rows[1:], rows, strict=False)
    ]
    talks = np.cumsum([0, *(not same for same in goes_on)])
    names: dict[str, int] = {}
    voices = np.concatenate(
        [
            np.array([names.setdefault(v.name, len(names)) if v.name else -1 for v in row.voices])[row.signs["voice"]]
            for row in rows
        ]
    )
    return Passages(
        chunk=np.repeat(places, counts),
        number=np.concatenate([np.arange(count) for count in counts]),
        talk=np.repeat(talks, counts),
        voice=voices,
        length=signs["length"].astype(np.float64),
        asks=signs["asks"].astype(bool),
        tells_time=signs["tells_time"].astype(bool),
        date_match=np.repeat(scope.date_match[scope.segment_of(places)], counts),
        names=tuple(frozenset(words(name)) for name in names),
    )


def _in_order(
    passages: Passages, scores: Numbers, is_wanted: NDArray[np.bool_], scope: _Scope, rows: Sequence[Row]
) -> Found:
    label_words = np.concatenate(
        [np.array([count_words(str(voice)) for voice in row.voices])[row.signs["voice"]] for row in rows]
    )
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
