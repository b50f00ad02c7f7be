"""Vendors that fail, forget, repeat or refuse: what is not known stays counted."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest

from dreaming.buying.collecting import cancel_batches, find_due
from dreaming.buying.executor import DreamingExecutor
from dreaming.buying.outbox import ATTEMPT_SECONDS, SUBMITTING_SECONDS
from dreaming.buying.settling import ARRIVES_WITHIN, KEPT_FOR, Settling
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.batches import SUBMITTED_WITHIN
from dreaming.spending.budgets import request_scope
from dreaming.spending.prices import OwnPrice
from dreaming.testing.fake_vendor import FakeVendor, Fault
from dreaming.upgrading.terms import UpgradeTerms
from tests.buying.batches.builders import (
    DAY,
    Crash,
    assert_all_good,
    assert_books_agree,
    assert_verbatim,
    collect,
    crash_at,
    die,
    ledger,
    providers,
    states,
    upgrade,
)


@pytest.mark.parametrize("ending", ["expired", "canceled", "server_error", "bad_request"])
def test_a_batch_that_failed_in_part_is_paid_for_in_part(
    home_of_talk, vendor, provider, ending, number
):
    """What succeeded becomes chunks; what did not is free again, and goes on at once."""
    home = home_of_talk
    failing = 1 + number % 4
    vendor.batches.end_next(*[ending] * failing)
    upgrade(home, vendor, provider)
    [result] = collect(home, vendor, provider)
    assert result.chunks_upgraded == 12 - 3 * failing
    if ending in ("expired", "server_error"):
        assert result.pending["calls"] == failing
        collect(home, vendor, provider)
    elif ending == "canceled":
        upgrade(home, vendor, provider, run_id="now", delivery="now")
    else:
        assert sum(result.skipped.values()) == 3 * failing
    assert_verbatim(home)
    assert_books_agree(home, vendor, provider)
    if ending != "bad_request":
        assert_all_good(home)


@pytest.mark.usefixtures("number")
def test_results_that_come_twice_are_paid_for_once(home_of_talk, vendor, provider, monkeypatch):
    """Each line twice, and read again by another run because the first died while it wrote them
    down.
    """
    home = home_of_talk
    vendor.batches.says_each_twice = True
    upgrade(home, vendor, provider)
    crash_at(monkeypatch, home, "note_ended")
    with pytest.raises(Crash):
        collect(home, vendor, provider)
    die(home, monkeypatch)
    collect(home, vendor, provider)
    assert_all_good(home)
    assert len(vendor.books.served) == 4
    assert_books_agree(home, vendor, provider)


def test_a_call_that_the_results_do_not_have_stays_counted(home_of_talk, vendor, provider):
    """The vendor may have charged it; a person can say."""
    home = home_of_talk
    vendor.batches.end_next("missing")
    upgrade(home, vendor, provider)
    collect(home, vendor, provider)
    assert_books_agree(home, vendor, provider, unknown=1)
    [unknown] = [row for row in ledger(home) if row["state"] == "unknown"]
    home.ledger.resolve(unknown["call_id"], charged=False)
    assert home.ledger.balance(request_scope("R")).spent.tokens < vendor.books.charged_tokens


def test_a_vendor_that_cannot_be_asked_changes_nothing(home_of_talk, vendor):
    """The batch waits there."""
    home = home_of_talk
    upgrade(home, vendor)
    pending = home.batches.pending()
    with FakeVendor() as gone:
        pass
    due = find_due(home, providers(gone, "anthropic"))
    assert due.requests == []
    assert len(due.failures) == 1
    assert home.batches.pending() == pending
    collect(home, vendor)
    assert_all_good(home)


def test_nobody_takes_a_batch_for_left_that_is_still_given(
    home_of_talk, vendor, monkeypatch, clock
):
    """Giving it ends in time: no attempt begins late, and none goes on for long. What hung may have
    arrived.
    """
    given_within = timedelta(seconds=SUBMITTING_SECONDS + ATTEMPT_SECONDS)
    assert given_within < SUBMITTED_WITHIN < ARRIVES_WITHIN
    home = home_of_talk
    monkeypatch.setattr("dreaming.buying.outbox.SUBMITTING_SECONDS", 0.0)
    vendor.break_next(Fault.of_status(429), Fault.of_status(429))
    assert upgrade(home, vendor).stopped == "provider"
    assert states(home) == {"dropped": 1}
    assert upgrade(home, vendor, run_id="again").stopped == "provider"

    async def hang(*_args, **_kwargs):
        await asyncio.sleep(60)

    with monkeypatch.context() as patched:
        patched.setattr("dreaming.buying.outbox.ATTEMPT_SECONDS", 0.01)
        patched.setattr("dreaming.providers.anthropic_batches.AnthropicBatches.submit", hang)
        assert upgrade(home, vendor, run_id="hanging").pending["calls"] == 4
    clock.move(ARRIVES_WITHIN)
    while collect(home, vendor):
        pass
    assert_all_good(home)
    assert_books_agree(home, vendor, "anthropic")


def test_results_that_the_vendor_has_deleted_stay_counted_and_hold_nothing_up(
    home_of_talk, vendor, provider, clock
):
    """It still tells of the batch itself; nobody can tell what was charged."""
    home = home_of_talk
    upgrade(home, vendor, provider)
    vendor.batches.has_results = False
    due = find_due(home, providers(vendor, provider))
    assert due.requests == ["R"]
    early = upgrade(home, vendor, provider, run_id="early")
    assert (early.stopped, early.pending["calls"]) == ("provider", 4)
    clock.move(KEPT_FOR + timedelta(days=1))
    [result] = collect(home, vendor, provider)
    assert result.skipped == {"left": 12}
    assert_books_agree(home, vendor, provider, unknown=4)
    assert collect(home, vendor, provider) == []


def test_two_that_collect_at_once_take_it_once(home_of_talk, vendor, provider, monkeypatch):
    """The one that comes second finds the results deleted, and everything written down."""
    home = home_of_talk
    upgrade(home, vendor, provider)
    asked, read = [], Settling._open_batches

    def overtaken(settling):
        found = read(settling)
        if not asked:
            asked.append(found)
            with ThreadPoolExecutor() as other:
                other.submit(collect, home, vendor, provider, run_id="other").result()
        return found

    monkeypatch.setattr(Settling, "_open_batches", overtaken)
    result = upgrade(home, vendor, provider, run_id="second")
    assert len(asked[0]) == 1
    assert result.stopped is None
    assert states(home) == {"collected": 1}
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


def test_calling_off_what_has_ended_is_no_failure(home_of_talk, vendor, provider):
    """The vendor refuses it: it is charged, and to be collected."""
    home = home_of_talk
    upgrade(home, vendor, provider)
    vendor.batches.finish()
    assert cancel_batches(home, providers(vendor, provider), "R") == []
    collect(home, vendor, provider)
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


@pytest.mark.parametrize("fault", [Fault.of_status(429), Fault.of_status(400)])
def test_a_file_whose_batch_the_vendor_refuses_is_deleted(home_of_talk, vendor, fault, monkeypatch):
    """It holds what was said."""
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)
    vendor.break_next(fault)
    upgrade(home_of_talk, vendor, "openai")
    assert set(vendor.batches.files) == {batch.file_id for batch in vendor.batches.all.values()}


def test_what_the_vendor_could_not_delete_or_nobody_asked_it_to_is_deleted_later(
    home_of_talk, vendor, provider, monkeypatch
):
    """We died once all was written down."""
    home = home_of_talk
    upgrade(home, vendor, provider)

    async def crash(*_args, **_kwargs):
        raise Crash

    monkeypatch.setattr("dreaming.providers.anthropic_batches.AnthropicBatches.delete", crash)
    monkeypatch.setattr("dreaming.providers.openai_batches.OpenAIBatches.delete", crash)
    with pytest.raises(Crash):
        collect(home, vendor, provider)
    die(home, monkeypatch)
    collect(home, vendor, provider)
    assert vendor.batches.deleted
    assert not vendor.batches.files
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


def test_a_model_by_an_alias_and_a_price_of_ones_own_is_collected(home_of_talk, vendor):
    """And written off at that price."""
    own = OwnPrice.of({"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 7.0})
    settings = ProviderSettings(
        api_key="sk-fake",
        base_url=vendor.url,
        model="mine",
        aliases={"mine": "claude-made-up"},
        quality_level="good",
        price=own,
    )
    configured = {"anthropic": ConfiguredProvider("anthropic", settings)}
    home = home_of_talk
    work = DreamingExecutor(home, configured, run_id="run")
    terms = UpgradeTerms(target_quality="good", max_tokens=500_000, delivery="batch")
    work.upgrade(work.begin("R", terms), [DAY])
    home.undo("R")
    due = find_due(home, configured)
    assert (due.requests, due.failures) == ([], [])
    cost = home.ledger.balance(request_scope("R")).spent.cost_usd
    usage = [(one.input_tokens, one.output_tokens) for one in vendor.books.served]
    assert cost == sum(3 * sent + 7 * replied for sent, replied in usage) / Decimal(2_000_000)
