"""Segmenters that are fitted, moved, and measured on what they have not seen."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dreaming.chunking.segmenter import Segmenter, SegmenterWeights, shipped_segmenter
from dreaming.errors import UsageError
from dreaming.learning import evaluating
from dreaming.learning.confidence import (
    PredictedTopic,
    calibration_error,
    confidence_of,
    fit_confidence,
    ranking_quality,
)
from dreaming.learning.evaluating import by_set, evaluate, interval, leave_one_fold_out
from dreaming.learning.examples import example_of, weigh
from dreaming.learning.fitting import fit_segmenter, move_segmenter
from dreaming.learning.scoring import mean_score

from .builders import make_dialogue


def mean(judged):
    return mean_score(each.score for each in judged).score


def fit_on_four():
    return fit_segmenter([example_of(make_dialogue(n)) for n in range(4)], version="x")


@pytest.fixture(scope="module")
def fitted():
    """A segmenter that was fitted on four talks."""
    return fit_on_four()


@pytest.mark.long
def test_a_segmenter_is_fitted_from_talks_and_finds_topics_in_others(monkeypatch):
    """Far better than a guess, on talks that were left out."""
    monkeypatch.setattr(evaluating, "FOLDS", 2)
    examples = [example_of(make_dialogue(n)) for n in range(10)]
    judged = list(leave_one_fold_out(examples))
    assert len(judged) == len(examples)
    assert mean(judged) > 0.7


@pytest.mark.long
def test_the_same_talks_give_the_same_weights(fitted):
    assert fit_on_four().weights == fitted.weights


def test_moving_learns_what_opens_topics_here():
    """Without a prior to speak of it follows the talks; with a strong one it stays where it was."""
    opening = "and then "  # which everywhere else goes on with a topic
    mine = [example_of(make_dialogue(n, opening=opening)) for n in range(30)]
    before, others = shipped_segmenter(), mine[15:]
    moved = move_segmenter(before, mine[:15], ridge=3.0, version="moved")
    held = move_segmenter(before, mine[:15], ridge=1e9, version="held")
    assert mean(evaluate(moved, others)) > mean(evaluate(before, others))
    assert np.allclose(held.weights.output, before.weights.output, atol=1e-5)
    assert moved.version == "moved"
    assert moved.weights.hidden == before.weights.hidden


def test_turns_of_which_nothing_is_known_teach_nothing():
    """Talks of which a part was bought: the other turns are neither boundaries nor none."""
    example = example_of(make_dialogue(1))
    half = replace(example, known=np.arange(len(example.features)) < 6)
    lied = replace(half, starts=np.where(half.known, example.starts, ~example.starts))
    one, other = (
        move_segmenter(shipped_segmenter(), [e], ridge=1.0, version="x") for e in (half, lied)
    )
    assert one.weights == other.weights
    assert half.boundaries == [b for b in example.boundaries if b <= 6]


def test_sets_weigh_alike_and_so_do_the_talks_of_a_set():
    """However many turns they have."""
    examples = [example_of(make_dialogue(n, dataset="big")) for n in range(5)] + [
        example_of(make_dialogue(9))
    ]
    weights = np.split(weigh(examples), np.cumsum([len(e.features) for e in examples])[:-1])
    assert sum(each.sum() for each in weights[:5]) == pytest.approx(weights[5].sum())
    assert weights[0].sum() == pytest.approx(weights[1].sum())


@pytest.mark.long
def test_weights_are_stored_as_json_and_those_for_other_signs_are_refused(fitted):
    """What is rounded cuts as what is not."""
    weights = shipped_segmenter().weights
    assert SegmenterWeights.from_json(json.loads(json.dumps(weights.as_json()))) == weights
    with pytest.raises(UsageError, match="reads other signs"):
        SegmenterWeights.from_json(weights.as_json() | {"signs": ["a"]})
    again = Segmenter(SegmenterWeights.from_json(json.loads(json.dumps(fitted.weights.as_json()))))
    features = example_of(make_dialogue(7)).features
    assert np.allclose(fitted.log_odds(features), again.log_odds(features), atol=0.2)


def test_confidence_is_calibrated_and_told_for_both_ends():
    """Made-up topics whose ends are right as often as their evidence says."""
    chance = np.random.default_rng(0)
    edges = chance.normal(0, 2, (4000, 2))
    edges[::7, 0] = np.inf
    right = (chance.random(edges.shape) < 1 / (1 + np.exp(-edges))).all(axis=1)
    topics = [
        PredictedTopic("a", first, after, 0.2, bool(is_right))
        for (first, after), is_right in zip(edges, right, strict=True)
    ]
    fitted = fit_confidence(topics)
    told = [confidence_of(fitted, topic) for topic in topics]
    assert calibration_error(told, topics) < 0.03
    assert ranking_quality(told, topics) > 0.75
    assert confidence_of(fitted, PredictedTopic("a", np.inf, np.inf, 0.2, True)) == pytest.approx(
        1.0
    )
    assert ranking_quality([0.5], [topics[0]]) is None


def test_intervals_hold_the_mean():
    """And are narrower the more talks there are."""
    examples = [example_of(make_dialogue(n)) for n in range(40)]
    scores = by_set(evaluate(shipped_segmenter(), examples))["made"]
    low, high = interval(scores)
    assert low <= mean_score(scores).score <= high
    few_low, few_high = interval(scores[:5])
    assert high - low < few_high - few_low
