"""What is left over: from the ledger, less what was declared or read as spent elsewhere."""

from datetime import date

import pytest

from dreaming.buying.quota import check_api_quota, read_elsewhere
from dreaming.money import Amount
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit, window_scope
from dreaming.testing.fake_vendor import FakeVendor, UsedElsewhere
from tests.spending.builders import answer, reservation

TODAY = date(2026, 11, 23)
MODELS = {"anthropic": "claude-haiku-4-5", "openai": "gpt-4o-mini"}


@pytest.fixture
def vendor():
    with FakeVendor() as running:
        yield running


def configured(vendor, name, **settings):
    url = vendor.url + ("/v1" if name == "openai" else "")
    return {
        name: ConfiguredProvider(
            name, ProviderSettings(api_key="sk-fake", base_url=url, **settings)
        )
    }


@pytest.mark.parametrize("name", list(MODELS))
def test_what_the_vendor_reports_and_is_not_ours_counts_against_the_budget(home, vendor, name):
    """Read with an admin key, month and day; what we have spent ourselves is not counted twice."""
    vendor.books.elsewhere.append(UsedElsewhere(MODELS[name], 30_000, 5_000))
    scope = window_scope(name, "good", "month", home.ledger.clock())
    home.ledger.set_limit(name, "good", "month", Limit(tokens=50_000))
    ours = home.ledger.reserve(reservation("k", (scope,), 8_000)).result()
    home.ledger.settle(ours.call_id, answer(5_000), cost=5).result()
    providers = configured(vendor, name, admin_key="sk-admin")
    for _ in range(2):
        assert read_elsewhere(home.ledger, providers, today=TODAY) == []
        balance = home.ledger.balance(scope)
        assert (balance.spent.tokens, balance.elsewhere.tokens) == (5_000, 30_000)
        assert balance.elsewhere.picodollars > 0
    assert check_api_quota(home.ledger, providers).tokens == 15_000


def test_of_what_was_declared_and_what_is_read_the_larger_counts(home, vendor):
    """The smaller remainder."""
    scope = window_scope("anthropic", "good", "month", home.ledger.clock())
    home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=50_000))
    home.ledger.declare_elsewhere(scope, tokens=20_000)
    vendor.books.elsewhere.append(UsedElsewhere("claude-haiku-4-5", 1_000, 0))
    read_elsewhere(home.ledger, configured(vendor, "anthropic", admin_key="sk-admin"), today=TODAY)
    assert home.ledger.balance(scope).elsewhere.tokens == 20_000


def test_a_model_that_is_not_known_counts_for_every_tier(home, vendor):
    """Nobody can tell whose quota it was."""
    vendor.books.elsewhere.append(UsedElsewhere("claude-of-tomorrow", 7_000, 0))
    read_elsewhere(home.ledger, configured(vendor, "anthropic", admin_key="sk-admin"), today=TODAY)
    for tier in ("good", "premium"):
        scope = window_scope("anthropic", tier, "month", home.ledger.clock())
        assert home.ledger.balance(scope).elsewhere == Amount(7_000)


@pytest.mark.parametrize("name", list(MODELS))
def test_a_report_that_cannot_be_read_is_said_without_the_key_and_changes_nothing(home, name):
    """What was declared stays."""
    scope = window_scope(name, "good", "month", home.ledger.clock())
    home.ledger.declare_elsewhere(scope, tokens=20_000)
    settings = ProviderSettings(
        api_key="sk-fake", base_url="http://127.0.0.1:9/v1", admin_key="sk-admin-secret"
    )
    [failure] = read_elsewhere(home.ledger, {name: ConfiguredProvider(name, settings)}, today=TODAY)
    assert f"The usage report of {name} could not be read" in failure
    assert "secret" not in failure
    assert home.ledger.balance(scope).elsewhere.tokens == 20_000


def test_without_an_admin_key_nothing_is_asked(home, vendor):
    """The vendor is left alone."""
    vendor.books.elsewhere.append(UsedElsewhere("claude-haiku-4-5", 1_000, 0))
    assert read_elsewhere(home.ledger, configured(vendor, "anthropic"), today=TODAY) == []
    scope = window_scope("anthropic", "good", "month", home.ledger.clock())
    assert home.ledger.balance(scope).elsewhere == Amount()
