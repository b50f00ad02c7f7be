"""Segmentations that need no learning, to compare with."""

from collections.abc import Callable, Mapping
from math import sqrt

import numpy as np

from dreaming.chunking.cohesion import depths, similarities
from dreaming.chunking.segment import read_turns
from dreaming.learning.dialogues import Dialogue


def nothing(_dialogue: Dialogue) -> list[int]:
    """One topic a dialogue."""
    return []


def every_user_turn(dialogue: Dialogue) -> list[int]:
    """A topic at every turn of the user's."""
    return [n for n, (speaker, _) in enumerate(dialogue.turns) if n > 0 and speaker == "user"]


def text_tiling(dialogue: Dialogue) -> list[int]:
    """TextTiling (Hearst 1997): compares the words of the two turns before and after each gap.

    A boundary is a depth over the mean of its dialogue plus half a standard deviation.
    """
    words = [turn.words for turn in read_turns(dialogue.turns)]
    gap_depths = np.array(depths(similarities(words, 2))[1:])
    if not len(gap_depths):
        return []
    threshold = gap_depths.mean() + sqrt(gap_depths.var()) / 2
    boundaries = []
    for n, depth in enumerate(gap_depths.tolist(), start=1):
        # Where all depths are 0, so is the threshold, and there is no valley at all.
        if depth >= threshold and depth > 0:
            boundaries.append(n)
    return boundaries


BASELINES: Mapping[str, Callable[[Dialogue], list[int]]] = {
    "nothing": nothing,
    "user turns": every_user_turn,
    "TextTiling": text_tiling,
}
