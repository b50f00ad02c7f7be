"""Segmenters on talks that they have not seen: another set each time, or other talks of the same
sets.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dreaming.chunking.embedding_features import Encoder
from dreaming.chunking.segment import choose_boundaries
from dreaming.chunking.segmenter import FloatArray, Segmenter, probabilities
from dreaming.learning.confidence import PredictedTopic, find_topics
from dreaming.learning.examples import Example
from dreaming.learning.fitting import fit_segmenter
from dreaming.learning.scoring import Score, score_boundaries

FOLDS = 4
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class EvaluatedDialogue:
    """A talk, and what was found in it."""

    example: Example
    evidence: FloatArray

    @property
    def score(self) -> Score:
        """How good that is."""
        found = choose_boundaries([1.0, *probabilities(self.evidence).tolist()])
        return score_boundaries(
            self.example.boundaries,
            self.example.restrict_to_known(found),
            int(self.example.known.sum()) + 1,
        )


def evaluate(segmenter: Segmenter, examples: Iterable[Example]) -> list[EvaluatedDialogue]:
    """Talks as a segmenter sees them."""
    return [
        EvaluatedDialogue(example, segmenter.log_odds(example.features) + example.silence_log_odds)
        for example in examples
    ]


def leave_one_set_out(
    examples: Sequence[Example], encoder: Encoder | None = None
) -> Iterator[EvaluatedDialogue]:
    """Each set as a segmenter sees it that was fitted on all others: as it will be on talks of
    another kind.
    """
    for dataset in dict.fromkeys(example.dataset for example in examples):
        others = [example for example in examples if example.dataset != dataset]
        if others:
            segmenter = fit_segmenter(others, version="others", encoder=encoder)
            yield from evaluate(
                segmenter, (example for example in examples if example.dataset == dataset)
            )


def leave_one_fold_out(
    examples: Sequence[Example], encoder: Encoder | None = None
) -> Iterator[EvaluatedDialogue]:
    """Each fourth talk of every set as a segmenter sees it that was fitted on the others."""
    seen: dict[str, int] = {}
    folds: list[int] = []
    for example in examples:
        folds.append(seen.get(example.dataset, 0) % FOLDS)
        seen[example.dataset] = seen.get(example.dataset, 0) + 1
    for fold in range(FOLDS):
        others = [example for example, own in zip(examples, folds, strict=True) if own != fold]
        segmenter = fit_segmenter(others, version="others", encoder=encoder)
        yield from evaluate(
            segmenter, (e for e, own in zip(examples, folds, strict=True) if own == fold)
        )


def predicted_topics(judged: Iterable[EvaluatedDialogue]) -> list[PredictedTopic]:
    """The topics that were found, for calibration."""
    return [topic for each in judged for topic in find_topics(each.example, each.evidence)]


def interval(scores: Sequence[Score], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean score, by resampling talks (percentile bootstrap)."""
    values = np.array([each.score for each in scores])
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def by_set(judged: Iterable[EvaluatedDialogue]) -> Mapping[str, list[Score]]:
    """The scores of each set's talks."""
    sets: dict[str, list[Score]] = {}
    for each in judged:
        sets.setdefault(each.example.dataset, []).append(each.score)
    return sets
