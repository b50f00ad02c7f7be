"""Topic boundaries between the messages of a lane: which turns start a topic, with probabilities.

The segmenter computes the log odds of each turn from its features. A silence before the turn adds
to them by a fixed rule: the data that the weights were fitted on have no timestamps.
"""

from collections.abc import Sequence
from math import log2

import numpy as np

from dreaming.chunking.segmenter import FloatArray, Segmenter, probabilities, shipped_segmenter
from dreaming.chunking.turns import Turn, read_turn
from dreaming.chunking.words import read_words

# A silence adds this times log2(1 + its quarters of an hour) to the log odds, up to the limit
# below: one more for each doubling, up to the limit, which is reached after some 16 hours.
SILENCE_WEIGHT = 1.0
MAX_SILENCE_LOG_ODDS = 6.0
# The cost of a boundary in the wrong place, as a share of the turns, added to its cost in F1. Where
# no boundary is likely, the expected F1 alone would grow with every peak and so take all of them.
FALSE_BOUNDARY_COST = 1.0


def segment_turns(
    turns: Sequence[tuple[str, str]], segmenter: Segmenter | None = None
) -> list[int]:
    """The indexes of the (speaker, text) turns that start a topic, ascending, without 0."""
    return choose_boundaries(score_turns(read_turns(turns), segmenter))


def read_turns(turns: Sequence[tuple[str, str]]) -> list[Turn]:
    """The turns of (speaker, text) pairs."""
    return [read_turn(speaker, text, frozenset(read_words(text))) for speaker, text in turns]


def score_turns(turns: Sequence[Turn], segmenter: Segmenter | None = None) -> list[float]:
    """The probability that each turn starts a topic, 0 to 1; 1 for the first."""
    if not turns:
        return []
    log_odds = compute_log_odds(turns, segmenter)
    return [1.0, *probabilities(log_odds).tolist()]


def compute_log_odds(turns: Sequence[Turn], segmenter: Segmenter | None = None) -> FloatArray:
    """The log odds that each turn but the first starts a topic."""
    segmenter = segmenter or shipped_segmenter()
    features = segmenter.read_features(turns)
    return segmenter.log_odds(features) + silence_log_odds(turns)


def silence_log_odds(turns: Sequence[Turn]) -> FloatArray:
    """The log odds that the silence before each turn but the first adds."""
    return np.array([_silence_log_odds(turn.silence_hours) for turn in turns[1:]])


def choose_boundaries(scores: Sequence[float]) -> list[int]:
    """The turns that start a topic: the highest peaks of the scores, as many as are worth most.

    The worth of a number of peaks is their expected F1 less the cost of the false ones among them.
    The expected F1 is twice the expected true peaks, over the peaks plus the expected boundaries.
    """
    # The first turn is a boundary for certain, so it is no peak and hides none beside it.
    rest = [0.0, *scores[1:], 0.0]
    peaks = [n for n in range(1, len(rest) - 1) if rest[n - 1] < rest[n] >= rest[n + 1]]
    peaks.sort(key=rest.__getitem__, reverse=True)
    expected_boundaries = sum(rest)
    expected_true = 0.0
    best_worth = 0.0
    best_count = 0
    for count, peak in enumerate(peaks, start=1):
        expected_true += rest[peak]
        expected_f1 = 2 * expected_true / (count + expected_boundaries)
        expected_false = count - expected_true
        worth = expected_f1 - FALSE_BOUNDARY_COST * expected_false / (len(scores) - 1)
        if worth > best_worth:
            best_worth = worth
            best_count = count
    return sorted(peaks[:best_count])


def _silence_log_odds(hours: float) -> float:
    if hours <= 0:
        return 0.0
    quarters = 4 * hours
    return min(SILENCE_WEIGHT * log2(1 + quarters), MAX_SILENCE_LOG_ODDS)
