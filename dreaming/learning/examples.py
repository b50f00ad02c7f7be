"""Labelled talks as the segmenter sees them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.segment import read_turns
from dreaming.chunking.segmenter import Numbers
from dreaming.chunking.signs import Signs, read_signs
from dreaming.learning.dialogues import Dialogue

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """A talk's turns but the first: their signs, which of them start a topic, and of which that is known."""

    dataset: str
    signs: Signs
    starts: Flags
    known: Flags

    @property
    def boundaries(self) -> list[int]:
        """The turns that are known to start a topic."""
        return [int(n) + 1 for n in np.flatnonzero(self.starts & self.known)]


def example_of(dialogue: Dialogue) -> Example:
    """The example that a labelled talk is."""
    signs = read_signs(read_turns(dialogue.turns))
    starts = np.isin(np.arange(1, len(signs) + 1), dialogue.boundaries)
    return Example(dialogue.dataset, signs, starts, np.ones(len(signs), dtype=np.bool_))


def weigh(examples: Sequence[Example]) -> Numbers:
    """A weight for each known turn: sets count alike, and so do the talks of a set; 1 on average."""
    talks: dict[str, int] = {}
    for example in examples:
        talks[example.dataset] = talks.get(example.dataset, 0) + 1
    counts = [int(example.known.sum()) for example in examples]
    shares = [1 / (count * talks[each.dataset]) if count else 0.0 for count, each in zip(counts, examples, strict=True)]
    weights: Numbers = np.repeat(shares, counts)
    weights *= len(weights) / weights.sum()
    return weights
