"""How close predicted boundaries are to the true ones.

By the conventions of SuperDialseg (Jiang et al. 2023): Pk (Beeferman et al. 1999) and WindowDiff
(Pevzner and Hearst 2002) with half the mean true topic as the window, and F1 of exact boundaries.
Each is computed for one dialogue; the score mixes them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one dialogue, or the means of several."""

    score: float
    """F1 / 2 + (2 - Pk - WindowDiff) / 4: 1 is perfect."""
    f1: float
    """F1 of exact boundaries; 0 where none is right, also for a dialogue without boundaries."""
    pk: float
    """How often turns a window apart are wrongly in one topic, or in two; less is better."""
    windowdiff: float
    """How often the number of boundaries within a window is wrong; less is better."""


def score_boundaries(true: Sequence[int], predicted: Sequence[int], turns: int) -> Score:
    """The score of the boundaries predicted in a dialogue with this number of turns."""
    mean_topic = turns / (len(true) + 1)
    window = max(2, round(mean_topic / 2))
    pk, windowdiff = _window_errors(true, predicted, turns, window)
    f1 = _f1(frozenset(true), frozenset(predicted))
    score = f1 / 2 + (2 - pk - windowdiff) / 4
    return Score(score, f1, pk, windowdiff)


def mean_score(scores: Iterable[Score]) -> Score:
    """The mean of each figure; the mean of sets is the macro score."""
    rows = [(score.score, score.f1, score.pk, score.windowdiff) for score in scores]
    means: list[float] = np.mean(rows, axis=0).tolist()
    return Score(*means)


def _f1(true: frozenset[int], predicted: frozenset[int]) -> float:
    right = len(true & predicted)
    if not right:
        return 0.0
    return 2 * right / (len(true) + len(predicted))


def _window_errors(
    true: Sequence[int], predicted: Sequence[int], turns: int, window: int
) -> tuple[float, float]:
    """Pk and WindowDiff: how often windows disagree on having a boundary, and on how many."""
    window = min(window, turns)
    # A topic that starts at turn b ends the one of turn b - 1: windows are over such ends.
    is_boundary = np.zeros((2, turns + 1), dtype=np.int64)
    is_boundary[0, list(true)] = 1
    is_boundary[1, list(predicted)] = 1
    # Sums from the beginning: the number within a window is the difference of two of them.
    sums = is_boundary.cumsum(axis=1)
    true_counts, predicted_counts = sums[:, window:] - sums[:, :-window]
    pk_errors = (true_counts > 0) != (predicted_counts > 0)
    windowdiff_errors = true_counts != predicted_counts
    return float(pk_errors.mean()), float(windowdiff_errors.mean())
