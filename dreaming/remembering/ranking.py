"""One ranking: how well each passage answers a question.

A message is scored by its own words and by those around it: BM25 (Robertson & Zaragoza 2009) of the
window of 5 and of 9 messages and of the chunk, each as a share of the question's weight in words,
so that questions of any length meet the same scale. What is beside the text (title, labels,
entities, summary) counts in the windows of its chunk, never as a message's own. The weights were
set by hand and tried on folds over conversations; docs/searching.md says what each part is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.dates import NamedDates
from dreaming.remembering.meaning import Codes, likeness, to_signs
from dreaming.remembering.postings import HEADER, Postings

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each part of a score is worth."""

    window_5: float
    window_9: float
    chunk: float
    coverage: float
    """The share of the question's weight that the message itself has, names aside; a word that is
    like one of the question's counts as much as it is like it.
    """
    speaker: float = 3.5
    """Where the question names one of those who speak: for what that one says."""
    date: float = 6.0
    """For how much of the date that the question names the message's day has."""
    asks: float = -0.5
    """For a message that asks itself."""
    answers: float = 0.0
    """Times the score of the question right before it: the answer often has other words."""
    tells_time: float = 2.0
    """For a message that names a time, where the question asks when."""
    meaning: float = 0.0
    """Times the likeness of the message to the question."""
    meaning_around: float = 0.0
    """Times that of the message and its neighbours together."""


BY_WORDS = Weights(window_5=4.0, window_9=4.0, chunk=1.0, coverage=3.0, answers=2.0)
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
    """What is looked for."""

    terms: tuple[str, ...]
    dates: NamedDates
    asks_when: bool
    weights: Weights = BY_WORDS
    """What the parts of a score are worth for it."""
    vector: NDArray[np.float32] | None = None
    """Its meaning, where there is an encoder."""
    alike: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The terms that mean about the same as each of its own, and how alike they are, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Passages:
    """The passages that may answer, with those around them: arrays of one row a passage, in order
    of place.
    """

    chunk: Places
    """The place of its chunk."""
    number: Places
    """Its number in its chunk."""
    talk: Places
    """The stretch of talk it is of: windows do not reach beyond."""
    voice: Places
    """Who says it: an index into `names`; -1 for nobody known."""
    length: Numbers
    asks: NDArray[np.bool_]
    tells_time: NDArray[np.bool_]
    date_match: Numbers
    names: tuple[frozenset[str], ...]
    """The terms of the name of each voice."""
    codes: Codes
    """Their meaning; bits that are all 0 where it is not known."""


def inverse_frequencies(counts: Mapping[str, int], passages: int) -> dict[str, float]:
    """How much terms tell that stand in so many of all passages.

    A term that stands nowhere tells the most: what is left of a question in a language that the
    memory does not have must not count as all of it.
    """
    return {
        term: float(np.log1p((max(passages - count, 0) + 0.5) / (count + 0.5)))
        for term, count in counts.items()
    }


def score_chunks(
    postings: Mapping[str, Postings], rarity: Mapping[str, float], lengths: NDArray[np.uint32]
) -> Numbers:
    """The BM25 of all chunks by the terms that there are postings of, as a share of the question's
    whole weight.
    """
    scores = np.zeros(len(lengths))
    average = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    total = sum(rarity.values()) or 1.0
    for term, found in postings.items():
        starts = np.flatnonzero(np.diff(found.chunk, prepend=-1))
        if len(starts):
            places = found.chunk[starts]
            times = np.add.reduceat(found.times, starts)
            scores[places] += rarity[term] / total * _saturate(times, lengths[places] / average)
    return scores


def score_passages(
    question: Question,
    passages: Passages,
    postings: Mapping[str, Postings],
    rarity: Mapping[str, float],
    chunk_scores: Numbers,
) -> Numbers:
    """The score of each passage; `chunk_scores` are those of their chunks, `postings` of alike
    terms too.
    """
    weights = question.weights
    own, beside = _counts(passages, postings, rarity)
    names = frozenset[str]().union(*passages.names)
    telling = {term: weight for term, weight in rarity.items() if term not in names}
    score = (
        weights.chunk * chunk_scores
        + weights.date * passages.date_match
        + weights.asks * passages.asks
    )
    score += weights.window_5 * _around(own, beside, passages, rarity, reach=2)
    score += weights.window_9 * _around(own, beside, passages, rarity, reach=4)
    score += weights.coverage * _coverage(own, question, passages, postings, telling)
    score += weights.speaker * _is_asked_about(question, passages)
    if weights.answers:
        score += weights.answers * _answers(own, passages, rarity)
    if question.asks_when:
        score += weights.tells_time * passages.tells_time
    if question.vector is not None:
        score += _meaning(question.vector, passages, weights)
    return score


