"""The segmenter: stored weights, and the probabilities they compute from the features of turns.

It is a logistic regression over the features and over one hidden layer of their combinations. The
layer is fitted once, on public data sets. Learning from a user's own chunks moves the regression
alone, so that a few dozen conversations are enough.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.embedding_features import (
    EMBEDDING_FEATURES,
    Encoder,
    read_embedding_features,
)
from dreaming.chunking.features import FEATURES, Features, read_features
from dreaming.chunking.turns import Turn
from dreaming.errors import UsageError

FloatArray = NDArray[np.float64]

Confidence = tuple[float, float, float]
"""A second, smaller regression for the odds that a boundary is right: a bias, the weight of the
boundary's log odds, and the weight of the expected share of turns that start a topic.
"""

# Log odds are clipped here: exp() of a much larger number overflows, and no probability changes
# visibly beyond.
MAX_LOG_ODDS = 40.0
# Standardised features are clipped here, so that one odd value cannot outweigh all others. The
# shipped weights were fitted with it.
MAX_DEVIATION = 5.0
# Of stored weights. Machines differ in the digits beyond, so that the same fit is the same file.
SIGNIFICANT_DIGITS = 5
# Where the key in stored weights differs from the name of the field.
_JSON_KEYS = {"features": "signs"}
_FIELDS = {key: name for name, key in _JSON_KEYS.items()}


@dataclass(frozen=True, slots=True)
class SegmenterWeights:
    """A segmenter as it is stored; the chunks that it cuts carry its `version`."""

    version: str
    features: tuple[str, ...]
    """The names of the features that it reads, in order."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """The mean and standard deviation of each feature in the data that it was fitted on."""
    hidden: tuple[tuple[float, ...], ...]
    """A row for each combination: the weights of the features in it."""
    hidden_bias: tuple[float, ...]
    output: tuple[float, ...]
    """The weights of the regression: of each feature, then of each combination."""
    bias: float
    confidence: Confidence

    def as_json(self) -> dict[str, Any]:
        """Every field, its numbers rounded."""
        fields = asdict(self)
        return {_JSON_KEYS.get(name, name): _rounded(value) for name, value in fields.items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SegmenterWeights":
        """Weights from `as_json`.

        Raises `UsageError` where they were fitted on other features than this version reads.
        """
        fields = {_FIELDS.get(key, key): _frozen(value) for key, value in stored.items()}
        weights = cls(**fields)
        if weights.features not in (FEATURES, FEATURES + EMBEDDING_FEATURES):
            raise UsageError(
                f"The segmenter {weights.version!r} reads other signs than this dreaming. Fit it "
                "again."
            )
        return weights


class Segmenter:
    """Weights ready to use; those with embedding features, and only those, take an encoder."""

    def __init__(self, weights: SegmenterWeights, encoder: Encoder | None = None) -> None:
        if weights.features != feature_names(encoder):
            verb = "cannot" if encoder else "must"
            raise ValueError(f"The weights {weights.version!r} {verb} have an encoder.")
        self.weights = weights
        self.encoder = encoder
        self._mean = np.array(weights.mean)
        self._scale = np.array(weights.scale)
        # The reshape keeps both dimensions where there is no combination.
        self._hidden = np.array(weights.hidden).reshape(-1, len(weights.features)).T
        self._hidden_bias = np.array(weights.hidden_bias)
        self._output = np.array(weights.output)

    @property
    def version(self) -> str:
        """The version that the chunks it cuts carry."""
        return self.weights.version

    def read_features(self, turns: Sequence[Turn]) -> Features:
        """The features of each turn but the first that these weights are for."""
        return read_all_features(turns, self.encoder)

    def regression_inputs(self, features: Features) -> FloatArray:
        """The columns of the regression: the standardised features, then their combinations."""
        deviations = (features - self._mean) / self._scale
        standardised = np.clip(deviations, -MAX_DEVIATION, MAX_DEVIATION)
        combinations = np.tanh(standardised @ self._hidden + self._hidden_bias)
        return np.concatenate([standardised, combinations], axis=1)

    def log_odds(self, features: Features) -> FloatArray:
        """The log odds that each turn starts a topic."""
        inputs = self.regression_inputs(features)
        log_odds: FloatArray = inputs @ self._output + self.weights.bias
        return log_odds

    def boundary_confidences(self, log_odds: FloatArray) -> FloatArray:
        """For each turn, the calibrated probability that a boundary put before it is right."""
        bias, log_odds_weight, density_weight = self.weights.confidence
        density = probabilities(log_odds).mean() if len(log_odds) else 0.0
        return probabilities(bias + log_odds_weight * log_odds + density_weight * density)

    def moved(self, output: FloatArray, bias: float, *, version: str) -> "Segmenter":
        """A copy with another regression."""
        moved = replace(self.weights, output=tuple(output.tolist()), bias=bias, version=version)
        return Segmenter(moved, self.encoder)


def feature_names(encoder: Encoder | None) -> tuple[str, ...]:
    """The names of the features that are read with an encoder, or without one."""
    return FEATURES if encoder is None else FEATURES + EMBEDDING_FEATURES


def read_all_features(turns: Sequence[Turn], encoder: Encoder | None) -> Features:
    """The features of each turn but the first; with an encoder, its features too."""
    features = read_features(turns)
    if encoder is None:
        return features
    embedding_features = read_embedding_features(turns, encoder)
    return np.concatenate([features, embedding_features], axis=1)


def probabilities(log_odds: FloatArray) -> FloatArray:
    """The logistic function: probabilities from log odds."""
    clipped = np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS)
    result: FloatArray = 1 / (1 + np.exp(-clipped))
    return result


@cache
def shipped_segmenter(encoder: Encoder | None = None) -> Segmenter:
    """The segmenter that comes with dreaming, for the given encoder or for none."""
    file = weights_file(embedding=encoder is not None)
    stored = json.loads(file.read_text(encoding="utf-8"))
    return Segmenter(SegmenterWeights.from_json(stored), encoder)


def weights_file(*, embedding: bool) -> Path:
    """The file of the weights that come with dreaming."""
    name = "segmenter_embedding.json" if embedding else "segmenter.json"
    return Path(__file__).with_name(name)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value
