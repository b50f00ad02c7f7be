"""Learning from talks whose topics are known: what is better on talks that it has not seen is
accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dreaming.chunking.segmenter import Segmenter
from dreaming.learning.evaluating import evaluate
from dreaming.learning.examples import Example
from dreaming.learning.fitting import move_segmenter
from dreaming.learning.scoring import Score, mean_score

FEWEST_TALKS = 10
FOLDS = 5
RIDGES = (3.0, 10.0, 30.0, 100.0, 300.0)
"""How much what was learned before holds; which of them, the talks that are held out say."""
SURE = 0.6
"""How sure the gain must be, by resampling talks: the prior holds what few talks say back already.
"""
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Lesson:
    """What came of learning."""

    talks: int
    turns: int
    """Of which it is known whether they start a topic."""
    boundaries: int
    before: Score | None
    """Of the segmenter that was moved, on all the talks; None where there are too few."""
    after: Score | None
    """Of moved ones, each on the talks that it was not moved by."""
    certainty: float
    """The share of resamples in which the moved ones are better."""
    segmenter: Segmenter | None
    """Moved by all the talks; None where that would not be better."""
    reason: str

    @property
    def accepted(self) -> bool:
        """Whether it is better."""
        return self.segmenter is not None


def learn(segmenter: Segmenter, examples: Sequence[Example], *, version: str) -> Lesson:
    """Move a segmenter towards talks, if that makes it better on talks that are held out."""
    taught = [example for example in examples if example.known.any()]
    turns = sum(int(each.known.sum()) for each in taught)
    boundaries = sum(len(each.boundaries) for each in taught)
    if len(taught) < FEWEST_TALKS or not boundaries:
        reason = (
            f"{len(taught)} talks with {boundaries} topic boundaries are too few: learning takes "
            f"{FEWEST_TALKS}."
        )
        return Lesson(len(taught), turns, boundaries, None, None, 0.0, None, reason)
    before = [each.score for each in evaluate(segmenter, taught)]
    held_out = {ridge: _held_out(segmenter, taught, ridge) for ridge in RIDGES}
    ridge, after = max(held_out.items(), key=lambda item: mean_score(item[1]).score)
    certainty = _certainty(before, after)
    old, new = mean_score(before), mean_score(after)
    told = (
        f"score {old.score:.3f} -> {new.score:.3f} on {len(taught)} talks, each held out in its "
        "turn"
    )
    if certainty < SURE:
        reason = f"Not better for sure: {told}, better in {certainty:.0%} of resamples."
        return Lesson(len(taught), turns, boundaries, old, new, certainty, None, reason)
    moved = move_segmenter(segmenter, taught, ridge=ridge, version=version)
    return Lesson(len(taught), turns, boundaries, old, new, certainty, moved, f"Better: {told}.")


def _held_out(segmenter: Segmenter, examples: Sequence[Example], ridge: float) -> list[Score]:
    """The score of each talk by a segmenter that was moved by the other folds."""
    scores: dict[int, Score] = {}
    for fold in range(FOLDS):
        others = [example for n, example in enumerate(examples) if n % FOLDS != fold]
        moved = move_segmenter(segmenter, others, ridge=ridge, version="held out")
        own = range(fold, len(examples), FOLDS)
        scores.update(
            zip(
                own,
                (each.score for each in evaluate(moved, [examples[n] for n in own])),
                strict=True,
            )
        )
    return [scores[n] for n in range(len(examples))]


def _certainty(before: Sequence[Score], after: Sequence[Score]) -> float:
    gains = np.array([new.score - old.score for old, new in zip(before, after, strict=True)])
    drawn = np.random.default_rng(0).integers(0, len(gains), (RESAMPLES, len(gains)))
    return float((gains[drawn].mean(axis=1) > 0).mean())
