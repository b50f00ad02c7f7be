"""Labelled talks as the segmenter sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.embedding_features import Encoder
from dreaming.chunking.features import Features
from dreaming.chunking.segment import read_turns, silence_log_odds
from dreaming.chunking.segmenter import FloatArray, read_all_features
from dreaming.learning.dialogues import Dialogue

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """A talk's turns but the first: what is seen of them, which of them start a topic, and of which
    that is known.
    """

    dataset: str
    features: Features
    silence_log_odds: FloatArray
    """The evidence of silences, which is not learned."""
    starts: Flags
    known: Flags

    @property
    def boundaries(self) -> list[int]:
        """The turns that are known to start a topic, counted over those of which it is known."""
        return [int(n) + 1 for n in np.flatnonzero(self.starts[self.known])]

    def restrict_to_known(self, boundaries: Sequence[int]) -> list[int]:
        """Of boundaries that were found those at turns of which it is known, counted in the same
        way.
        """
        found = np.zeros(len(self.known), dtype=np.bool_)
        found[np.array(boundaries, dtype=np.int64) - 1] = True
        return [int(n) + 1 for n in np.flatnonzero(found[self.known])]


def example_of(dialogue: Dialogue, encoder: Encoder | None = None) -> Example:
    """The example that a labelled talk is, for segmenters that read
    with an encoder or without one.
    """
    turns = read_turns(dialogue.turns)
    features = read_all_features(turns, encoder)
    starts = np.isin(np.arange(1, len(features) + 1), dialogue.boundaries)
    return Example(
        dialogue.dataset,
        features,
        silence_log_odds(turns),
        starts,
        np.ones(len(features), dtype=np.bool_),
    )


def weigh(examples: Sequence[Example]) -> FloatArray:
    """A weight for each known turn: sets count alike, and so do
    the talks of a set; 1 on average.
    """
    talks: dict[str, int] = {}
    for example in examples:
        talks[example.dataset] = talks.get(example.dataset, 0) + 1
    counts = [int(example.known.sum()) for example in examples]
    shares = [
        1 / (count * talks[each.dataset]) if count else 0.0
        for count, each in zip(counts, examples, strict=True)
    ]
    weights: FloatArray = np.repeat(shares, counts)
    weights *= len(weights) / weights.sum()
    return weights
