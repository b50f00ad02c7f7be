"""Topic boundaries between the messages of a lane, from exchanges, cue phrases, shared words and silences.

Each turn gets the probability that it starts a topic, from a handful of signs with fixed weights; a turn starts one
if its probability stands out among its neighbours and in its lane. The weights are a logistic regression on the
development halves of public segmentation sets, each set left out in turn to see that they carry over, and rounded;
the one for silences is set by hand, because those sets have no timestamps.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import exp, log, log2, sqrt

from dreaming.chunking.cohesion import depths, exchange_words, familiarity, number_exchanges
from dreaming.chunking.cues import Cues
from dreaming.chunking.turns import Turn, read_turn
from dreaming.chunking.words import read_words

BIAS = 0.1
OPENS_EXCHANGE = 1.2
NARROW_DEPTH = 1.0
WIDE_DEPTH = 1.3
FAMILIAR_WORDS = -1.7
TOPIC_WORDS = 0.65
"""For `MANY_WORDS` and more; in proportion for fewer."""
NEW_TOPIC = 1.0
REFERENCE = -0.5
ANSWER = -0.7
CLOSING = -1.3
GREETING = 1.8
QUESTION = 0.7
AFTER_CLOSING = 0.8
CLOSING_BEFORE_LAST = 0.8
AFTER_QUESTION = -1.2
LENGTH = -1.0
"""Times the logarithm of the number of turns: long talks stay longer with a topic (milder than the fit, -1.3)."""
SILENCE = 1.0
"""Times the binary logarithm of 1 + the quarters of an hour of silence, up to `LONGEST_SILENCE`."""

MANY_WORDS = 8
SHORT_TALK, LONG_TALK = 8, 200
"""Talks are taken to be at least and at most so long: the sets that were learned from say nothing beyond."""
LONGEST_SILENCE = 6.0
FEW_TURNS = 4
EVEN_ODDS = 0.5
"""What a turn needs in a lane of up to `FEW_TURNS`, where nothing can stand out."""
LEAST_PROBABILITY = 0.2
SURE_PROBABILITY = 0.6
"""No turn as probable as this is held back by its lane's average."""


def segment_turns(turns: Sequence[tuple[str, str]]) -> list[int]:
    """Where new topics start in (speaker, text) pairs: indexes from 1 on, ascending; the first topic's is not told."""
    read = [read_turn(speaker, text, frozenset(read_words(text))) for speaker, text in turns]
    return choose_boundaries(score_turns(read))


def score_turns(turns: Sequence[Turn]) -> list[float]:
    """The probability of each turn to start a topic, 0 to 1; 1 for the first."""
    if not turns:
        return []
    exchanges = number_exchanges(turns)
    depth, familiar, opens = _depth(turns, exchanges), familiarity(turns), _opens_exchange(turns, exchanges)
    base = BIAS + LENGTH * log(min(max(len(turns), SHORT_TALK), LONG_TALK))
    scores = [1.0]
    for i, turn in enumerate(turns[1:], start=1):
        words = depth[i] + FAMILIAR_WORDS * familiar[i]
        evidence = base + OPENS_EXCHANGE * opens[i] + words + _talk(turns, i) + _silence(turn.silence_hours)
        scores.append(1 / (1 + exp(-evidence)))
    return scores


def choose_boundaries(scores: Sequence[float]) -> list[int]:
    """The turns that start a topic: peaks among their neighbours that stand out in their lane, never two in a row."""
    rest = scores[1:]
    if not rest:
        return []
    least = LEAST_PROBABILITY if len(scores) > FEW_TURNS else EVEN_ODDS
    threshold = min(max(_mean_and_deviation(rest), least), SURE_PROBABILITY)
    boundaries: list[int] = []
    for i, (before, score, after) in enumerate(zip([0.0, *rest[:-1]], rest, [*rest[1:], 0.0], strict=True), start=1):
        if score >= threshold and before <= score >= after and not (boundaries and boundaries[-1] == i - 1):
            boundaries.append(i)
    return boundaries


def _mean_and_deviation(values: Sequence[float]) -> float:
    """The mean plus one standard deviation (`statistics` is exact, and twenty times slower)."""
    mean = sum(values) / len(values)
    return mean + sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _depth(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[float]:
    """The evidence of the words around each turn that begins an exchange; 0 for the others."""
    words = exchange_words(turns, exchanges)
    around = zip(depths(words, window=1), depths(words, window=2), strict=True)
    evidence = [NARROW_DEPTH * narrow + WIDE_DEPTH * wide for narrow, wide in around]
    begins = [True, *(before != after for before, after in pairwise(exchanges))]
    return [evidence[number] if first else 0.0 for number, first in zip(exchanges, begins, strict=True)]


def _opens_exchange(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[bool]:
    """Which turns are known to open an exchange: nobody knows where several speak and none is the user."""
    speakers = {turn.speaker for turn in turns}
    if len(speakers) > 1 and "user" not in speakers:
        return [False] * len(turns)
    return [True, *(before != after for before, after in pairwise(exchanges))]


def _talk(turns: Sequence[Turn], i: int) -> float:
    """The evidence of what is said in turn `i` and in the two before it."""
    turn, before, last = turns[i], turns[i - 1].cues, turns[max(0, i - 2)].cues
    return (
        TOPIC_WORDS * min(len(turn.words), MANY_WORDS) / MANY_WORDS
        + _own_cues(turn.cues)
        + AFTER_CLOSING * before.closing
        + AFTER_QUESTION * before.question
        + CLOSING_BEFORE_LAST * last.closing
    )


@cache
def _own_cues(cues: Cues) -> float:
    """The evidence of a turn's own cues; there are 64 combinations of them."""
    return (
        NEW_TOPIC * cues.new_topic
        + REFERENCE * cues.reference
        + ANSWER * cues.answer
        + CLOSING * cues.closing
        + GREETING * cues.greeting
        + QUESTION * cues.question
    )


def _silence(hours: float) -> float:
    return min(SILENCE * log2(1 + 4 * hours), LONGEST_SILENCE) if hours > 0 else 0.0
