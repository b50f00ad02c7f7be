"""Amounts are exact: read, converted, split and written without a float on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.config import UpgradeDaysConfig, upgrade_fields
from dreaming.errors import UsageError
from dreaming.money import (
    Amount,
    cost_picodollars,
    format_usd,
    limit_picodollars,
    read_usd,
    split_exactly,
    to_usd,
    write_usd,
)
from dreaming.upgrading.terms import UpgradeTerms

DOLLARS = st.decimals(min_value="0.000001", max_value=10**6, places=12)


@given(DOLLARS)
def test_dollars_are_written_and_read_as_the_same_amount(usd):
    """A number where a float's shortest form is exact, else text; both are read by their digits."""
    assert read_usd(write_usd(usd)) == usd
    assert to_usd(limit_picodollars(usd)) == usd


@given(DOLLARS)
def test_a_limit_reaches_the_ledger_through_the_run_config_to_the_picodollar(usd):
    """From the command or a task, over the run config, to the budget of the request."""
    terms = UpgradeTerms(target_quality="good", max_cost_usd=usd)
    config = UpgradeDaysConfig(**upgrade_fields(terms))
    assert config.terms().max_picodollars == limit_picodollars(usd)
    assert config.terms() == terms


def test_a_cost_is_rounded_up_and_a_limit_down():
    """Neither ever allows more than was said."""
    usd = Decimal("0.0000000000015")
    assert (cost_picodollars(usd), limit_picodollars(usd)) == (2, 1)


@given(st.integers(0, 10**15), st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_an_amount_split_by_weights_adds_up(amount, weights):
    """By the largest remainder: no part is off by one or more."""
    parts = split_exactly(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


def test_amounts_print_without_an_exponent():
    """However small."""
    assert format_usd(1) == "0.000000000001"
    assert format_usd(None) is None
    assert str(Amount(1_000, 1_500_000)) == "1,000 tokens ($0.000002)"


@pytest.mark.parametrize("value", ["much", "", None, [1]])
def test_what_is_no_amount_is_refused_by_its_value(value):
    """In a run config, with what was expected."""
    with pytest.raises(ValueError, match="is not an amount of dollars"):
        read_usd(value)
    with pytest.raises(UsageError, match="'much' is not an amount of dollars"):
        UpgradeTerms.from_json({"target_quality": "good", "max_cost_usd": "much"})
