"""Fitting a segmenter: from many labelled dialogues, or moved towards those of one user.

From many: a logistic regression alone and two small networks (one hidden layer, and the regression
beside it) are fitted. The average of their log odds is again one such network.

Towards a user's: the regression over all features and combinations is fitted again, with a Gaussian
prior that holds its weights to where they were (maximum a posteriori).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.embedding_features import Encoder
from dreaming.chunking.segmenter import (
    MAX_DEVIATION,
    FloatArray,
    Segmenter,
    SegmenterWeights,
    feature_names,
    probabilities,
)
from dreaming.learning.examples import Example, weigh

# The shipped weights were fitted with these values.
# For the regression alone: the strength of the prior that a feature has no weight.
RIDGE = 50.0
# More networks would be averaged into as many more combinations, which every conversation pays for.
NETWORKS = 2
# Combinations in each network.
HIDDEN = 24
STEPS = 2_400
BATCH = 1_024
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.03
# Shares that dropout leaves out of each batch, so that no feature or combination is relied on
# alone.
DROPPED_FEATURES = 0.1
DROPPED_COMBINATIONS = 0.3
# Newton's method converges in fewer; this ends it where it does not.
NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class _Data:
    """All known turns of the examples, one after the other."""

    columns: FloatArray
    silence_log_odds: FloatArray
    starts: FloatArray
    weights: FloatArray


def fit_segmenter(
    examples: Sequence[Example], *, version: str, encoder: Encoder | None = None, seed: int = 0
) -> Segmenter:
    """A segmenter from labelled dialogues, all read with `encoder`, or all without one.

    The same examples give the same segmenter, up to rounding. Takes about 20 seconds.
    """
    known_features = [example.features[example.known] for example in examples]
    features = np.concatenate(known_features).astype(np.float64)
    mean = features.mean(0)
    # A feature that never varies must not divide by 0.
    scale = features.std(0) + 1e-6
    standardised = np.clip((features - mean) / scale, -MAX_DEVIATION, MAX_DEVIATION)
    data = _collect(standardised, examples)
    no_weights = np.zeros(features.shape[1])
    regression = _regress(data, no_weights, 0.0, ridge=RIDGE)
    networks = [_Network(data, np.random.default_rng([seed, n])) for n in range(NETWORKS)]
    hidden, hidden_bias, output, bias = _average(*regression, networks)
    weights = SegmenterWeights(
        version=version,
        features=feature_names(encoder),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        hidden=tuple(tuple(row) for row in hidden.tolist()),
        hidden_bias=tuple(hidden_bias.tolist()),
        output=tuple(output.tolist()),
        bias=bias,
        # Not calibrated yet: the confidence is the probability itself.
        confidence=(0.0, 1.0, 0.0),
    )
    return Segmenter(weights, encoder)


def move_segmenter(
    segmenter: Segmenter, examples: Sequence[Example], *, ridge: float, version: str
) -> Segmenter:
    """The segmenter moved towards labelled dialogues; with a higher `ridge`, it moves less."""
    inputs = []
    for example in examples:
        known_features = example.features[example.known]
        inputs.append(segmenter.regression_inputs(known_features))
    data = _collect(np.concatenate(inputs), examples)
    prior = np.array(segmenter.weights.output)
    output, bias = _regress(data, prior, segmenter.weights.bias, ridge=ridge)
    return segmenter.moved(output, bias, version=version)


def _collect(columns: FloatArray, examples: Sequence[Example]) -> _Data:
    silences = [example.silence_log_odds[example.known] for example in examples]
    starts = [example.starts[example.known] for example in examples]
    return _Data(
        columns=columns,
        silence_log_odds=np.concatenate(silences),
        starts=np.concatenate(starts).astype(np.float64),
        weights=weigh(examples),
    )


def _average(
    weights: FloatArray, bias: float, networks: Sequence["_Network"]
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """One network whose log odds are the mean of a regression's and of networks'.

    Returns the weights of its hidden layer (a row a combination) and their biases, the weights of
    its output, and their bias. Features have one weight, the sum of all; combinations stay apart.
    """
    share = 1 / (len(networks) + 1)
    beside = [network.weights["beside"] for network in networks]
    combined = [network.weights["output"] for network in networks]
    biases = [float(network.weights["bias"][0]) for network in networks]
    hidden = np.concatenate([network.weights["hidden"].T for network in networks])
    hidden_bias = np.concatenate([network.weights["hidden_bias"] for network in networks])
    output = share * np.concatenate([weights + sum(beside), *combined])
    return hidden, hidden_bias, output, share * (bias + sum(biases))


def _regress(
    data: _Data, prior: FloatArray, prior_bias: float, *, ridge: float
) -> tuple[FloatArray, float]:
    """The weights and the bias of a logistic regression, by Newton's method.

    The weights are held to `prior` by `ridge`, the bias to `prior_bias` a tenth as much.
    """
    ones = np.ones((len(data.columns), 1))
    columns = np.concatenate([data.columns, ones], axis=1)
    ridges = np.append(np.full(len(prior), ridge), ridge / 10)
    start = np.append(prior, prior_bias)
    weights = start.copy()
    for _ in range(NEWTON_STEPS):
        scores = probabilities(columns @ weights + data.silence_log_odds)
        errors = data.weights * (scores - data.starts)
        gradient = columns.T @ errors + ridges * (weights - start)
        curvatures = data.weights * scores * (1 - scores)
        hessian = (columns * curvatures[:, None]).T @ columns + np.diag(ridges)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return weights[:-1], float(weights[-1])


class _Network:
    """A network of one hidden layer with the features beside it, fitted with dropout.

    By AdamW (Loshchilov and Hutter 2019).
    """

    def __init__(self, data: _Data, random: np.random.Generator) -> None:
        count = data.columns.shape[1]
        spread = 1 / np.sqrt(count)
        # Random numbers are drawn in this order: another one would be another fit.
        self.weights = {
            "hidden": random.uniform(-spread, spread, (count, HIDDEN)),
            "hidden_bias": random.uniform(-spread, spread, HIDDEN),
            "output": random.uniform(-1, 1, HIDDEN) / np.sqrt(HIDDEN),
            "beside": random.uniform(-spread, spread, count),
            "bias": np.zeros(1),
        }
        self._fit(data, random)

    def _fit(self, data: _Data, random: np.random.Generator) -> None:
        means = {name: np.zeros_like(value) for name, value in self.weights.items()}
        variances = {name: np.zeros_like(value) for name, value in self.weights.items()}
        # Turns are drawn in proportion to their weights, by where a random number falls in their
        # sums. The last sum may be rounded to less than 1.
        sums = np.cumsum(data.weights / data.weights.sum())
        last_row = len(sums) - 1
        for step in range(1, STEPS + 1):
            rows = np.minimum(np.searchsorted(sums, random.random(BATCH)), last_row)
            for name, gradient in self._gradients(data, rows, random).items():
                means[name] = 0.9 * means[name] + 0.1 * gradient
                variances[name] = 0.999 * variances[name] + 0.001 * gradient**2
                unbiased_mean = means[name] / (1 - 0.9**step)
                unbiased_variance = variances[name] / (1 - 0.999**step)
                direction = unbiased_mean / (np.sqrt(unbiased_variance) + 1e-8)
                decay = WEIGHT_DECAY * self.weights[name]
                self.weights[name] -= LEARNING_RATE * (direction + decay)

    def _gradients(
        self, data: _Data, rows: NDArray[np.int64], random: np.random.Generator
    ) -> dict[str, FloatArray]:
        weights = self.weights
        columns = data.columns[rows]
        starts = data.starts[rows]
        # Dropout is for the hidden layer: the regression beside it sees all features.
        features = columns * _dropout(columns.shape, DROPPED_FEATURES, random)
        combinations = np.tanh(features @ weights["hidden"] + weights["hidden_bias"])
        kept = _dropout(combinations.shape, DROPPED_COMBINATIONS, random)
        kept_combinations = combinations * kept
        log_odds = kept_combinations @ weights["output"]
        log_odds = log_odds + columns @ weights["beside"] + weights["bias"]
        log_odds += data.silence_log_odds[rows]
        error = (probabilities(log_odds) - starts) / len(starts)
        hidden_error = error[:, None] * weights["output"] * kept * (1 - combinations**2)
        return {
            "hidden": features.T @ hidden_error,
            "hidden_bias": hidden_error.sum(0),
            "output": kept_combinations.T @ error,
            "beside": columns.T @ error,
            "bias": error.sum(keepdims=True),
        }


def _dropout(shape: tuple[int, ...], dropped: float, random: np.random.Generator) -> FloatArray:
    """Random factors: 0 for the dropped share; for the rest such that the expected factor is 1."""
    return (random.random(shape) >= dropped) / (1 - dropped)
