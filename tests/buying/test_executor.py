"""Upgrades, over HTTP against a fake vendor that keeps its own books: laws 1 to 4, budgets, and
graceful ends.
"""

import asyncio
import re
import signal
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from dreaming.buying.executor import DreamingExecutor
from dreaming.conversation import ConversationId
from dreaming.errors import FilterError, UsageError
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit, request_scope
from dreaming.storage.tables import calls, paid_chunks
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor, Fault
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim
from tests.builders import answer_about_topics, talk

DAY = date(2026, 3, 1)
LATER = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer_about_topics) as running:
        yield running


@pytest.fixture
def home_of_talk(any_home):
    """Four conversations of one day, basic."""
    any_home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(4)]
    )
    any_home.pipeline.run_day(DAY)
    return any_home


def executor(home, vendor, run_id="run", **settings):
    configured = ProviderSettings(api_key="sk-fake", base_url=vendor.url, **settings)
    return DreamingExecutor(
        home, {"anthropic": ConfiguredProvider("anthropic", configured)}, run_id=run_id
    )


def upgrade(home, vendor, request_id="R", run_id="run", days=(DAY,), settings=None, **terms):
    work = executor(home, vendor, run_id, **(settings or {}))
    asked = UpgradeTerms(**({"target_quality": "good", "max_tokens": 500_000} | terms))
    return work.upgrade(work.begin(request_id, asked), days)


def rows(home, day=DAY):
    with home.store.open_chunks("upgraded_chunks", day) as partition:
        return list(partition.rows())


def assert_verbatim(home, day=DAY):
    chunks = rows(home, day)
    with home.store.open_conversations(day) as raw:
        for conversation in raw.rows():
            prove_verbatim(
                conversation,
                [c for c in chunks if c.conversation_id == conversation.conversation_id],
            )


def levels(home):
    return {chunk.quality_level for chunk in rows(home)}


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


def test_a_reply_that_cannot_be_used_leaves_the_chunk_and_is_not_paid_for_twice(
    home_of_talk, vendor
):
    """The failure is remembered; `retry_failed` asks again."""
    vendor.answer = lambda _request: "I would rather talk about the weather."
    result = upgrade(home_of_talk, vendor)
    assert levels(home_of_talk) == {"basic"}
    assert set(result.skipped) == {"invalid_json"}
    assert result.tokens_consumed == vendor.books.charged_tokens > 0
    served = len(vendor.books.served)
    upgrade(home_of_talk, vendor, request_id="R2", run_id="run2")
    assert len(vendor.books.served) == served
    vendor.answer = answer_about_topics
    upgrade(home_of_talk, vendor, request_id="R3", run_id="run3", retry_failed=True)
    assert levels(home_of_talk) == {"good"}


def test_a_limit_bounds_the_chunks_of_a_request(home_of_talk, vendor):
    """Over all of its runs; the others are counted as skipped."""
    total = len(rows(home_of_talk))
    result = upgrade(home_of_talk, vendor, limit=2)
    assert (result.chunks_upgraded, result.skipped) == (2, {"over_limit": total - 2})
    again = upgrade(home_of_talk, vendor, run_id="run2", limit=2)
    assert again.chunks_upgraded == 0


def test_the_time_ends_an_upgrade_normally(home_of_talk, vendor):
    """A deadline that has passed sends nothing."""
    work = executor(home_of_talk, vendor)
    request = work.begin(
        "R", UpgradeTerms(target_quality="good", max_tokens=10**6, max_duration_seconds=60)
    )
    home_of_talk.clock.move(timedelta(minutes=2))
    result = work.upgrade(request, [DAY])
    assert (result.stopped, len(vendor.books.served)) == ("time", 0)
    assert result.skipped["left"] == len(rows(home_of_talk))


def test_a_vendor_that_is_down_or_refuses_the_key_changes_nothing(home_of_talk):
    """The spans stay open for a further run."""
    with FakeVendor(answer=answer_about_topics, keys={"sk-another"}) as vendor:
        result = upgrade(home_of_talk, vendor)
    assert (result.stopped, result.tokens_consumed) == ("provider", 0)
    assert "was not accepted" in result.message
    with FakeVendor(answer=answer_about_topics) as vendor:
        assert upgrade(home_of_talk, vendor, run_id="run2").stopped is None
    assert levels(home_of_talk) == {"good"}


