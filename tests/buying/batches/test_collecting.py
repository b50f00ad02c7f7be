"""Batches are reserved for, given to the vendor once, and become chunks at half the price."""

from decimal import Decimal

import pytest

from dreaming.buying.quota import read_elsewhere
from dreaming.home import open_home
from dreaming.money import Amount
from dreaming.spending.budgets import request_scope, window_scope
from dreaming.testing import make_conversation, make_settings
from tests.builders import answer_about_topics, talk
from tests.buying.batches.builders import (
    DAY,
    assert_all_good,
    assert_books_agree,
    collect,
    fill,
    ledger,
    providers,
    rows,
    said_of,
    states,
    upgrade,
)


def test_a_batch_is_reserved_before_it_is_given_and_its_replies_become_chunks_when_they_come(
    home_of_talk, vendor, provider
):
    """Pending says since when and what it will cost; the run that collects has the figures."""
    home = home_of_talk
    vendor.batches.held = True
    first = upgrade(home, vendor, provider)
    [batch] = vendor.batches.all.values()
    open_calls = [row for row in ledger(home) if row["state"] == "reserved"]
    assert {row["call_id"] for row in open_calls} == set(batch.calls)
    assert first.pending["calls"] == first.skipped.get("pending") / 3 == 4
    assert first.pending["since"] == home.ledger.clock().isoformat()
    assert (
        0 < Decimal(first.pending["expected_cost_usd"]) < Decimal(first.pending["at_most_cost_usd"])
    )
    assert (first.stopped, first.chunks_upgraded, first.tokens_consumed) == (None, 0, 0)
    assert home.batches.pending() == [first.pending]
    assert collect(home, vendor, provider) == []
    vendor.batches.held = False
    [second] = collect(home, vendor, provider)
    assert not second.pending
    assert second.chunks_upgraded == 12
    assert second.tokens_consumed == vendor.books.charged_tokens
    assert second.estimated_cost_usd == sum((chunk.cost_usd for chunk in rows(home)), Decimal(0))
    assert sum(chunk.tokens_used for chunk in rows(home)) == vendor.books.charged_tokens
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)
    assert collect(home, vendor, provider) == []
    assert states(home) == {"collected": 1}


def test_what_is_collected_is_deleted_at_the_vendor(home_of_talk, vendor, provider):
    """Nobody needs to keep there what was said."""
    upgrade(home_of_talk, vendor, provider)
    collect(home_of_talk, vendor, provider)
    assert vendor.batches.deleted
    assert not vendor.batches.files


@pytest.mark.long
def test_the_chunks_are_those_of_replies_at_once_at_half_the_price(
    tmp_path, vendor, provider, clock
):
    """To the picodollar, by the price library."""
    found = {}
    for delivery in ("now", "batch"):
        with open_home(make_settings(tmp_path / delivery), clock=clock) as home:
            fill(home)
            upgrade(home, vendor, provider, delivery=delivery)
            collect(home, vendor, provider)
            found[delivery] = rows(home)
    assert [said_of(chunk) for chunk in found["batch"]] == [
        said_of(chunk) for chunk in found["now"]
    ]
    costs = {
        delivery: sum(chunk.cost_usd for chunk in chunks) for delivery, chunks in found.items()
    }
    assert costs["batch"] * 2 == costs["now"] > 0


@pytest.mark.long
def test_a_budget_is_spent_over_several_batches_and_never_more(home_of_talk, vendor, provider):
    """What a batch reserved and did not use goes into the next one."""
    home = home_of_talk
    result = upgrade(home, vendor, provider, max_tokens=12_000)
    rounds = 0
    while result.pending and rounds < 10:
        balance = home.ledger.balance(request_scope("R"))
        assert (balance.spent + balance.reserved).tokens <= 12_000
        assert result.stopped is None
        [result] = collect(home, vendor, provider, max_tokens=12_000)
        rounds += 1
    assert rounds >= 2
    assert vendor.books.charged_tokens <= 12_000
    assert_books_agree(home, vendor, provider)


def test_a_long_conversation_and_a_reply_that_cannot_be_used_take_further_batches(
    any_home, vendor, provider
):
    """Each window, and each second try, in its own."""
    any_home.archive.add([make_conversation(talk(0, turns=30), conversation_id="test:long")])
    any_home.pipeline.run_day(DAY)
    answered = []

    def stumbling(request):
        answered.append(request)
        return "no JSON" if len(answered) == 1 else answer_about_topics(request)

    vendor.answer = stumbling
    upgrade(any_home, vendor, provider)
    rounds = 0
    while collect(any_home, vendor, provider, run_id=f"collecting-{rounds}"):
        rounds += 1
    assert rounds >= 2
    assert_all_good(any_home)
    assert_books_agree(any_home, vendor, provider)


def test_what_the_vendor_reports_of_our_own_batches_is_not_spent_elsewhere(
    home_of_talk, vendor, provider
):
    """Neither while it is done and not collected yet, nor after that, at half the price."""
    home = home_of_talk
    reporting = providers(vendor, provider, admin_key="sk-admin")
    scope = window_scope(provider, "good", "month", home.ledger.clock())
    upgrade(home, vendor, provider)
    vendor.batches.finish()
    for _ in range(2):
        assert read_elsewhere(home.ledger, reporting, today=DAY) == []
        assert home.ledger.balance(scope).elsewhere == Amount()
        collect(home, vendor, provider)
    assert home.ledger.balance(scope).spent.tokens == vendor.books.charged_tokens > 0
