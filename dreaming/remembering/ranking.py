"""One ranking: how well each passage answers a question.

A message is scored by its own words and by those around it: BM25 (Robertson & Zaragoza 2009) of the window of 5 and of
9 messages and of the chunk, each as a share of the question's weight in words, so that questions of any length meet the
same scale. What is beside the text (title, labels, entities, summary) counts in the windows of its chunk, never as a
message's own. The weights were set by hand and tried on folds over conversations; docs/searching.md says what each part
is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.dates import NamedDates
from dreaming.remembering.postings import HEADER, Postings

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

K1 = 1.2
B = 0.75

WINDOW_5 = 4.0
WINDOW_9 = 4.0
CHUNK = 1.0
COVERAGE = 3.0
"""The share of the question's weight that the message itself has, names aside."""
SPEAKER = 3.5
"""Where the question names one of those who speak: for what that one says."""
DATE = 6.0
"""For how much of the date that the question names the message's day has."""
ASKS = -0.5
ANSWERS = 2.0
"""Times the score of the question right before it, for what somebody else says: the answer often has other words."""
TELLS_TIME = 2.0
"""For a message that names a time, where the question asks when."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for."""

    terms: tuple[str, ...]
    dates: NamedDates
    asks_when: bool


@dataclass(frozen=True, slots=True)
class Passages:
    """The passages that may answer, with those around them: arrays of one row a passage, in order of place."""

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


def inverse_frequencies(postings: Mapping[str, Postings], passages: int) -> dict[str, float]:
    """How much each term tells, of so many passages in all; those that stand nowhere are left out."""
    held = {term: len(found.chunk) for term, found in postings.items() if len(found.chunk)}
    return {term: float(np.log1p((max(passages - count, 0) + 0.5) / (count + 0.5))) for term, count in held.items()}


def score_chunks(postings: Mapping[str, Postings], weights: Mapping[str, float], lengths: Numbers) -> Numbers:
    """The BM25 of all chunks, as a share of the question's weight."""
    scores = np.zeros(len(lengths))
    average = max(float(lengths.mean()), 1.0) if len(lengths) else 1.0
    for term, weight in weights.items():
        found = postings[term]
        starts = np.flatnonzero(np.diff(found.chunk, prepend=-1))
        places = found.chunk[starts]
        counts = np.add.reduceat(found.count, starts)
        scores[places] += weight * _saturate(counts, lengths[places] / average)
    return scores / (sum(weights.values()) or 1.0)


def score_passages(
    question: Question,
    passages: Passages,
    postings: Mapping[str, Postings],
    weights: Mapping[str, float],
    chunk_scores: Numbers,
) -> Numbers:
    """The score of each passage; `chunk_scores` are those of their chunks."""
    own, beside = _counts(passages, postings, weights)
    total = sum(weights.values()) or 1.0
    score = CHUNK * chunk_scores + DATE * passages.date_match + ASKS * passages.asks
    for reach, worth in ((2, WINDOW_5), (4, WINDOW_9)):
        lengths = _window(passages.length, passages.talk, reach)
        relative = lengths / max(float(lengths.mean()), 1.0)
        for term, weight in weights.items():
            counts = _window(own[term], passages.talk, reach) + beside[term]
            score += worth * weight / total * _saturate(counts, relative)
    names = frozenset().union(*passages.names)
    score += COVERAGE * _coverage(own, {term: weight for term, weight in weights.items() if term not in names})
    score += SPEAKER * _is_asked_about(question, passages)
    score += ANSWERS * _answers(own, passages, weights)
    if question.asks_when:
        score += TELLS_TIME * passages.tells_time
    return score


def _counts(
    passages: Passages, postings: Mapping[str, Postings], weights: Mapping[str, float]
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """How often each passage has each term; and how often what is beside its chunk's text has it."""
    keys = passages.chunk * (HEADER + 1) + passages.number
    own, beside = {}, {}
    for term in weights:
        found = postings[term]
        of_header = found.passage == HEADER
        own[term] = _look_up(keys, found.chunk * (HEADER + 1) + found.passage, found.count)
        beside[term] = _look_up(passages.chunk, found.chunk[of_header], found.count[of_header])
    return own, beside


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


def _coverage(own: Mapping[str, Numbers], weights: Mapping[str, float]) -> Numbers | float:
    """The share of the weight of these terms that each passage has."""
    total = sum(weights.values())
    found = [weight / total * (own[term] > 0) for term, weight in weights.items()]
    return np.sum(found, axis=0, dtype=np.float64) if found else 0.0


def _is_asked_about(question: Question, passages: Passages) -> NDArray[np.bool_] | float:
    asked = [n for n, name in enumerate(passages.names) if not name.isdisjoint(question.terms)]
    return passages.voice == asked[0] if len(asked) == 1 else 0.0


def _answers(own: Mapping[str, Numbers], passages: Passages, weights: Mapping[str, float]) -> Numbers:
    relative = passages.length / max(float(passages.length.mean()), 1.0)
    total = sum(weights.values()) or 1.0
    alone = np.zeros(len(passages.length))
    for term, weight in weights.items():
        alone += weight / total * _saturate(own[term], relative)
    before = np.zeros_like(alone)
    before[1:] = np.where((passages.talk[1:] == passages.talk[:-1]) & passages.asks[:-1], alone[:-1], 0.0)
    return before
