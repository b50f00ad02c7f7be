"""The segmenter's weights, and what they make of signs: the probability of each turn to start a
topic.

A logistic regression over the signs and over a layer of combinations of them. The layer is fitted
once, on public sets; what is learned from a user's own chunks moves the regression alone, so that a
few dozen conversations are enough.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.meaning import MEANING_SIGNS, Encoder, read_meaning
from dreaming.chunking.signs import SIGNS, Signs, read_signs
from dreaming.chunking.turns import Turn
from dreaming.errors import UsageError

Numbers = NDArray[np.float64]

Confidence = tuple[float, float, float]
"""Bias, and the weights of a boundary's evidence and of the share of turns that are expected to
start a topic, for the odds that the boundary is right.
"""

SURELY = 40.0
"""Evidence beyond which nothing gets more probable."""
FAR = 5.0
"""Standard deviations beyond which a sign counts as being there."""
SIGNIFICANT_DIGITS = 5
"""Of weights that are stored: fewer than what differs between machines."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A segmenter, as it is stored. `version` names it in the chunks that it cuts."""

    version: str
    signs: tuple[str, ...]
    """What it reads, in order."""
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    """Of each sign where it was fitted."""
    hidden: tuple[tuple[float, ...], ...]
    """A combination of signs a row."""
    hidden_bias: tuple[float, ...]
    output: tuple[float, ...]
    """Of each sign, then of each combination."""
    bias: float
    confidence: Confidence

    def as_json(self) -> dict[str, Any]:
        """Every field, rounded."""
        return {name: _rounded(value) for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Weights":
        """From `as_json`; raises `UsageError` where they are for other signs than are read here."""
        weights = cls(**{name: _frozen(value) for name, value in stored.items()})
        if weights.signs not in (SIGNS, SIGNS + MEANING_SIGNS):
            raise UsageError(
                f"The segmenter {weights.version!r} reads other signs than this dreaming. Fit it "
                "again."
            )
        return weights


class Segmenter:
    """Weights, ready to use; those that read meaning, and only those, take an encoder."""

    def __init__(self, weights: Weights, encoder: Encoder | None = None) -> None:
        if weights.signs != sign_names(encoder):
            raise ValueError(
                f"The weights {weights.version!r} {'cannot' if encoder else 'must'} have an "
                "encoder."
            )
        self.weights, self.encoder = weights, encoder
        self._mean, self._scale = np.array(weights.mean), np.array(weights.scale)
        self._hidden = np.array(weights.hidden).reshape(-1, len(weights.signs)).T
        self._hidden_bias = np.array(weights.hidden_bias)
        self._output = np.array(weights.output)

    @property
    def version(self) -> str:
        """What the chunks that it cuts say of it."""
        return self.weights.version

    def read(self, turns: Sequence[Turn]) -> Signs:
        """The signs of each turn but the first, as the weights read them."""
        return read_all_signs(turns, self.encoder)

    def columns(self, signs: Signs) -> Numbers:
        """What the regression is over: the signs, standardised, and their combinations."""
        standard = np.clip((signs - self._mean) / self._scale, -FAR, FAR)
        return np.concatenate(
            [standard, np.tanh(standard @ self._hidden + self._hidden_bias)], axis=1
        )

    def evidence(self, signs: Signs) -> Numbers:
        """The logarithm of the odds of each turn to start a topic."""
        found: Numbers = self.columns(signs) @ self._output + self.weights.bias
        return found

    def chances(self, evidence: Numbers) -> Numbers:
        """The calibrated probability of each turn that a topic boundary before it, if one is put
        there, is right.
        """
        bias, by_evidence, by_density = self.weights.confidence
        density = probabilities(evidence).mean() if len(evidence) else 0.0
        return probabilities(bias + by_evidence * evidence + by_density * density)

    def moved(self, output: Numbers, bias: float, *, version: str) -> "Segmenter":
        """The same with another regression."""
        moved = replace(self.weights, output=tuple(output.tolist()), bias=bias, version=version)
        return Segmenter(moved, self.encoder)


def sign_names(encoder: Encoder | None) -> tuple[str, ...]:
    """What is read with an encoder, or without one."""
    return SIGNS if encoder is None else SIGNS + MEANING_SIGNS


def read_all_signs(turns: Sequence[Turn], encoder: Encoder | None) -> Signs:
    """The signs of each turn but the first; with an encoder also those of meaning."""
    found = read_signs(turns)
    return (
        found if encoder is None else np.concatenate([found, read_meaning(turns, encoder)], axis=1)
    )


def probabilities(evidence: Numbers) -> Numbers:
    """The probabilities that logarithms of odds are of."""
    likely: Numbers = 1 / (1 + np.exp(-np.clip(evidence, -SURELY, SURELY)))
    return likely


@cache
def shipped_segmenter(encoder: Encoder | None = None) -> Segmenter:
    """The one that comes with dreaming, fitted on public sets; with an encoder, the one that reads
    meaning too.
    """
    stored = json.loads(weights_file(embedding=encoder is not None).read_text(encoding="utf-8"))
    return Segmenter(Weights.from_json(stored), encoder)


def weights_file(*, embedding: bool) -> Path:
    """Where the weights are that come with dreaming."""
    return Path(__file__).with_name("segmenter_embedding.json" if embedding else "segmenter.json")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return [_rounded(each) for each in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