def test_a_vendor_that_comes_back_is_asked_again(home_of_talk, vendor, monkeypatch):
    """The upgrade waits for it, and ends done."""
    monkeypatch.setattr("dreaming.providers.circuit.OPEN_SECONDS", 0.3)
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("dreaming.buying.patience.PROBE_SECONDS", 0.1)
    vendor.break_next(*[Fault.of_status(529)] * 7)
    result = upgrade(home_of_talk, vendor, settings={"max_concurrency": 1})
    assert (result.stopped, levels(home_of_talk)) == (None, {"good"})


def test_a_vendor_that_stays_away_ends_an_upgrade(home_of_talk, monkeypatch):
    """At once where nobody is there; after a while where it is there and broken."""
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.01)
    with FakeVendor(answer=answer_about_topics) as gone:
        pass
    result = upgrade(home_of_talk, gone)
    assert (result.stopped, result.tokens_consumed) == ("provider", 0)
    monkeypatch.setattr("dreaming.buying.patience.FIRST_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr("dreaming.buying.patience.PROBE_SECONDS", 0.1)
    with FakeVendor(answer=answer_about_topics) as broken:
        broken.break_next(*[Fault.of_status(529)] * 100)
        assert upgrade(home_of_talk, broken, run_id="run2").stopped == "provider"
    with FakeVendor(answer=answer_about_topics) as vendor:
        assert upgrade(home_of_talk, vendor, run_id="run3").stopped is None
    assert levels(home_of_talk) == {"good"}


@pytest.mark.parametrize("fault", [Fault.of_status(400), Fault("html")])
def test_a_vendor_that_takes_nothing_ends_an_upgrade_and_one_that_takes_others_does_not(
    any_home, vendor, fault
):
    """What is refused is given up for good only where others are answered."""
    any_home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(12)]
    )
    any_home.pipeline.run_day(DAY)
    with FakeVendor() as broken:
        broken.break_next(*[fault] * 12)
        result = upgrade(any_home, broken, settings={"max_concurrency": 1})
        assert 5 <= len(broken.books.served) < 9
    assert (result.stopped, levels(any_home)) == ("provider", {"basic"})
    assert set(result.skipped) == {"left"}
    vendor.break_next(*[fault] * 2)
    result = upgrade(any_home, vendor, run_id="run2", settings={"max_concurrency": 1})
    assert (result.stopped, levels(any_home)) == (None, {"basic", "good"})
    given_up = sum(chunk.quality_level == "basic" for chunk in rows(any_home))
    assert sum(result.skipped.values()) == given_up > 0
    assert "left" not in result.skipped


def test_an_interruption_publishes_what_was_bought(home_of_talk, vendor, monkeypatch):
    """Ctrl-C in the middle: the day holds what was paid for, and
    the run goes on being interrupted.
    """
    monkeypatch.setattr(signal, "getsignal", signal.getsignal)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    vendor.latency_seconds = 0.4
    try:
        threading.Timer(0.6, signal.raise_signal, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            upgrade(home_of_talk, vendor, settings={"max_concurrency": 1})
    finally:
        signal.signal(signal.SIGINT, before)
    assert levels(home_of_talk) == {"basic", "good"}
    assert_verbatim(home_of_talk)
    used = home_of_talk.ledger.balance(request_scope("R")).used.tokens
    assert used == vendor.books.charged_tokens
    served = len(vendor.books.served)
    upgrade(home_of_talk, vendor, run_id="run2")
    assert len(vendor.books.served) == 4
    assert served < 4


@pytest.mark.parametrize("latency_seconds", [0.0, 0.4])
def test_a_day_whose_publishing_is_interrupted_is_published_and_told(
    home_of_talk, vendor, latency_seconds
):
    """At the end, or before it while another day is being bought: Dagster has a materialisation of
    what is told.
    """
    home_of_talk.archive.add([make_conversation(talk(5), conversation_id="test:later", at=LATER)])
    home_of_talk.pipeline.run_day(LATER.date())
    told = []

    def tell(day, _statistics):
        told.append(day)
        if len(told) == 1:
            raise KeyboardInterrupt

    vendor.latency_seconds = latency_seconds
    work = executor(home_of_talk, vendor, max_concurrency=1)
    work.on_published = tell
    with pytest.raises(KeyboardInterrupt):
        work.upgrade(
            work.begin("R", UpgradeTerms(target_quality="good", max_tokens=500_000)),
            [DAY, LATER.date()],
        )
    assert told[0] in told[1:]
    assert {chunk.quality_level for chunk in rows(home_of_talk, told[0])} == {"good"}
    assert set(home_of_talk.requests.result("run")["days_published"]) == {
        day.isoformat() for day in told
    }


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
