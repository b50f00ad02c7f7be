"""Scores of boundaries."""

import pytest

from dreaming.learning.scoring import Score, mean_score, score_boundaries


def test_what_is_right_scores_one():
    """Also where there is nothing to find, but that F1 is not defined there, and counts as 0."""
    assert score_boundaries([3, 6], [3, 6], 10) == Score(1.0, 1.0, 0.0, 0.0)
    assert score_boundaries([], [], 10) == Score(0.5, 0.0, 0.0, 0.0)


def test_pk_and_windowdiff_count_the_windows_that_differ():
    """10 turns, a topic from turn 5: of 9 windows of 2 turns (half of 5), a boundary that is off by
    one is in two.
    """
    found = score_boundaries([5], [6], 10)
    assert (found.f1, found.pk, found.windowdiff) == (
        0.0,
        pytest.approx(2 / 9),
        pytest.approx(2 / 9),
    )
    assert found.score == pytest.approx((2 - 4 / 9) / 4)


def test_windowdiff_counts_what_pk_does_not_see():
    """A boundary beside a true one."""
    found = score_boundaries([5], [5, 6], 20)
    assert found.windowdiff > found.pk > 0
    assert found.f1 == pytest.approx(2 / 3)


def test_a_talk_shorter_than_its_window_has_one_window():
    """Two turns."""
    assert score_boundaries([1], [], 2) == Score(0.0, 0.0, 1.0, 1.0)


def test_means_are_of_each_figure():
    """The macro score is the mean of sets."""
    assert mean_score([Score(1.0, 1.0, 0.0, 0.0), Score(0.0, 0.0, 1.0, 1.0)]) == Score(
        0.5, 0.5, 0.5, 0.5
    )