def _around(
    own: Mapping[str, Numbers],
    beside: Mapping[str, Numbers],
    passages: Passages,
    rarity: Mapping[str, float],
    *,
    reach: int,
) -> Numbers:
    """The BM25 of the passages within reach, as a share of the question's weight."""
    lengths = _window(passages.length, passages.talk, reach)
    relative = lengths / max(float(lengths.mean()), 1.0)
    total = sum(rarity.values()) or 1.0
    score = np.zeros(len(lengths))
    for term, weight in rarity.items():
        score += (
            weight
            / total
            * _saturate(_window(own[term], passages.talk, reach) + beside[term], relative)
        )
    return score


def _meaning(vector: NDArray[np.float32], passages: Passages, weights: Weights) -> Numbers:
    signs = to_signs(passages.codes) * passages.codes.any(axis=1, keepdims=True)
    around = signs.copy()
    same = np.flatnonzero(np.diff(passages.talk) == 0)
    around[same + 1] += signs[same]
    around[same] += signs[same + 1]
    around /= np.maximum(np.linalg.norm(around, axis=1, keepdims=True), 1e-6)
    score: Numbers = weights.meaning * likeness(signs, vector) + weights.meaning_around * likeness(
        around, vector
    )
    return score


def _coverage(
    own: Mapping[str, Numbers],
    question: Question,
    passages: Passages,
    postings: Mapping[str, Postings],
    telling: Mapping[str, float],
) -> Numbers:
    """The share of the weight of these terms that each passage has, by themselves or by the most
    alike that it has.
    """
    total = sum(telling.values())
    covered = np.zeros(len(passages.length))
    for term, weight in telling.items():
        best = np.minimum(own[term], 1.0)
        for other, alike in question.alike.get(term, {}).items():
            best = np.maximum(best, alike * (_own(passages, postings[other]) > 0))
        covered += weight / total * best
    return covered


def _counts(
    passages: Passages, postings: Mapping[str, Postings], rarity: Mapping[str, float]
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """How often each passage has each term; and how often what is
    beside its chunk's text has it.
    """
    own, beside = {}, {}
    for term in rarity:
        found = postings[term]
        of_header = found.passage == HEADER
        own[term] = _own(passages, found)
        beside[term] = _look_up(passages.chunk, found.chunk[of_header], found.times[of_header])
    return own, beside


def _own(passages: Passages, found: Postings) -> Numbers:
    keys = found.chunk * (HEADER + 1) + found.passage
    return _look_up(passages.chunk * (HEADER + 1) + passages.number, keys, found.times)


def _look_up(wanted: Places, keys: Places, values: Numbers) -> Numbers:
    """The values of the wanted keys, which are in order; 0 for those that are not there."""
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0.0)


def _window(values: Numbers, talk: Places, reach: int) -> Numbers:
    """The sum over each passage and so many before it and after it in its talk."""
    total = values.copy()
    for distance in range(1, min(reach, len(values) - 1) + 1):
        same = talk[distance:] == talk[:-distance]
        total[distance:] += np.where(same, values[:-distance], 0.0)
        total[:-distance] += np.where(same, values[distance:], 0.0)
    return total


def _saturate(counts: Numbers, relative_lengths: Numbers) -> Numbers:
    return counts * (K1 + 1) / (counts + K1 * (1 - B + B * relative_lengths))


def _is_asked_about(question: Question, passages: Passages) -> NDArray[np.bool_] | float:
    asked = [n for n, name in enumerate(passages.names) if not name.isdisjoint(question.terms)]
    return passages.voice == asked[0] if len(asked) == 1 else 0.0


def _answers(
    own: Mapping[str, Numbers], passages: Passages, rarity: Mapping[str, float]
) -> Numbers:
    """The BM25 of the passage right before each, where that one asks."""
    nothing = dict.fromkeys(own, np.zeros(len(passages.length)))
    alone = _around(own, nothing, passages, rarity, reach=0)
    before = np.zeros_like(alone)
    before[1:] = np.where(
        (passages.talk[1:] == passages.talk[:-1]) & passages.asks[:-1], alone[:-1], 0.0
    )
    return before
