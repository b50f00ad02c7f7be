"""How near the boundaries that were found are to the true ones.

By the conventions of SuperDialseg (Jiang et al. 2023): Pk (Beeferman et al. 1999) and WindowDiff
(Pevzner and Hearst 2002) with half the mean true topic as the window, F1 of exact boundaries, each
a talk's, and their mix as the score.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Score:
    """Of one talk, or the means of several."""

    score: float
    """F1 / 2 + (2 - Pk - WindowDiff) / 4: 1 is perfect."""
    f1: float
    """Of exact boundaries; 0 where none is right, also where there is none."""
    pk: float
    """How often two turns so far apart are wrongly told to be of one topic, or of two: less is
    better.
    """
    windowdiff: float
    """How often the number of boundaries between them is wrong: less is better."""


def score_boundaries(true: Sequence[int], found: Sequence[int], turns: int) -> Score:
    """The score of what was found in a talk of so many turns."""
    window = max(2, round(turns / (len(true) + 1) / 2))
    pk, windowdiff = _window_errors(true, found, turns, window)
    f1 = _f1(frozenset(true), frozenset(found))
    return Score(f1 / 2 + (2 - pk - windowdiff) / 4, f1, pk, windowdiff)


def mean_score(scores: Iterable[Score]) -> Score:
    """The means; of sets, the macro score."""
    each = [(s.score, s.f1, s.pk, s.windowdiff) for s in scores]
    return Score(*(float(value) for value in np.mean(each, axis=0)))


def _f1(true: frozenset[int], found: frozenset[int]) -> float:
    right = len(true & found)
    return 2 * right / (len(true) + len(found)) if right else 0.0


def _window_errors(
    true: Sequence[int], found: Sequence[int], turns: int, window: int
) -> tuple[float, float]:
    """The shares of windows with a boundary in one and none in the other, and with another number
    of them.
    """
    window = min(window, turns)
    # A topic that starts at turn b ends the one of turn b - 1: windows are over such ends.
    begun = np.zeros((2, turns + 1), dtype=np.int64)
    for row, boundaries in zip(begun, (true, found), strict=True):
        row[list(boundaries)] = 1
    before = begun.cumsum(axis=1)
    within = before[:, window:] - before[:, :-window]
    differs = (within[0] > 0) != (within[1] > 0)
    return float(differs.mean()), float((within[0] != within[1]).mean())
