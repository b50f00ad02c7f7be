"""The confidence of a segmenter, calibrated on talks it had not seen: how likely the bounds of a
topic are right.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dreaming.chunking.segment import choose_boundaries
from dreaming.chunking.segmenter import Confidence, FloatArray, probabilities
from dreaming.learning.examples import Example

RIDGE = 1e-3
STEPS = 4_000
PACE = 0.05
OUTER_EVIDENCE = 40.0
"""Of where a talk begins and ends: as good as sure."""


@dataclass(frozen=True, slots=True)
class PredictedTopic:
    """A topic that was found in a talk."""

    dataset: str
    first: float
    """The evidence of its first turn; infinite where the talk begins."""
    after: float
    """Of the first turn after it; infinite where the talk ends."""
    density: float
    """The share of the talk's turns that are expected to start a topic."""
    right: bool
    """Whether both its boundaries are."""


def find_topics(example: Example, evidence: FloatArray) -> Iterator[PredictedTopic]:
    """The topics that a segmenter which saw this evidence finds, but for talks that it finds only
    one in.
    """
    likely = probabilities(evidence)
    chosen = choose_boundaries([1.0, *likely.tolist()])
    true = {0, len(evidence) + 1, *(int(n) + 1 for n in np.flatnonzero(example.starts))}
    told = [np.inf, *evidence, np.inf]
    if chosen:
        for first, after in pairwise([0, *chosen, len(evidence) + 1]):
            right = first in true and after in true
            yield PredictedTopic(
                example.dataset, told[first], told[after], float(likely.mean()), right
            )


def fit_confidence(topics: Sequence[PredictedTopic]) -> Confidence:
    """The confidence that fits topics which a segmenter found in talks that it had not seen.

    The chance of both boundaries is the product of theirs; sets count alike.
    """
    edges = np.array([[t.first, t.after] for t in topics])
    inner = np.isfinite(edges)
    known = np.where(inner, edges, 0.0)
    density = np.array([t.density for t in topics])
    columns = np.stack([np.ones_like(known), known, np.repeat(density[:, None], 2, axis=1)])
    right = np.array([t.right for t in topics])
    weights = _alike([t.dataset for t in topics])
    found = np.array([0.0, 1.0, 0.0])
    moment, spread = np.zeros(3), np.zeros(3)
    for step in range(1, STEPS + 1):
        each = np.where(inner, probabilities(np.tensordot(found, columns, axes=1)), 1.0)
        both = np.clip(each.prod(axis=1), 1e-9, 1 - 1e-9)
        # The slope of the logarithm of the likelihood, through the product of the two logistic
        # functions.
        outer = weights * np.where(right, 1.0, -both / (1 - both))
        slope = (
            -(columns * (outer[:, None] * (1 - each) * inner)).sum(axis=(1, 2)) + 2 * RIDGE * found
        )
        moment, spread = 0.9 * moment + 0.1 * slope, 0.999 * spread + 0.001 * slope**2
        found = found - PACE * (moment / (1 - 0.9**step)) / (
            np.sqrt(spread / (1 - 0.999**step)) + 1e-8
        )
    bias, by_evidence, by_density = (float(value) for value in found)
    return bias, by_evidence, by_density


def confidence_of(confidence: Confidence, topic: PredictedTopic) -> float:
    """How likely it says that both boundaries of the topic are right."""
    bias, by_evidence, by_density = confidence
    edges = np.minimum([topic.first, topic.after], OUTER_EVIDENCE)
    return float(probabilities(bias + by_evidence * edges + by_density * topic.density).prod())


def calibration_error(
    confidences: Sequence[float], topics: Sequence[PredictedTopic], *, bins: int = 10
) -> float:
    """The expected calibration error (Naeini et al. 2015), sets counted alike."""
    said, right = (
        np.array(confidences),
        np.array([topic.right for topic in topics], dtype=np.float64),
    )
    weights = _alike([topic.dataset for topic in topics])
    binned = np.minimum((said * bins).astype(int), bins - 1)
    errors = [abs((weights * (said - right))[binned == n].sum()) for n in range(bins)]
    return float(sum(errors) / weights.sum())


def ranking_quality(confidences: Sequence[float], topics: Sequence[PredictedTopic]) -> float | None:
    """How often a right topic is told to be surer than a wrong one (AUROC); None where there are
    not both.
    """
    told, right = np.array(confidences), np.array([topic.right for topic in topics])
    if right.all() or not right.any():
        return None
    above = told[right][:, None] - told[~right][None, :]
    return float((np.sum(above > 0) + np.sum(above == 0) / 2) / above.size)


def wrong_of_least_confident(
    confidences: Sequence[float], topics: Sequence[PredictedTopic], *, share: float = 0.2
) -> float:
    """The share of wrong topics among the least confident ones."""
    order = np.argsort(confidences, kind="stable")[: max(1, round(share * len(topics)))]
    return float(np.mean([not topics[n].right for n in order]))


def _alike(datasets: Iterable[str]) -> FloatArray:
    names = list(datasets)
    counts = {name: names.count(name) for name in set(names)}
    return np.array([1 / counts[name] for name in names])
