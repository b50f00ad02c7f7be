"""One ranking: how well each passage answers a question. Pure arithmetic on arrays.

A passage is scored by its own words and by those around it: BM25 (Robertson & Zaragoza 2009) of the
window of 5 and of 9 passages and of the chunk. Each is a share of the question's weight in words,
so that questions of any length meet the same scale. What is beside the text (title, labels,
entities, summary) counts in the windows of its chunk, never as a passage's own words.

The weights were set by hand and tried on folds over conversations; docs/searching.md says what each
part is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.arrays import Bools, Floats, Ints, Vectors
from dreaming.remembering.binary_embeddings import Codes, likeness, to_signs
from dreaming.remembering.dates import NamedDates
from dreaming.remembering.postings import HEADER, Postings

Positions = Ints
"""Of chunks, or passages, among all that a search looks at."""

# The usual constants of BM25. K1: how much a term's second and third occurrence still add. B: how
# much a term counts for less in a long text, 0 (not at all) to 1.
K1 = 1.2
B = 0.75

# Keys of a chunk and passage together: one passage number more than the largest.
_PASSAGE_NUMBERS = HEADER + 1

# Keeps the direction of a passage without an embedding at 0 instead of dividing by 0.
_MIN_NORM = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each part of a score is worth."""

    window_5: float
    window_9: float
    chunk: float
    coverage: float
    """For the share of the question's weight that the passage itself has, names of voices aside.

    A term of similar meaning counts as much as it is similar.
    """
    speaker: float = 3.5
    """Where the question names one of the speakers: for what that speaker says."""
    date: float = 6.0
    """For the share of the date that the question names which the passage's day matches."""
    asks: float = -0.5
    """For a passage that is a question."""
    answers: float = 0.0
    """Times the score of the question right before it: the answer often has other words."""
    tells_time: float = 2.0
    """For a passage that names a time, where the question asks when."""
    meaning: float = 0.0
    """Times the likeness of the passage to the question."""
    meaning_around: float = 0.0
    """Times the likeness of the passage and its neighbours together to the question."""


BY_WORDS = Weights(window_5=4.0, window_9=4.0, chunk=1.0, coverage=3.0, answers=2.0)

# `answers` is 0 here: beside the meaning it was worth nothing (docs/searching.md).
BY_MEANING_TOO = Weights(
    window_5=3.0,
    window_9=2.0,
    chunk=0.5,
    coverage=4.0,
    speaker=4.0,
    meaning=4.0,
    meaning_around=5.0,
)


@dataclass(frozen=True, slots=True)
class Question:
    """A query as it was understood."""

    terms: tuple[str, ...]
    dates: NamedDates
    asks_when: bool
    weights: Weights = BY_WORDS
    vector: Vectors | None = None
    """Its embedding, where there is an encoder."""
    alike: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For each of its terms: the terms of similar meaning, and their similarity, 0 to 1."""


@dataclass(frozen=True, slots=True)
class PassageTable:
    """The candidates' passages and those around them: arrays of one item a passage, by position."""

    chunk: Positions
    """The position of its chunk."""
    number: Positions
    """Its number in its chunk."""
    talk: Positions
    """The stretch of one conversation that it belongs to: windows do not reach beyond."""
    voice: Positions
    """Who says it: an index into `names`; -1 where no name is given."""
    length: Floats
    """In half words."""
    asks: Bools
    tells_time: Bools
    date_match: Floats
    names: tuple[frozenset[str], ...]
    """The terms of each name."""
    codes: Codes
    """Its binary embedding; all bits 0 where it has none."""


def inverse_frequencies(counts: Mapping[str, int], passages: int) -> dict[str, float]:
    """The weight of terms by the number of passages that have them, out of all passages.

    A term that no passage has weighs the most: a question in a language that the memory does not
    have must not be satisfied by the few terms that it has.
    """
    weights = {}
    for term, count in counts.items():
        # Not below 0, even where a chunk without a passage has the term in its header.
        without = max(passages - count, 0)
        weights[term] = float(np.log1p((without + 0.5) / (count + 0.5)))
    return weights


