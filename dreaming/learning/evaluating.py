"""Segmenters on dialogues that they were not fitted on: of another set, or of the same sets."""

from collections import Counter
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

# A fourth of the dialogues is left out at a time, and a segmenter is fitted for each fold.
FOLDS = 4
# Of the bootstrap; its time is in proportion to them.
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class EvaluatedDialogue:
    """A dialogue, and the log odds of its turns by a segmenter."""

    example: Example
    log_odds: FloatArray

    @property
    def score(self) -> Score:
        """The score of the boundaries that these log odds give."""
        scores = probabilities(self.log_odds)
        chosen = choose_boundaries([1.0, *scores.tolist()])
        predicted = self.example.restrict_to_known(chosen)
        # The first turn is in no array of an example.
        turns = int(self.example.known.sum()) + 1
        return score_boundaries(self.example.boundaries, predicted, turns)


def evaluate(segmenter: Segmenter, examples: Iterable[Example]) -> list[EvaluatedDialogue]:
    """The examples with the log odds of a segmenter."""
    evaluated = []
    for example in examples:
        log_odds = segmenter.log_odds(example.features) + example.silence_log_odds
        evaluated.append(EvaluatedDialogue(example, log_odds))
    return evaluated


def leave_one_set_out(
    examples: Sequence[Example], encoder: Encoder | None = None
) -> Iterator[EvaluatedDialogue]:
    """Evaluate each set by a segmenter that was fitted on all other sets.

    This shows how good a segmenter is on dialogues of a kind that it was not fitted on.
    """
    datasets = dict.fromkeys(example.dataset for example in examples)
    for dataset in datasets:
        held_out = [example for example in examples if example.dataset == dataset]
        others = [example for example in examples if example.dataset != dataset]
        if others:
            segmenter = fit_segmenter(others, version="others", encoder=encoder)
            yield from evaluate(segmenter, held_out)


def leave_one_fold_out(
    examples: Sequence[Example], encoder: Encoder | None = None
) -> Iterator[EvaluatedDialogue]:
    """Evaluate a fourth of each set at a time by a segmenter that was fitted on the rest."""
    # The dialogues of each set are dealt to the folds in turn, so that every fold has each kind.
    folds: list[int] = []
    set_sizes: Counter[str] = Counter()
    for example in examples:
        folds.append(set_sizes[example.dataset] % FOLDS)
        set_sizes[example.dataset] += 1
    for fold in range(FOLDS):
        held_out: list[Example] = []
        others: list[Example] = []
        for example, own_fold in zip(examples, folds, strict=True):
            part = held_out if own_fold == fold else others
            part.append(example)
        segmenter = fit_segmenter(others, version="others", encoder=encoder)
        yield from evaluate(segmenter, held_out)


def predicted_topics(evaluated: Iterable[EvaluatedDialogue]) -> list[PredictedTopic]:
    """The topics that were found, to calibrate confidences on."""
    topics: list[PredictedTopic] = []
    for dialogue in evaluated:
        topics += find_topics(dialogue.example, dialogue.log_odds)
    return topics


def interval(scores: Sequence[Score], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean score, by resampling dialogues (percentile bootstrap)."""
    values = np.array([score.score for score in scores])
    random = np.random.default_rng(seed)
    resamples = random.integers(0, len(values), (RESAMPLES, len(values)))
    means = values[resamples].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def by_set(evaluated: Iterable[EvaluatedDialogue]) -> Mapping[str, list[Score]]:
    """The scores of each set's dialogues."""
    sets: dict[str, list[Score]] = {}
    for dialogue in evaluated:
        sets.setdefault(dialogue.example.dataset, []).append(dialogue.score)
    return sets
