"""Segmentations that need no learning, to compare with."""

from collections.abc import Callable, Mapping
from math import sqrt

import numpy as np

from dreaming.chunking.cohesion import depths, similarities
from dreaming.chunking.segment import read_turns
from dreaming.learning.dialogues import Dialogue


def nothing(_dialogue: Dialogue) -> list[int]:
    """One topic a talk."""
    return []


def every_user_turn(dialogue: Dialogue) -> list[int]:
    """A topic whatever the user says."""
    return [n for n, (speaker, _) in enumerate(dialogue.turns) if n and speaker == "user"]


def text_tiling(dialogue: Dialogue) -> list[int]:
    """TextTiling (Hearst 1997) over turns: where the words of two turns before differ from those of
    two from there on.

    A boundary is a depth over its talk's mean plus half a standard deviation.
    """
    deep = np.array(
        depths(similarities([turn.words for turn in read_turns(dialogue.turns)], 2))[1:]
    )
    if not len(deep):
        return []
    least = deep.mean() + sqrt(deep.var()) / 2
    return [n for n, depth in enumerate(deep.tolist(), start=1) if depth >= least and depth > 0]


BASELINES: Mapping[str, Callable[[Dialogue], list[int]]] = {
    "nothing": nothing,
    "user turns": every_user_turn,
    "TextTiling": text_tiling,
}
