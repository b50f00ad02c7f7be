"""An upgrade's figures are the vendor's, a rerun pays nothing, and a budget ends it normally."""

import pytest

from dreaming.buying.executor import DreamingExecutor
from dreaming.errors import UsageError
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk
from tests.buying.upgrades.builders import DAY, assert_verbatim, levels, rows, upgrade


def test_an_upgrade_replaces_basic_chunks_and_every_figure_is_the_vendors(home_of_talk, vendor):
    """Tokens and dollars of the rows, the result, the ledger and the vendor's books are the same
    numbers.
    """
    before = rows(home_of_talk)
    result = upgrade(home_of_talk, vendor)
    chunks = rows(home_of_talk)
    assert_verbatim(home_of_talk)
    assert {(c.quality_level, c.needs_upgrade, c.llm_used, c.request_id) for c in chunks} == {
        ("good", False, "claude-haiku-4-5", "R")
    }
    assert (
        sum(c.tokens_used for c in chunks) == result.tokens_consumed == vendor.books.charged_tokens
    )
    assert sum(c.cost_usd for c in chunks) == result.estimated_cost_usd > 0
    assert (result.chunks_upgraded, result.chunks_created) == (len(before), len(chunks))
    assert result.quality_before == {"basic": len(before), "good": 0, "premium": 0}
    assert result.quality_counts == {"basic": 0, "good": len(chunks), "premium": 0}
    assert (result.stopped, result.skipped, result.days_published) == (None, {}, ["2026-03-01"])
    assert result.budget["left_tokens"] == 500_000 - vendor.books.charged_tokens
    assert home_of_talk.requests.result("run") == result.as_json()
    superseded = {chunk_id for chunk in chunks for chunk_id in chunk.supersedes}
    assert superseded == {chunk.chunk_id for chunk in before}


def test_the_next_provider_is_asked_where_one_gives_nothing(home_of_talk):
    """Each spends from its own budgets, and the rows say who made them."""
    with (
        FakeVendor(answer=answer_about_topics, keys={"sk-another"}) as refuses,
        FakeVendor(answer=answer_about_topics) as answers,
    ):
        configured = {
            name: ConfiguredProvider(name, ProviderSettings(api_key="sk-fake", base_url=url))
            for name, url in (("anthropic", refuses.url), ("openai", f"{answers.url}/v1"))
        }
        work = DreamingExecutor(home_of_talk, configured, run_id="run")
        terms = UpgradeTerms(
            target_quality="good", providers=("anthropic", "openai"), max_tokens=500_000
        )
        result = work.upgrade(work.begin("R", terms), [DAY])
        assert refuses.books.charged_tokens == 0
    assert (levels(home_of_talk), result.stopped) == ({"good"}, None)
    assert {chunk.llm_provider for chunk in rows(home_of_talk)} == {"openai"}
    assert result.tokens_consumed == answers.books.charged_tokens > 0
    assert_verbatim(home_of_talk)
    with pytest.raises(UsageError, match="in order of preference without a model"):
        UpgradeTerms(target_quality="good", providers=("anthropic",), model="claude-haiku-4-5")
    with pytest.raises(UsageError, match="not in batches"):
        UpgradeTerms(target_quality="good", providers=("anthropic", "openai"), delivery="batch")


def test_topics_after_an_upgrade_are_the_models(home_of_talk, vendor):
    """Two boundaries in each conversation, before packing to size."""
    upgrade(home_of_talk, vendor)
    for number in range(4):
        told = [
            t for c in rows(home_of_talk) if c.conversation_id == f"test:{number}" for t in c.topics
        ]
        with home_of_talk.store.open_conversations(DAY) as raw:
            [day] = raw.of_conversation(f"test:{number}")
        assert [t.message_id for t in told] == [day.messages[4].id, day.messages[8].id]


def test_a_rerun_pays_nothing_and_gives_the_same_rows(home_of_talk, vendor):
    """Law 3: also when every partition and the index are gone."""
    upgrade(home_of_talk, vendor)
    before, served = rows(home_of_talk), len(vendor.books.served)
    again = upgrade(home_of_talk, vendor, request_id="R2", run_id="run2")
    assert (again.tokens_consumed, again.chunks_upgraded) == (0, 0)
    for asset in ("raw_conversations", "basic_chunks", "upgraded_chunks"):
        home_of_talk.store._fs.rm(home_of_talk.store.path(asset, DAY))
    home_of_talk.pipeline.run_day(DAY)
    assert rows(home_of_talk) == before
    assert len(vendor.books.served) == served


def test_only_a_conversation_that_is_new_is_paid_for(home_of_talk, vendor):
    """Added to a day that was finished."""
    upgrade(home_of_talk, vendor)
    served = len(vendor.books.served)
    home_of_talk.archive.add([make_conversation(talk(9), conversation_id="test:late")])
    home_of_talk.pipeline.run_day(DAY)
    result = upgrade(home_of_talk, vendor, request_id="R2", run_id="run2")
    assert len(vendor.books.served) == served + 1
    assert result.chunks_upgraded > 0
    assert levels(home_of_talk) == {"good"}


def test_equal_conversations_share_a_call_and_its_cost_is_counted_once(any_home, vendor):
    """The columns still add up to the ledger, also where the first reply could not be used."""
    any_home.archive.add([make_conversation(talk(), conversation_id=f"test:{n}") for n in range(3)])
    any_home.pipeline.run_day(DAY)
    replies = iter(["not what was asked for"])
    vendor.answer = lambda request: next(replies, None) or answer_about_topics(request)
    result = upgrade(any_home, vendor)
    assert levels(any_home) == {"good"}
    assert len(vendor.books.served) == 2
    assert (
        sum(c.tokens_used for c in rows(any_home))
        == result.tokens_consumed
        == vendor.books.charged_tokens
    )


def test_a_budget_ends_an_upgrade_normally_and_a_further_run_goes_on(home_of_talk, vendor):
    """The same request has no fresh budget; a new one takes what is left."""
    result = upgrade(home_of_talk, vendor, max_tokens=9_000, settings={"max_concurrency": 1})
    assert result.stopped == "budget"
    assert 0 < vendor.books.charged_tokens <= 9_000
    assert result.skipped["left"] > 0
    assert "Raise the budget or narrow the filter" in result.message
    assert levels(home_of_talk) == {"basic", "good"}
    assert_verbatim(home_of_talk)
    served = len(vendor.books.served)
    again = upgrade(home_of_talk, vendor, run_id="run2", max_tokens=10**6)
    assert (again.stopped, len(vendor.books.served)) == ("budget", served)
    upgrade(home_of_talk, vendor, request_id="R2", run_id="run3")
    assert levels(home_of_talk) == {"good"}
