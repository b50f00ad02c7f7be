"""Filters of upgrades that have none of their own: the text and what is parsed are the same."""

import pytest

from dreaming.upgrading.filtering.parsing import parse_filter
from dreaming.upgrading.terms import DEFAULT_EXPRESSION, DEFAULT_FILTER


@pytest.mark.parametrize("level", ["good", "premium"])
def test_a_default_filter_is_what_its_text_says(level):
    """To the same expression."""
    assert DEFAULT_EXPRESSION[level] == parse_filter(DEFAULT_FILTER[level])
