"""What is never sent, what is refused before anything is sent, and the call from Python."""

import asyncio
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from dreaming.conversation import ConversationId
from dreaming.errors import FilterError, UsageError
from dreaming.spending.budgets import Limit, request_scope
from dreaming.storage.tables import calls, paid_chunks
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import Fault
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk
from tests.buying.upgrades.builders import (
    DAY,
    assert_verbatim,
    executor,
    levels,
    rows,
    upgrade,
)


def test_what_is_local_only_is_never_sent(any_home, vendor):
    """Not even to be upgraded."""
    any_home.archive.add(
        [replace(make_conversation(talk(), conversation_id="test:mine"), local_only=True)]
    )
    any_home.pipeline.run_day(DAY)
    result = upgrade(any_home, vendor)
    assert (set(result.skipped), vendor.books.served) == ({"local_only"}, [])


def test_what_becomes_local_only_or_is_forgotten_after_it_was_planned_is_not_kept(
    home_of_talk, vendor
):
    """Neither sent, nor is what was bought for it meanwhile."""
    work = executor(home_of_talk, vendor, max_concurrency=1)
    request = work.begin("R", UpgradeTerms(target_quality="good", max_tokens=10**6))
    work.plan(request, [DAY])
    home_of_talk.archive.add(
        [replace(make_conversation(talk(0), conversation_id="test:0"), local_only=True)]
    )
    forgotten = []

    def answer(request):
        if not forgotten:
            with home_of_talk.ledger.database.read() as connection:
                query = sa.select(calls.c.conversation_id).where(calls.c.state == "reserved")
                forgotten.append(connection.execute(query).scalars().first())
            home_of_talk.forget(ConversationId(forgotten[0]))
        return answer_about_topics(request)

    vendor.answer = answer
    result = work.upgrade(request, [DAY])
    assert len(vendor.books.served) == 3
    assert result.skipped["local_only"] > 0
    with home_of_talk.ledger.database.read() as connection:
        kept = connection.execute(sa.select(calls.c.conversation_id, calls.c.reply)).all()
        bought = set(connection.execute(sa.select(paid_chunks.c.conversation_id)).scalars())
    assert [reply for conversation_id, reply in kept if conversation_id is None] == [None]
    assert len(bought) == 2
    assert not bought & {"test:0", *forgotten}
    assert result.tokens_consumed == vendor.books.charged_tokens


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"target_quality": "basic"}, "is nothing to upgrade to"),
        ({"max_tokens": 0}, "max_tokens = 0 allows nothing"),
        ({"max_tokens": -5}, "max_tokens = -5 allows nothing"),
        ({"max_cost_usd": Decimal(0)}, "max_cost_usd = 0 allows nothing"),
        ({"limit": 0}, "limit = 0 allows nothing"),
        ({"max_duration_seconds": -1}, "allows nothing"),
        ({"provider": "acme"}, "There is no provider 'acme'"),
        ({"model": "claude-haiku-9"}, "is not known to serve a model"),
        (
            {"target_quality": "premium", "model": "claude-haiku-4-5"},
            "gives good chunks, and premium ones",
        ),
        ({"max_tokens": None}, "Nothing bounds what this upgrade may spend"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_before_anything_is_sent(
    home_of_talk, vendor, terms, message
):
    """Naming the value and what to do."""
    with pytest.raises(UsageError, match=re.escape(message)):
        upgrade(home_of_talk, vendor, **terms)
    assert not vendor.books.served


def test_a_filter_that_does_not_parse_is_refused_at_once():
    """When the terms are made."""
    with pytest.raises(FilterError, match="There is no column 'quality'"):
        UpgradeTerms(target_quality="good", filter="quality = basic")


def test_a_standing_budget_bounds_requests_that_have_none(home_of_talk, vendor):
    """Leftover quota, by the month."""
    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=9_000))
    result = upgrade(home_of_talk, vendor, max_tokens=None, settings={"max_concurrency": 1})
    assert result.stopped == "budget"
    assert "month/anthropic/good/2026-11" in result.message
    assert vendor.books.charged_tokens <= 9_000


def test_a_day_without_chunks_is_nothing_to_do(any_home, vendor):
    """No error."""
    result = upgrade(any_home, vendor, days=[date(2026, 3, 2)])
    assert (result.chunks_upgraded, result.skipped, vendor.books.served) == (0, {}, [])


def test_forgetting_a_conversation_leaves_only_figures(home_of_talk, vendor):
    """Replies, purchases and plans go; what was spent stays counted."""
    spent = upgrade(home_of_talk, vendor).tokens_consumed
    home_of_talk.forget(ConversationId("test:0"))
    with home_of_talk.ledger.database.read() as connection:
        named = connection.execute(sa.select(calls.c.conversation_id)).scalars().all()
    assert "test:0" not in named
    assert home_of_talk.ledger.balance(request_scope("R")).spent.tokens == spent


def test_conversations_are_upgraded_with_a_budget_from_python(home_of_talk, vendor):
    """By their ids; the others stay as they are."""
    work = executor(home_of_talk, vendor)
    result = asyncio.run(work.execute_with_budget(["test:1", "test:3"], 50_000))
    assert {c.conversation_id for c in rows(home_of_talk) if c.quality_level == "good"} == {
        "test:1",
        "test:3",
    }
    assert result.tokens_consumed == vendor.books.charged_tokens <= 50_000
    asked = work.execute_with_budget(
        ["test:0"], 50_000, target_quality="premium", filter="labels CONTAINS 'billing'"
    )
    assert asyncio.run(asked).quality_counts["premium"] == 1


def test_faults_on_the_way_cost_no_chunk(home_of_talk, vendor):
    """Each is tried again; the books are never above the budget's."""
    vendor.break_next(
        Fault.of_status(529), Fault("cut"), Fault.of_status(429, retry_after="0"), Fault("html")
    )
    result = upgrade(home_of_talk, vendor)
    assert (
        home_of_talk.ledger.balance(request_scope("R")).used.tokens >= vendor.books.charged_tokens
    )
    assert_verbatim(home_of_talk)
    assert levels(home_of_talk) <= {"basic", "good"}
    assert result.chunks_upgraded > 0
