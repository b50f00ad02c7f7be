"""Which passages are worth their words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.remembering.choosing import HEADING_WORDS, choose_hits, choose_to_fill
from dreaming.remembering.retrieval import RankedPassages


def make_found(passages):
    """Passages (chunk, number, score, words), best first."""
    rows = sorted(passages, key=lambda row: -row[2])
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return RankedPassages(*columns, label_words=np.ones(len(rows)), next_to=())


found = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 6), st.floats(0.1, 10), st.integers(1, 300)),
    min_size=1,
    unique_by=lambda row: row[:2],
).map(make_found)


@given(found, st.integers(20, 2000))
def test_what_is_chosen_for_a_budget_fits_it(passages, budget):
    """With the day of each chunk and who says each message."""
    words = dict(
        zip(zip(passages.row_id, passages.number, strict=True), passages.words, strict=True)
    )
    chosen = choose_to_fill(passages, budget, limit=None)
    cost = sum(
        HEADING_WORDS
        + sum(1 + (choice.cut_words or words[choice.row_id, n]) for n in choice.numbers)
        for choice in chosen
    )
    assert 0 < cost <= budget
    left_out = [
        key for key in words if all(key != (c.row_id, n) for c in chosen for n in c.numbers)
    ]
    assert all(words[key] + 1 > budget - cost - HEADING_WORDS for key in left_out)


@given(found, st.integers(1, 10))
def test_hits_are_chunks_each_once_by_their_best_passage(passages, limit):
    """In order, as many as are asked for and there are."""
    chosen = choose_hits(passages, limit=limit)
    assert len(chosen) == min(limit, len(set(passages.row_id)))
    assert len({choice.row_id for choice in chosen}) == len(chosen)
    assert [choice.score for choice in chosen] == sorted(
        (choice.score for choice in chosen), reverse=True
    )
    best = dict(reversed(list(zip(passages.row_id, passages.number, strict=True))))
    assert all(best[choice.row_id] in choice.numbers for choice in chosen)


def test_a_message_that_is_longer_than_the_budget_is_cut():
    """To what fits beside the day and the name."""
    [choice] = choose_to_fill(make_found([(1, 0, 5.0, 900)]), 100, limit=None)
    assert choice.cut_words == 100 - HEADING_WORDS - 1


def test_messages_next_to_the_best_one_are_read_with_it():
    """Before others that have a better score."""
    passages = make_found([(1, 0, 9.0, 10), (2, 0, 8.0, 10), (1, 1, 1.0, 10)])
    passages = RankedPassages(
        *(getattr(passages, name) for name in list(RankedPassages.__slots__)[:-1]), next_to=((2,),)
    )
    [choice] = choose_to_fill(passages, 30, limit=None)
    assert choice.numbers == {0, 1}


@pytest.mark.parametrize("limit", [1, 2])
def test_a_budget_may_have_a_limit_of_chunks_too(limit):
    """Both hold."""
    passages = make_found([(n, 0, 9.0 - n, 10) for n in range(5)])
    assert len(choose_to_fill(passages, 500, limit=limit)) == limit
