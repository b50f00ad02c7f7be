"""Types of arrays, and arithmetic on runs.

A run is a number of items that follow one another in one array: the passages of a chunk, the
postings of a term. Runs are described by an array of their counts.
"""

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
"""Embeddings, as encoders give them."""
Records = NDArray[np.void]
"""Rows of a structured type, whose fields are read by name."""


def starts_of(counts: Ints) -> Ints:
    """The first index of each run, where runs of these lengths follow one another."""
    starts: Ints = np.cumsum(counts) - counts
    return starts


def number_in_runs(counts: Ints) -> Ints:
    """Each item's number in its own run: counts of 2 and 3 give 0 1 0 1 2."""
    starts = np.repeat(starts_of(counts), counts)
    numbers: Ints = np.arange(counts.sum()) - starts
    return numbers


def indices_of_runs(starts: Ints, counts: Ints) -> Ints:
    """The indices of some runs in a larger array: run after run, `counts` of them from `starts`."""
    return np.repeat(starts, counts) + number_in_runs(counts)
