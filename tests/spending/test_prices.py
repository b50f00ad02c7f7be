"""Prices: from the library, dated; or the user's own; never a guess."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.errors import ConfigurationError
from dreaming.model_call import TokenUsage
from dreaming.money import Amount, cost_picodollars
from dreaming.spending.prices import OwnPrice, price_of, worst_case

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("provider", "model", "usd_in", "usd_out"),
    [
        ("anthropic", "claude-haiku-4-5", "1", "5"),
        ("anthropic", "claude-sonnet-4-6", "3", "15"),
        ("openai", "gpt-4o-mini", "0.15", "0.6"),
    ],
)
def test_a_call_costs_what_the_vendor_lists(provider, model, usd_in, usd_out):
    """To the picodollar; half in a batch."""
    price = price_of(provider, model, at=AT)
    usage = TokenUsage(input_tokens=1_000, output_tokens=100)
    expected = (Decimal(usd_in) * 1_000 + Decimal(usd_out) * 100) * 10**6
    assert price.cost(usage, at=AT) == expected
    assert price.cost(usage, at=AT, delivery="batch") == expected / 2


def test_cached_tokens_have_their_own_price():
    """Reads a tenth, writes a quarter more."""
    price = price_of("anthropic", "claude-haiku-4-5", at=AT)
    assert price.cost(TokenUsage(cache_read_tokens=1_000), at=AT) == 1_000 * 10**5
    assert price.cost(TokenUsage(cache_write_tokens=1_000), at=AT) == 1_000 * 1_250_000


def test_a_model_without_a_price_is_an_error_that_says_how_to_give_one():
    """No budget could hold."""
    with pytest.raises(
        ConfigurationError, match=r"'claude-of-my-own' of anthropic.*input_usd_per_mtok"
    ):
        price_of("anthropic", "claude-of-my-own", at=AT)


def test_a_users_own_price_wins():
    """Also over one that is known."""
    own = OwnPrice.of({"input_usd_per_mtok": 2.5, "output_usd_per_mtok": 10})
    price = price_of("anthropic", "claude-haiku-4-5", at=AT, own=own)
    assert (
        price.cost(TokenUsage(input_tokens=2, cache_read_tokens=2, output_tokens=1), at=AT)
        == 20 * 10**6
    )


@pytest.mark.parametrize(
    "told",
    [
        {"input_usd_per_mtok": 1.0},
        {"input_usd_per_mtok": -1.0, "output_usd_per_mtok": 1.0},
        {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0, "output": 1.0},
        {"input_usd_per_mtok": float("nan"), "output_usd_per_mtok": 1.0},
    ],
)
def test_what_is_no_price_is_refused(told):
    """It names what was given and what was expected."""
    with pytest.raises(ConfigurationError, match=r"price = .* is no price\. Expected"):
        OwnPrice.of(told)


def test_what_runs_at_home_is_free():
    """Whatever it is."""
    assert price_of("local", "any", at=AT, free=True).cost(TokenUsage(input_tokens=9), at=AT) == 0


@given(
    kinds=st.lists(st.integers(0, 400_000), min_size=3, max_size=3),
    output=st.integers(0, 5_000),
    model=st.sampled_from(
        [
            ("anthropic", "claude-haiku-4-5"),
            ("anthropic", "claude-haiku-5-5"),
            ("anthropic", "claude-sonnet-4-5"),
            ("openai", "gpt-4o-mini"),
            ("openai", "gpt-5.4-mini"),
            ("openai", "gpt-5.5"),
        ]
    ),
)
def test_no_call_costs_more_than_its_worst_case(kinds, output, model):
    """However its input is divided among the kinds, and though some prices rise with its size."""
    price = price_of(*model, at=AT)
    usage = TokenUsage(
        input_tokens=kinds[0],
        cache_read_tokens=kinds[1],
        cache_write_tokens=kinds[2],
        output_tokens=output,
    )
    bound = worst_case(price, input_tokens=sum(kinds), output_tokens=output, at=AT)
    assert not Amount(usage.total_tokens, price.cost(usage, at=AT)).exceeds(bound)


def test_money_is_exact_and_rounded_up():
    """A picodollar is never lost."""
    assert cost_picodollars(Decimal("0.0000000000001")) == 1
    assert Amount(1, 1_234_567).cost_usd == Decimal("0.000001234567")
    assert str(Amount(1234, 1_500_000_000)) == "1,234 tokens ($0.001500)"
