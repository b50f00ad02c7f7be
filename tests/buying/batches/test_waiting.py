"""What waits in a batch: nobody else asks for it, and it is paid for and taken once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dreaming.buying.collecting import cancel_batches
from dreaming.buying.executor import DreamingExecutor
from dreaming.errors import UsageError
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk
from tests.buying.batches.builders import (
    DAY,
    assert_all_good,
    assert_books_agree,
    assert_no_token_spent,
    assert_verbatim,
    collect,
    fill,
    ledger,
    providers,
    rows,
    states,
    upgrade,
)


def test_what_waits_in_a_batch_is_asked_for_by_nobody_else_and_premium_does_not_wait(
    home_of_talk, vendor
):
    """A further upgrade to the same level leaves it; a better one buys at once."""
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor)
    again = upgrade(home, vendor, request_id="again", delivery="now")
    assert again.skipped == {"pending": 12}
    assert vendor.books.served == []
    other = upgrade(home, vendor, request_id="premium", target_quality="premium", delivery="now")
    assert other.chunks_upgraded == 12
    vendor.batches.held = False
    collect(home, vendor)
    assert {chunk.quality_level for chunk in rows(home)} == {"premium"}
    assert_books_agree(home, vendor, "anthropic")


def test_an_upgrade_of_the_next_night_takes_what_does_not_wait_already(home_of_talk, vendor):
    """What waits would come first again, and with a limit there
    would be nothing else in the plan.
    """
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor, limit=6)
    asked = UpgradeTerms(target_quality="good", max_tokens=500_000, limit=6)
    estimate = DreamingExecutor(
        home, providers(vendor, "anthropic"), run_id="estimate"
    ).offers.estimate(asked, [DAY])
    assert (estimate["candidates"], estimate["skipped"]) == (6, {"pending": 6})
    next_night = upgrade(home, vendor, request_id="next", run_id="next", limit=6)
    assert next_night.skipped == {"pending": 12}
    assert vendor.books.served == []
    vendor.batches.held = False
    collect(home, vendor)
    assert_all_good(home)
    assert_books_agree(home, vendor, "anthropic")


def test_what_an_undone_upgrade_waits_for_may_be_planned(home_of_talk, vendor):
    """It makes no chunks of it; the call is asked for again once it is known that nothing came."""
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor)
    home.undo("R")
    again = upgrade(home, vendor, request_id="again", run_id="again", delivery="now")
    assert again.skipped == {"pending": 12}
    assert home.requests.progress("again") == {"open": 12}


def test_a_text_that_changes_meanwhile_keeps_its_basic_chunks_and_what_was_paid_stays_told(
    home_of_talk, vendor
):
    """The reply is about another text."""
    home = home_of_talk
    upgrade(home, vendor)
    changed = make_conversation(
        [*talk(0)[:-1], "I take it all back."],
        conversation_id="test:0",
        updated_at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    home.archive.add([changed])
    home.pipeline.run_day(DAY)
    [result] = collect(home, vendor)
    assert result.skipped["text_changed"] == 3
    assert {c.quality_level for c in rows(home) if c.conversation_id == "test:0"} == {"basic"}
    assert {c.quality_level for c in rows(home) if c.conversation_id != "test:0"} == {"good"}
    assert_verbatim(home)
    assert_books_agree(home, vendor, "anthropic")


def test_the_rest_goes_on_at_once_or_in_another_batch(home_of_talk, vendor, provider):
    """Once the vendor says that nothing was charged."""
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor, provider)
    vendor.batches.expire()
    [result] = collect(home, vendor, provider)
    assert result.pending["calls"] == 4
    assert_no_token_spent(home)
    vendor.batches.expire()
    now = upgrade(home, vendor, provider, run_id="now", delivery="now")
    assert now.chunks_upgraded == 12
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


def test_three_batches_that_expire_are_enough(home_of_talk, vendor):
    """Then it is left for another upgrade."""
    vendor.batches.held = True
    upgrade(home_of_talk, vendor)
    for left in (True, True, False):
        vendor.batches.expire()
        [result] = collect(home_of_talk, vendor)
        assert bool(result.pending) == left
    assert result.skipped == {"left": 12}
    assert_no_token_spent(home_of_talk)
    assert_books_agree(home_of_talk, vendor, "anthropic")


def test_what_was_called_off_is_not_asked_for_again_by_itself(home_of_talk, vendor, provider):
    """Whoever called it off may go on with it at once."""
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor, provider)
    assert cancel_batches(home, providers(vendor, provider), "R") == []
    [result] = collect(home, vendor, provider)
    assert not result.pending
    assert result.skipped == {"left": 12}
    assert_no_token_spent(home)
    assert upgrade(home, vendor, provider, run_id="now", delivery="now").chunks_upgraded == 12
    assert_books_agree(home, vendor, provider)


def test_an_upgrade_that_was_undone_is_paid_for_and_nothing_more(home_of_talk, vendor, provider):
    """What was on its way is charged, and the next look writes that down."""
    home = home_of_talk
    vendor.batches.held = True
    upgrade(home, vendor, provider)
    home.undo("R")
    vendor.batches.held = False
    assert collect(home, vendor, provider) == []
    assert vendor.books.charged_tokens > 0
    assert_books_agree(home, vendor, provider)
    assert {chunk.quality_level for chunk in rows(home)} == {"basic"}
    assert states(home) == {"collected": 1}


def test_a_conversation_that_is_forgotten_meanwhile_leaves_only_figures(home_of_talk, vendor):
    """Its reply is not kept."""
    home = home_of_talk
    upgrade(home, vendor)
    home.forget("test:0")
    home.pipeline.run_day(DAY)
    collect(home, vendor)
    assert all("test:0" not in chunk.conversation_id for chunk in rows(home))
    gone = [row for row in ledger(home) if row["conversation_id"] is None]
    assert [(row["state"], row["reply"]) for row in gone] == [("settled", None)]
    assert_books_agree(home, vendor, "anthropic")


def test_a_provider_without_batches_is_refused_before_anything_is_reserved(home_of_talk, vendor):
    """In words."""
    local = {"local": ConfiguredProvider("local", ProviderSettings(base_url=vendor.url))}
    terms = UpgradeTerms(
        target_quality="good", provider="local", model="llama", delivery="batch", max_tokens=1_000
    )
    work = DreamingExecutor(home_of_talk, local, run_id="run")
    with pytest.raises(UsageError, match="local takes no batches"):
        work.offers.check(terms)
    with pytest.raises(UsageError, match="local takes no batches"):
        work.upgrade(work.begin("R", replace(terms, delivery=None)), [DAY], delivery="batch")


def test_a_run_of_one_day_leaves_the_replies_about_other_days_to_the_run_that_collects(
    home_of_talk, vendor, provider
):
    """A backfill is a run a day and one request: each settles all of its batches, and takes its own
    day's replies.
    """
    home = home_of_talk
    upgrade(home, vendor, provider)
    next_day = DAY + timedelta(days=1)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    home.archive.add([make_conversation(talk(9), conversation_id="test:9", at=at)])
    home.pipeline.run_day(next_day)
    upgrade(home, vendor, provider, run_id="next", days=[next_day], delivery="now")
    while collect(home, vendor, provider):
        pass
    assert_all_good(home)
    assert {chunk.quality_level for chunk in rows(home, next_day)} == {"good"}
    assert_books_agree(home, vendor, provider)


@pytest.mark.parametrize("over", ["time", "budget"])
def test_what_is_paid_is_taken_when_the_time_or_the_budget_is_over(any_home, vendor, over, clock):
    """Whatever the requests before it met: four of twelve expired,
    and may not be asked for again.
    """
    fill(any_home, conversations=12)
    vendor.batches.end_next(*["expired"] * 4)
    upgrade(any_home, vendor, max_concurrency=1, max_duration_seconds=3_600)
    if over == "time":
        clock.move(timedelta(hours=2))
    else:
        any_home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=1))
    [result] = collect(any_home, vendor, max_concurrency=1)
    assert (result.stopped, result.chunks_upgraded) == (over, 24)
    assert collect(any_home, vendor) == []
    assert_verbatim(any_home)
    assert_books_agree(any_home, vendor, "anthropic")


def test_what_is_said_may_hold_every_kind_of_line_break(any_home, vendor, provider):
    """JSON lines are told apart by line feeds alone."""
    breaks = "one\u2028two\u2029three\x85four"
    vendor.answer = lambda request: answer_about_topics(request).replace(
        '"summary": "', f'"summary": "{breaks} '
    )
    any_home.archive.add(
        [make_conversation([f"{said} {breaks}" for said in talk(0)], conversation_id="test:0")]
    )
    any_home.pipeline.run_day(DAY)
    upgrade(any_home, vendor, provider)
    collect(any_home, vendor, provider)
    assert_all_good(any_home)
    assert_books_agree(any_home, vendor, provider)
