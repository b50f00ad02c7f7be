"""The confidence of a segmenter: the probability that both boundaries of a topic are right.

It is calibrated on dialogues that the segmenter was not fitted on.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dreaming.chunking.segment import choose_boundaries
from dreaming.chunking.segmenter import Confidence, FloatArray, probabilities
from dreaming.learning.examples import Example

# Three weights over thousands of topics need little regularisation: this only keeps them finite.
RIDGE = 1e-3
# Steps of Adam, and their length.
STEPS = 4_000
LEARNING_RATE = 0.05
# The log odds at the ends of a dialogue, which are certain; infinity times a weight of 0 is no
# number.
OUTER_LOG_ODDS = 40.0


@dataclass(frozen=True, slots=True)
class PredictedTopic:
    """A topic that a segmenter finds in a dialogue."""

    dataset: str
    first: float
    """The log odds of its first turn; infinite at the beginning of the dialogue."""
    after: float
    """The log odds of the first turn after it; infinite at the end of the dialogue."""
    density: float
    """The expected share of the dialogue's turns that start a topic."""
    right: bool
    """Whether both its boundaries are right."""


def find_topics(example: Example, log_odds: FloatArray) -> Iterator[PredictedTopic]:
    """The topics that a segmenter with these log odds finds in a dialogue.

    None where it finds no boundary: a dialogue of one topic has only its certain ends.
    """
    scores = probabilities(log_odds)
    chosen = choose_boundaries([1.0, *scores.tolist()])
    if not chosen:
        return
    end = len(log_odds) + 1
    starts = np.flatnonzero(example.starts) + 1
    true_boundaries = {0, end, *starts.tolist()}
    boundary_log_odds = [np.inf, *log_odds, np.inf]
    density = float(scores.mean())
    for first, after in pairwise([0, *chosen, end]):
        yield PredictedTopic(
            dataset=example.dataset,
            first=boundary_log_odds[first],
            after=boundary_log_odds[after],
            density=density,
            right=first in true_boundaries and after in true_boundaries,
        )


def fit_confidence(topics: Sequence[PredictedTopic]) -> Confidence:
    """The confidence fitted to topics that a segmenter found in dialogues it was not fitted on.

    The probability that both boundaries are right is the product of theirs. Each set has the same
    weight. Fitted by Adam (Kingma and Ba 2015).
    """
    edges = np.array([[topic.first, topic.after] for topic in topics])
    # The ends of a dialogue are right for certain: they have probability 1 and no slope.
    is_inner = np.isfinite(edges)
    log_odds = np.where(is_inner, edges, 0.0)
    density = np.array([topic.density for topic in topics])
    edge_density = np.repeat(density[:, None], 2, axis=1)
    columns = np.stack([np.ones_like(log_odds), log_odds, edge_density])
    right = np.array([topic.right for topic in topics])
    topic_weights = _weigh_sets([topic.dataset for topic in topics])
    # Begins at the probabilities of the segmenter itself.
    weights = np.array([0.0, 1.0, 0.0])
    mean = np.zeros(3)
    variance = np.zeros(3)
    for step in range(1, STEPS + 1):
        edge_scores = probabilities(np.tensordot(weights, columns, axes=1))
        edge_scores = np.where(is_inner, edge_scores, 1.0)
        # Clipped: the slope below divides by the probability of a wrong topic.
        scores = np.clip(edge_scores.prod(axis=1), 1e-9, 1 - 1e-9)
        # The slope of the log likelihood, through the product of the two logistic functions.
        outer = topic_weights * np.where(right, 1.0, -scores / (1 - scores))
        inner = outer[:, None] * (1 - edge_scores) * is_inner
        slope = -(columns * inner).sum(axis=(1, 2)) + 2 * RIDGE * weights
        mean = 0.9 * mean + 0.1 * slope
        variance = 0.999 * variance + 0.001 * slope**2
        unbiased_mean = mean / (1 - 0.9**step)
        unbiased_variance = variance / (1 - 0.999**step)
        weights = weights - LEARNING_RATE * unbiased_mean / (np.sqrt(unbiased_variance) + 1e-8)
    bias, log_odds_weight, density_weight = weights.tolist()
    return bias, log_odds_weight, density_weight


def confidence_of(confidence: Confidence, topic: PredictedTopic) -> float:
    """The probability that both boundaries of the topic are right."""
    bias, log_odds_weight, density_weight = confidence
    edges = np.minimum([topic.first, topic.after], OUTER_LOG_ODDS)
    scores = probabilities(bias + log_odds_weight * edges + density_weight * topic.density)
    return float(scores.prod())


def calibration_error(
    confidences: Sequence[float], topics: Sequence[PredictedTopic], *, bins: int = 10
) -> float:
    """The expected calibration error (Naeini et al. 2015); each set has the same weight."""
    predicted = np.array(confidences)
    right = np.array([topic.right for topic in topics], dtype=np.float64)
    weights = _weigh_sets([topic.dataset for topic in topics])
    differences = weights * (predicted - right)
    # A confidence of exactly 1 belongs to the last bin.
    bin_numbers = np.minimum((predicted * bins).astype(int), bins - 1)
    errors = [abs(differences[bin_numbers == n].sum()) for n in range(bins)]
    return float(sum(errors) / weights.sum())


def ranking_quality(confidences: Sequence[float], topics: Sequence[PredictedTopic]) -> float | None:
    """How often a right topic has a higher confidence than a wrong one (AUROC).

    None where all topics are right, or all are wrong.
    """
    predicted = np.array(confidences)
    right = np.array([topic.right for topic in topics])
    if right.all() or not right.any():
        return None
    differences = predicted[right][:, None] - predicted[~right][None, :]
    higher = np.sum(differences > 0)
    equal = np.sum(differences == 0)
    return float((higher + equal / 2) / differences.size)


def wrong_of_least_confident(
    confidences: Sequence[float], topics: Sequence[PredictedTopic], *, share: float = 0.2
) -> float:
    """The share of wrong topics among the least confident `share` of them."""
    count = max(1, round(share * len(topics)))
    least_confident = np.argsort(confidences, kind="stable")[:count]
    return float(np.mean([not topics[n].right for n in least_confident]))


def _weigh_sets(datasets: Sequence[str]) -> FloatArray:
    """A weight for each topic, so that each set has the same total."""
    counts = Counter(datasets)
    return np.array([1 / counts[dataset] for dataset in datasets])
