"""Labelled dialogues as the segmenter sees them."""

from collections import Counter
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
    """A dialogue's turns but the first: their features, and whether they start a topic.

    The arrays have a row, or a value, for each turn. `starts` is right only where `known` is true:
    of a conversation that was bought in part, some turns have no label.
    """

    dataset: str
    features: Features
    silence_log_odds: FloatArray
    """Added by a fixed rule that is not learned."""
    starts: Flags
    known: Flags

    @property
    def boundaries(self) -> list[int]:
        """The turns that start a topic, numbered among the known turns."""
        known_starts = self.starts[self.known]
        return _numbers(known_starts)

    def restrict_to_known(self, boundaries: Sequence[int]) -> list[int]:
        """The boundaries at known turns, numbered as in `boundaries`."""
        is_boundary = np.zeros(len(self.known), dtype=np.bool_)
        is_boundary[np.array(boundaries, dtype=np.int64) - 1] = True
        return _numbers(is_boundary[self.known])


def _numbers(flags: Flags) -> list[int]:
    """The numbers of the flagged turns; one more than their places, which are without turn 0."""
    return [int(place) + 1 for place in np.flatnonzero(flags)]


def example_of(dialogue: Dialogue, encoder: Encoder | None = None) -> Example:
    """A labelled dialogue as an example; all its turns are known.

    `encoder` is that of the segmenter which learns from it.
    """
    turns = read_turns(dialogue.turns)
    features = read_all_features(turns, encoder)
    turn_numbers = np.arange(1, len(features) + 1)
    return Example(
        dataset=dialogue.dataset,
        features=features,
        silence_log_odds=silence_log_odds(turns),
        starts=np.isin(turn_numbers, dialogue.boundaries),
        known=np.ones(len(features), dtype=np.bool_),
    )


def weigh(examples: Sequence[Example]) -> FloatArray:
    """A weight for each known turn, 1 on average.

    All sets have the same total, and so have all dialogues of a set: otherwise the largest set and
    the longest dialogues would decide alone.
    """
    dialogue_counts = Counter(example.dataset for example in examples)
    turn_counts = [int(example.known.sum()) for example in examples]
    turn_weights = []
    for example, turn_count in zip(examples, turn_counts, strict=True):
        divisor = turn_count * dialogue_counts[example.dataset]
        turn_weights.append(1 / divisor if divisor else 0.0)
    weights: FloatArray = np.repeat(turn_weights, turn_counts)
    weights *= len(weights) / weights.sum()
    return weights
