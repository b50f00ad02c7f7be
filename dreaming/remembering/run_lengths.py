"""Arithmetic on runs: items that follow one another in one array, described by their counts."""

import numpy as np
from numpy.typing import NDArray


def starts_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first index of each run, where runs of these lengths follow one another."""
    starts: NDArray[np.int64] = np.cumsum(counts) - counts
    return starts


def number_in_runs(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each item's number in its own run: counts of 2 and 3 give 0 1 0 1 2."""
    starts = np.repeat(starts_of(counts), counts)
    numbers: NDArray[np.int64] = np.arange(counts.sum()) - starts
    return numbers


def indices_of_runs(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices of some runs in a larger array: run after run, `counts` of them from `starts`."""
    return np.repeat(starts, counts) + number_in_runs(counts)
