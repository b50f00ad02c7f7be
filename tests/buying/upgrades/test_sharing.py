"""Upgrades over, under and beside each other: levels, undoing, two at once, changed texts."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from dreaming.errors import UsageError
from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk
from tests.buying.upgrades.builders import DAY, assert_verbatim, executor, levels, rows, upgrade


def test_premium_goes_over_good_and_nothing_goes_down(home_of_talk, vendor):
    """By label, from its own budget; a later upgrade to good finds nothing to do."""
    upgrade(home_of_talk, vendor)
    billing = sum("billing" in chunk.labels for chunk in rows(home_of_talk))
    result = upgrade(
        home_of_talk,
        vendor,
        request_id="P",
        run_id="p",
        target_quality="premium",
        filter="labels CONTAINS 'billing' AND quality_level != 'premium'",
        max_tokens=100_000,
    )
    assert result.chunks_upgraded == billing == 4
    assert result.llm_model == "claude-sonnet-4-5"
    assert {c.quality_level for c in rows(home_of_talk) if "billing" in c.labels} == {"premium"}
    down = upgrade(home_of_talk, vendor, request_id="D", run_id="d", filter="kind = text")
    assert down.chunks_upgraded == 0
    assert down.skipped == {"already_premium": 4, "already_good": len(rows(home_of_talk)) - 4}
    assert_verbatim(home_of_talk)


def test_undo_takes_an_upgrade_back_also_after_later_ones(home_of_talk, vendor):
    """What lies beneath comes back; it is not bought again unless that is asked for, and brought
    back for nothing.
    """
    basic = rows(home_of_talk)
    upgrade(home_of_talk, vendor)
    good = rows(home_of_talk)
    assert home_of_talk.undo("R") == [DAY]
    assert rows(home_of_talk) == basic
    again = upgrade(home_of_talk, vendor, request_id="R2", run_id="run2")
    assert (again.chunks_upgraded, again.skipped) == (0, {"undone": len(basic)})
    served = len(vendor.books.served)
    back = upgrade(home_of_talk, vendor, request_id="R3", run_id="run3", include_undone=True)
    assert (back.tokens_consumed, len(vendor.books.served)) == (0, served)
    assert [(c.content, c.quality_level, c.topics) for c in rows(home_of_talk)] == [
        (c.content, c.quality_level, tuple(replace(t, origin="R3") for t in c.topics)) for c in good
    ]
    home_of_talk.undo("R3")
    assert rows(home_of_talk) == basic
    some = upgrade(
        home_of_talk,
        vendor,
        request_id="R4",
        run_id="run4",
        include_undone=True,
        filter="labels CONTAINS billing",
    )
    assert (some.tokens_consumed, len(vendor.books.served)) == (0, served)
    assert levels(home_of_talk) == {"basic", "good"}
    assert_verbatim(home_of_talk)


def test_an_upgrade_that_was_undone_buys_nothing_any_more(home_of_talk, vendor):
    """Neither gone on with nor while it is under way."""
    upgrade(home_of_talk, vendor, max_tokens=9_000, settings={"max_concurrency": 1})
    home_of_talk.undo("R")
    served = len(vendor.books.served)
    with pytest.raises(UsageError, match="was undone, and buys nothing any more"):
        upgrade(home_of_talk, vendor, run_id="run2")
    vendor.answer = lambda request: home_of_talk.undo("R2") and answer_about_topics(request)
    with pytest.raises(UsageError, match="'R2' was undone"):
        upgrade(
            home_of_talk,
            vendor,
            request_id="R2",
            run_id="run3",
            target_quality="premium",
            settings={"max_concurrency": 1},
        )
    assert len(vendor.books.served) < served + 4
    assert levels(home_of_talk) == {"basic"}


def test_what_another_upgrade_has_bought_since_it_was_planned_is_not_bought_again(
    home_of_talk, vendor
):
    """With whatever model; it is counted as skipped."""
    work = executor(home_of_talk, vendor)
    late = work.begin(
        "late", UpgradeTerms(target_quality="good", max_tokens=10**6, model="claude-haiku-3-5")
    )
    work.plan(late, [DAY])
    total = len(rows(home_of_talk))
    upgrade(home_of_talk, vendor, run_id="run2")
    served = len(vendor.books.served)
    result = work.upgrade(late, [DAY])
    assert (result.tokens_consumed, result.skipped) == (0, {"bought_meanwhile": total})
    assert len(vendor.books.served) == served


def test_two_upgrades_at_once_share_what_they_buy(home_of_talk, vendor):
    """Each conversation is paid for once, by one of them."""
    vendor.latency_seconds = 0.3
    results = {}

    def work(name, **terms):
        results[name] = upgrade(home_of_talk, vendor, request_id=name, run_id=name, **terms)

    threads = [
        threading.Thread(target=work, args=("A",)),
        threading.Thread(target=work, args=("B",), kwargs={"model": "claude-haiku-3-5"}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vendor.books.served) == 4
    assert sum(result.tokens_consumed for result in results.values()) == vendor.books.charged_tokens
    assert levels(home_of_talk) == {"good"}
    assert_verbatim(home_of_talk)


def test_each_level_is_bought_with_its_own_model_and_from_its_own_budget(home_of_talk, vendor):
    """A resource whose model is a premium one does not make the nightly upgrade premium."""
    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=500_000))
    result = upgrade(home_of_talk, vendor, settings={"model": "claude-opus-4-5"})
    assert (result.llm_model, levels(home_of_talk)) == ("claude-haiku-4-5", {"good"})
    assert (
        home_of_talk.ledger.window_balances("anthropic", "good")["month"].spent.tokens
        == result.tokens_consumed
    )
    better = upgrade(
        home_of_talk,
        vendor,
        request_id="P",
        run_id="p",
        target_quality="premium",
        settings={"model": "claude-opus-4-5"},
    )
    assert better.llm_model.startswith("claude-opus-4-5")


def test_a_changed_text_loses_its_upgrade_and_no_other_does(home_of_talk, vendor):
    """Law 4: an edit of one message."""
    upgrade(home_of_talk, vendor)
    edited = talk()
    edited[0] = "It was all a misunderstanding. " * 20
    later = home_of_talk.clock() + timedelta(days=1)
    home_of_talk.archive.add(
        [make_conversation(edited, conversation_id="test:0", updated_at=later)]
    )
    home_of_talk.pipeline.run_day(DAY)
    assert_verbatim(home_of_talk)
    basic = [c for c in rows(home_of_talk) if c.quality_level == "basic"]
    assert {c.conversation_id for c in basic} == {"test:0"}
    assert any(
        c.quality_level == "good" for c in rows(home_of_talk) if c.conversation_id == "test:0"
    )
