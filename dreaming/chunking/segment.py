"""Topic boundaries between the messages of a lane: which turns start a topic, and how likely each
one is to.

The segmenter tells the evidence of each turn from its signs; a silence before it adds to that by a
rule of its own, because the sets that the weights were learned from have no timestamps.
"""

from collections.abc import Sequence
from math import log2

import numpy as np

from dreaming.chunking.segmenter import Numbers, Segmenter, probabilities, shipped_segmenter
from dreaming.chunking.turns import Turn, read_turn
from dreaming.chunking.words import read_words

SILENCE = 1.0
"""Times the binary logarithm of 1 + the quarters of an hour of silence, up to `LONGEST_SILENCE`."""
LONGEST_SILENCE = 6.0
FALSE_ALARM = 1.0
"""What a boundary in the wrong place costs, as a share of the turns, beside what it costs in F1."""


def segment_turns(
    turns: Sequence[tuple[str, str]], segmenter: Segmenter | None = None
) -> list[int]:
    """Where new topics start in (speaker, text) pairs: indexes from 1 on, ascending; the first
    topic's is not told.
    """
    return choose_boundaries(score_turns(read_turns(turns), segmenter))


def read_turns(turns: Sequence[tuple[str, str]]) -> list[Turn]:
    """The turns of (speaker, text) pairs."""
    return [read_turn(speaker, text, frozenset(read_words(text))) for speaker, text in turns]


def score_turns(turns: Sequence[Turn], segmenter: Segmenter | None = None) -> list[float]:
    """The probability of each turn to start a topic, 0 to 1; 1 for the first."""
    return [1.0, *probabilities(read_evidence(turns, segmenter)).tolist()] if turns else []


def read_evidence(turns: Sequence[Turn], segmenter: Segmenter | None = None) -> Numbers:
    """The logarithm of the odds of each turn but the first to start a topic."""
    segmenter = segmenter or shipped_segmenter()
    return segmenter.evidence(segmenter.read(turns)) + read_silences(turns)


def read_silences(turns: Sequence[Turn]) -> Numbers:
    """The evidence of the silence before each turn but the first, by the rule."""
    return np.array([_silence(turn.silence_hours) for turn in turns[1:]])


def choose_boundaries(scores: Sequence[float]) -> list[int]:
    """The turns that start a topic: of the peaks among their neighbours as many of the highest as
    pay.

    What pays is the F1 that is to be expected of them (twice the true ones among them, over how
    many they are and how many there should be), less the false ones among them.
    """
    rest = [0.0, *scores[1:], 0.0]
    peaks = [n for n in range(1, len(rest) - 1) if rest[n - 1] < rest[n] >= rest[n + 1]]
    peaks.sort(key=rest.__getitem__, reverse=True)
    expected, best, taken, true = sum(rest), 0.0, 0, 0.0
    for count, peak in enumerate(peaks, start=1):
        true += rest[peak]
        worth = 2 * true / (count + expected) - FALSE_ALARM * (count - true) / (len(scores) - 1)
        if worth > best:
            best, taken = worth, count
    return sorted(peaks[:taken])


def _silence(hours: float) -> float:
    return min(SILENCE * log2(1 + 4 * hours), LONGEST_SILENCE) if hours > 0 else 0.0