def score_chunks(
    postings: Mapping[str, Postings], rarity: Mapping[str, float], lengths: NDArray[np.uint32]
) -> Floats:
    """The BM25 of all chunks by the terms in `postings`, as a share of the question's weight."""
    scores = np.zeros(len(lengths))
    # 1 where there is nothing to divide by: no chunk, only empty chunks, or no term.
    average = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    total = sum(rarity.values()) or 1.0
    for term, of_term in postings.items():
        # Postings are in order of chunk: each change of the chunk begins the next one's postings.
        starts = np.flatnonzero(np.diff(of_term.chunk, prepend=-1))
        if not len(starts):
            continue
        chunks = of_term.chunk[starts]
        times = np.add.reduceat(of_term.times, starts)
        weight = rarity[term] / total
        scores[chunks] += weight * _saturate(times, lengths[chunks] / average)
    return scores


def score_passages(
    question: Question,
    passages: PassageTable,
    postings: Mapping[str, Postings],
    rarity: Mapping[str, float],
    chunk_scores: Floats,
) -> Floats:
    """The score of each passage.

    `chunk_scores` has the score of each passage's chunk; `postings` has the terms of the question
    and those of similar meaning.
    """
    weights = question.weights
    own, beside = _count_terms(passages, postings, rarity)
    score = (
        weights.chunk * chunk_scores
        + weights.date * passages.date_match
        + weights.asks * passages.asks
    )
    score += weights.window_5 * _score_window(own, beside, passages, rarity, reach=2)
    score += weights.window_9 * _score_window(own, beside, passages, rarity, reach=4)
    telling = _without_names(rarity, passages)
    score += weights.coverage * _coverage(own, question, passages, postings, telling)
    score += weights.speaker * _is_asked_about(question, passages)
    if weights.answers:
        score += weights.answers * _score_answers(own, passages, rarity)
    if question.asks_when:
        score += weights.tells_time * passages.tells_time
    if question.vector is not None:
        score += _score_meaning(question.vector, passages, weights)
    return score


def _without_names(rarity: Mapping[str, float], passages: PassageTable) -> dict[str, float]:
    """The terms that are not the name of a speaker: `Weights.speaker` rewards those."""
    names = frozenset[str]().union(*passages.names)
    return {term: weight for term, weight in rarity.items() if term not in names}


def _score_window(
    own: Mapping[str, Floats],
    beside: Mapping[str, Floats],
    passages: PassageTable,
    rarity: Mapping[str, float],
    *,
    reach: int,
) -> Floats:
    """The BM25 of the passages within reach, as a share of the question's weight."""
    lengths = _sum_window(passages.length, passages.talk, reach)
    relative_lengths = lengths / max(float(lengths.mean()), 1.0)
    total = sum(rarity.values()) or 1.0
    score = np.zeros(len(lengths))
    for term, weight in rarity.items():
        counts = _sum_window(own[term], passages.talk, reach) + beside[term]
        score += weight / total * _saturate(counts, relative_lengths)
    return score


def _score_meaning(vector: Vectors, passages: PassageTable, weights: Weights) -> Floats:
    """The likeness of each passage to the question, alone and together with its neighbours."""
    has_code = passages.codes.any(axis=1, keepdims=True)
    signs = to_signs(passages.codes) * has_code
    around = signs.copy()
    followed = np.flatnonzero(np.diff(passages.talk) == 0)
    around[followed + 1] += signs[followed]
    around[followed] += signs[followed + 1]
    norms = np.linalg.norm(around, axis=1, keepdims=True)
    around /= np.maximum(norms, _MIN_NORM)
    alone_score = weights.meaning * likeness(signs, vector)
    around_score = weights.meaning_around * likeness(around, vector)
    score: Floats = alone_score + around_score
    return score


