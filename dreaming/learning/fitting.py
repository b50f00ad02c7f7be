"""Fitting a segmenter: from many labelled talks, or from one that is there towards the talks of one
user.

From many: a logistic regression alone and two small networks (one hidden layer, beside it the
regression) are fitted, and the logarithms of their odds averaged, which is again one such network.
Towards a user's: the regression over all signs and combinations is fitted again, held to where it
was (a Gaussian prior, maximum a posteriori).
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

RIDGE = 50.0
"""Of the regression alone: the strength of the prior that a sign says nothing."""
NETWORKS = 2
HIDDEN = 24
"""Combinations a network."""
STEPS, BATCH = 2_400, 1_024
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 0.03
DROPPED_SIGNS, DROPPED_COMBINATIONS = 0.1, 0.3
NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class _Data:
    """All known turns of the examples, one after the other."""

    columns: FloatArray
    silences: FloatArray
    starts: FloatArray
    weights: FloatArray


def fit_segmenter(
    examples: Sequence[Example], *, version: str, encoder: Encoder | None = None, seed: int = 0
) -> Segmenter:
    """A segmenter from labelled talks, which were read with the `encoder` or all without one.

    The same talks give the same, up to rounding. Takes about 20 seconds.
    """
    signs = np.concatenate([each.features[each.known] for each in examples]).astype(np.float64)
    mean, scale = signs.mean(0), signs.std(0) + 1e-6
    data = _data(np.clip((signs - mean) / scale, -MAX_DEVIATION, MAX_DEVIATION), examples)
    alone, bias = _regress(data, np.zeros(signs.shape[1]), 0.0, ridge=RIDGE)
    networks = [_Network(data, np.random.default_rng([seed, n])) for n in range(NETWORKS)]
    share = 1 / (NETWORKS + 1)
    beside = [network.weights["beside"] for network in networks]
    combined = [network.weights["output"] for network in networks]
    biases = [float(network.weights["bias"][0]) for network in networks]
    weights = SegmenterWeights(
        version=version,
        features=feature_names(encoder),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        hidden=tuple(
            tuple(row) for network in networks for row in network.weights["hidden"].T.tolist()
        ),
        hidden_bias=tuple(
            np.concatenate([network.weights["hidden_bias"] for network in networks]).tolist()
        ),
        output=tuple((share * np.concatenate([alone + sum(beside), *combined])).tolist()),
        bias=share * (bias + sum(biases)),
        confidence=(0.0, 1.0, 0.0),
    )
    return Segmenter(weights, encoder)


def move_segmenter(
    segmenter: Segmenter, examples: Sequence[Example], *, ridge: float, version: str
) -> Segmenter:
    """The segmenter moved towards labelled talks; the higher `ridge` is, the less."""
    columns = np.concatenate(
        [segmenter.regression_inputs(each.features[each.known]) for each in examples]
    )
    weights, data = segmenter.weights, _data(columns, examples)
    output, bias = _regress(data, np.array(weights.output), weights.bias, ridge=ridge)
    return segmenter.moved(output, bias, version=version)


def _data(columns: FloatArray, examples: Sequence[Example]) -> _Data:
    silences = np.concatenate([each.silence_log_odds[each.known] for each in examples])
    starts = np.concatenate([each.starts[each.known] for each in examples]).astype(np.float64)
    return _Data(columns, silences, starts, weigh(examples))


def _regress(
    data: _Data, prior: FloatArray, prior_bias: float, *, ridge: float
) -> tuple[FloatArray, float]:
    """Logistic regression by Newton's method: weights held to `prior` by `ridge`, and a bias held a
    tenth as much.
    """
    columns = np.concatenate([data.columns, np.ones((len(data.columns), 1))], axis=1)
    held = np.append(np.full(len(prior), ridge), ridge / 10)
    start = np.append(prior, prior_bias)
    found = start.copy()
    for _ in range(NEWTON_STEPS):
        likely = probabilities(columns @ found + data.silences)
        slope = columns.T @ (data.weights * (likely - data.starts)) + held * (found - start)
        bend = (columns * (data.weights * likely * (1 - likely))[:, None]).T @ columns + np.diag(
            held
        )
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-6:
            break
    return found[:-1], float(found[-1])


class _Network:
    """One hidden layer and the signs themselves, fitted by AdamW (Loshchilov and Hutter 2019) with
    dropout.
    """

    def __init__(self, data: _Data, random: np.random.Generator) -> None:
        count = data.columns.shape[1]
        spread = 1 / np.sqrt(count)
        self.weights = {
            "hidden": random.uniform(-spread, spread, (count, HIDDEN)),
            "hidden_bias": random.uniform(-spread, spread, HIDDEN),
            "output": random.uniform(-1, 1, HIDDEN) / np.sqrt(HIDDEN),
            "beside": random.uniform(-spread, spread, count),
            "bias": np.zeros(1),
        }
        first = {name: np.zeros_like(value) for name, value in self.weights.items()}
        second = {name: np.zeros_like(value) for name, value in self.weights.items()}
        drawn = np.cumsum(data.weights / data.weights.sum())
        for step in range(1, STEPS + 1):
            rows = np.minimum(np.searchsorted(drawn, random.random(BATCH)), len(drawn) - 1)
            for name, slope in self._slopes(data, rows, random).items():
                first[name] = 0.9 * first[name] + 0.1 * slope
                second[name] = 0.999 * second[name] + 0.001 * slope**2
                pace = (
                    first[name]
                    / (1 - 0.9**step)
                    / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-8)
                )
                self.weights[name] -= LEARNING_RATE * (pace + WEIGHT_DECAY * self.weights[name])

    def _slopes(
        self, data: _Data, rows: NDArray[np.int64], random: np.random.Generator
    ) -> dict[str, FloatArray]:
        weights, columns, starts = self.weights, data.columns[rows], data.starts[rows]
        kept = _keep(columns.shape, DROPPED_SIGNS, random)
        signs = columns * kept
        combined = np.tanh(signs @ weights["hidden"] + weights["hidden_bias"])
        shown = _keep(combined.shape, DROPPED_COMBINATIONS, random)
        evidence = (
            (combined * shown) @ weights["output"] + columns @ weights["beside"] + weights["bias"]
        )
        evidence += data.silences[rows]
        error = (probabilities(evidence) - starts) / len(starts)
        inner = error[:, None] * weights["output"] * shown * (1 - combined**2)
        return {
            "hidden": signs.T @ inner,
            "hidden_bias": inner.sum(0),
            "output": (combined * shown).T @ error,
            "beside": columns.T @ error,
            "bias": error.sum(keepdims=True),
        }


def _keep(shape: tuple[int, ...], dropped: float, random: np.random.Generator) -> FloatArray:
    return (random.random(shape) >= dropped) / (1 - dropped)
