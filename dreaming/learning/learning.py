"""Learning: move a segmenter towards labelled dialogues, and accept it only if it is better.

Better means on dialogues that were held out when it was moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreaming.chunking.segmenter import Segmenter
from dreaming.learning.evaluating import evaluate
from dreaming.learning.examples import Example
from dreaming.learning.fitting import move_segmenter
from dreaming.learning.scoring import Score, mean_score

# Fewer dialogues say too little to hold some of them out.
FEWEST_TALKS = 10
# The segmenter is moved this many times for each ridge, each time without a fifth of the dialogues.
FOLDS = 5
# How strongly the weights are held to where they were. The score on held-out dialogues decides
# which one is used.
RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0)
# A gain is accepted if it is a gain in this share of resamples. The bar is low because the ridge
# already holds back what a few dialogues teach.
LEAST_CERTAINTY = 0.6
# Of the bootstrap; its time is in proportion to them.
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """The result of learning from labelled dialogues."""

    talks: int
    turns: int
    """The turns that have a label: whether they start a topic."""
    boundaries: int
    before: Score | None
    """The score before learning, on all dialogues; None if there are too few of them."""
    after: Score | None
    """The score after learning, on held-out dialogues."""
    certainty: float
    """The share of resamples in which the score after learning is higher."""
    segmenter: Segmenter | None
    """The segmenter moved by all the dialogues; None if that is not accepted."""
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether the moved segmenter is better."""
        return self.segmenter is not None


def learn(segmenter: Segmenter, examples: Sequence[Example], *, version: str) -> Lesson:
    """Move a segmenter towards labelled dialogues, if it is then better on held-out ones."""
    labelled = [example for example in examples if example.known.any()]
    talks = len(labelled)
    turns = sum(int(example.known.sum()) for example in labelled)
    boundaries = sum(len(example.boundaries) for example in labelled)
    if talks < FEWEST_TALKS or not boundaries:
        reason = (
            f"{talks} talks with {boundaries} topic boundaries are too few: learning takes "
            f"{FEWEST_TALKS}."
        )
        return Lesson(talks, turns, boundaries, None, None, 0.0, None, reason)
    scores_before = [result.score for result in evaluate(segmenter, labelled)]
    scores_by_ridge = {ridge: _held_out_scores(segmenter, labelled, ridge) for ridge in RIDGES}
    ridge = max(RIDGES, key=lambda ridge: mean_score(scores_by_ridge[ridge]).score)
    scores_after = scores_by_ridge[ridge]
    certainty = _certainty(scores_before, scores_after)
    before = mean_score(scores_before)
    after = mean_score(scores_after)
    gain = (
        f"score {before.score:.3f} -> {after.score:.3f} on {talks} talks, each held out in its turn"
    )
    if certainty < LEAST_CERTAINTY:
        reason = f"Not better for sure: {gain}, better in {certainty:.0%} of resamples."
        return Lesson(talks, turns, boundaries, before, after, certainty, None, reason)
    moved = move_segmenter(segmenter, labelled, ridge=ridge, version=version)
    return Lesson(talks, turns, boundaries, before, after, certainty, moved, f"Better: {gain}.")


def _held_out_scores(
    segmenter: Segmenter, examples: Sequence[Example], ridge: float
) -> list[Score]:
    """The score of each dialogue by a segmenter that was moved by the other folds."""
    scores: dict[int, Score] = {}
    for fold in range(FOLDS):
        others = [example for n, example in enumerate(examples) if n % FOLDS != fold]
        moved = move_segmenter(segmenter, others, ridge=ridge, version="held out")
        held_out = range(fold, len(examples), FOLDS)
        evaluated = evaluate(moved, [examples[n] for n in held_out])
        for n, result in zip(held_out, evaluated, strict=True):
            scores[n] = result.score
    return [scores[n] for n in range(len(examples))]


def _certainty(before: Sequence[Score], after: Sequence[Score]) -> float:
    """The share of resamples of the dialogues in which the mean score is higher after learning."""
    gains = np.array([new.score - old.score for old, new in zip(before, after, strict=True)])
    # A fixed seed: the same dialogues must always be accepted, or never.
    random = np.random.default_rng(0)
    resamples = random.integers(0, len(gains), (RESAMPLES, len(gains)))
    mean_gains = gains[resamples].mean(axis=1)
    return float((mean_gains > 0).mean())