def _coverage(
    own: Mapping[str, Floats],
    question: Question,
    passages: PassageTable,
    postings: Mapping[str, Postings],
    telling: Mapping[str, float],
) -> Floats:
    """The share of the weight of `telling` that each passage has.

    A passage without a term has as much of it as its most similar term is similar.
    """
    total = sum(telling.values())
    covered = np.zeros(len(passages.length))
    for term, weight in telling.items():
        best = np.minimum(own[term], 1.0)
        for similar_term, similarity in question.alike.get(term, {}).items():
            has_similar = _count_own(passages, postings[similar_term]) > 0
            best = np.maximum(best, similarity * has_similar)
        covered += weight / total * best
    return covered


def _count_terms(
    passages: PassageTable, postings: Mapping[str, Postings], rarity: Mapping[str, float]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """How often each passage has each term, and how often the header of its chunk has it."""
    own = {}
    beside = {}
    for term in rarity:
        of_term = postings[term]
        is_header = of_term.passage == HEADER
        own[term] = _count_own(passages, of_term)
        beside[term] = _look_up(
            passages.chunk,
            of_term.chunk[is_header],
            of_term.times[is_header],
        )
    return own, beside


def _count_own(passages: PassageTable, of_term: Postings) -> Floats:
    keys = of_term.chunk * _PASSAGE_NUMBERS + of_term.passage
    wanted = passages.chunk * _PASSAGE_NUMBERS + passages.number
    return _look_up(wanted, keys, of_term.times)


def _look_up(wanted: Positions, keys: Positions, values: Floats) -> Floats:
    """The values of the wanted keys, 0 for those that are missing; `keys` are in order."""
    if not len(keys):
        return np.zeros(len(wanted))
    # A key above all others is given an index past the end; the comparison refuses it.
    index = np.minimum(
        np.searchsorted(keys, wanted),
        len(keys) - 1,
    )
    return np.where(
        keys[index] == wanted,
        values[index],
        0.0,
    )


def _sum_window(values: Floats, talk: Positions, reach: int) -> Floats:
    """The sum over each passage and the `reach` passages before and after it in its talk."""
    total = values.copy()
    longest = min(reach, len(values) - 1)
    # One shift of the whole array a distance: the number of steps does not grow with the passages.
    for distance in range(1, longest + 1):
        is_same_talk = talk[distance:] == talk[:-distance]
        total[distance:] += np.where(
            is_same_talk,
            values[:-distance],
            0.0,
        )
        total[:-distance] += np.where(
            is_same_talk,
            values[distance:],
            0.0,
        )
    return total


def _saturate(counts: Floats, relative_lengths: Floats) -> Floats:
    """BM25's weight of a term that a text of a length has this often."""
    return counts * (K1 + 1) / (counts + K1 * (1 - B + B * relative_lengths))


def _is_asked_about(question: Question, passages: PassageTable) -> Bools | float:
    """Whether each passage is said by the one speaker whom the question names."""
    named = [n for n, name in enumerate(passages.names) if not name.isdisjoint(question.terms)]
    # A question that names two speakers may be about what either said.
    if len(named) != 1:
        return 0.0
    is_asked_about: Bools = passages.voice == named[0]
    return is_asked_about


def _score_answers(
    own: Mapping[str, Floats], passages: PassageTable, rarity: Mapping[str, float]
) -> Floats:
    """The BM25 of the passage right before each, where that passage is a question."""
    nothing = dict.fromkeys(own, np.zeros(len(passages.length)))
    alone = _score_window(own, nothing, passages, rarity, reach=0)
    is_same_talk = passages.talk[1:] == passages.talk[:-1]
    follows_question = is_same_talk & passages.asks[:-1]
    before = np.zeros_like(alone)
    before[1:] = np.where(
        follows_question,
        alone[:-1],
        0.0,
    )
    return before
