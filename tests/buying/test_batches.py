"""Upgrades in batches, through the vendors' SDKs against a fake vendor's batch APIs: laws 2 and 3
hold over days.
"""

import asyncio
import os
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from dreaming.buying.collecting import cancel_batches, find_due
from dreaming.buying.executor import DreamingExecutor
from dreaming.buying.outbox import ATTEMPT_SECONDS, SUBMITTING_SECONDS
from dreaming.buying.quota import read_elsewhere
from dreaming.buying.settling import ARRIVES_WITHIN, KEPT_FOR, Settling
from dreaming.errors import UsageError
from dreaming.home import open_home
from dreaming.model_call import TokenUsage
from dreaming.money import Amount
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.batches import SUBMITTED_WITHIN
from dreaming.spending.budgets import Limit, request_scope, window_scope
from dreaming.spending.prices import OwnPrice, price_of
from dreaming.storage.tables import batches, calls
from dreaming.testing import make_conversation, make_settings
from dreaming.testing.fake_vendor import FakeVendor, Fault
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim
from tests.builders import answer_about_topics, talk

DAY = date(2026, 3, 1)
PROVIDERS = {"anthropic": "", "openai": "/v1"}
TIMES = int(os.environ.get("DREAMING_TEST_TIMES", "1"))
"""How often each crash strikes, and each odd answer comes."""


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer_about_topics) as running:
        yield running


@pytest.fixture(params=range(TIMES))
def number(request):
    return request.param


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture
def home_of_talk(any_home):
    """Four conversations of one day, basic."""
    fill(any_home)
    return any_home


def fill(home, conversations=4):
    home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(conversations)]
    )
    home.pipeline.run_day(DAY)


def providers(vendor, name, **given):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url + PROVIDERS[name], **given)
    return {name: ConfiguredProvider(name, settings)}


def upgrade(
    home,
    vendor,
    provider="anthropic",
    request_id="R",
    run_id="run",
    days=(DAY,),
    delivery=None,
    max_concurrency=None,
    **terms,
):
    work = DreamingExecutor(
        home, providers(vendor, provider, max_concurrency=max_concurrency), run_id=run_id
    )
    asked = {
        "target_quality": "good",
        "max_tokens": 500_000,
        "delivery": "batch",
        "provider": provider,
    } | terms
    return work.upgrade(work.begin(request_id, UpgradeTerms(**asked)), days, delivery=delivery)


def collect(home, vendor, provider="anthropic", run_id="collecting", **given):
    """What the sensor and `dreaming collect` do: go on with what there is something to take for."""
    due = find_due(home, providers(vendor, provider))
    assert not due.failures, due.failures
    return [
        upgrade(home, vendor, provider, each, run_id, home.requests.open_days(each), **given)
        for each in due.requests
    ]


def rows(home, day=DAY):
    with home.store.open_chunks("upgraded_chunks", day) as partition:
        return list(partition.rows())


def ledger(home):
    with home.ledger.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(calls)).mappings()]


def states(home):
    with home.ledger.database.read() as connection:
        return Counter(connection.execute(sa.select(batches.c.state)).scalars())


def assert_books_agree(home, vendor, provider, *, unknown=0):
    """The ledger says what the vendor charged, call by call and in all its scopes, and nothing is
    held any more.
    """
    mine = ledger(home)
    assert Counter(row["state"] for row in mine)["reserved"] == 0, mine
    charged = sorted(
        (one.input_tokens, one.output_tokens, one.delivery)
        for one in vendor.books.served
        if one.charged_tokens
    )
    settled = [
        row for row in mine if row["state"] == "settled" and row["output_tokens"] is not None
    ]
    told = sorted((row["input_tokens"], row["output_tokens"], row["delivery"]) for row in settled)
    if not unknown:
        assert told == charged
    assert sum(row["state"] == "unknown" for row in mine) == unknown
    for row in settled:
        usage = TokenUsage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"])
        price = price_of(provider, row["model"], at=row["reserved_at"])
        assert row["cost_picodollars"] == price.cost(
            usage, at=row["reserved_at"], delivery=row["delivery"]
        )
    balance = home.ledger.balance(request_scope("R"))
    assert balance.reserved.tokens == 0
    assert balance.spent.tokens == sum(
        row["counted_tokens"] for row in mine if row["request_id"] == "R"
    )
    assert balance.spent.picodollars == sum(
        row["cost_picodollars"] for row in mine if row["request_id"] == "R"
    )


def assert_verbatim(home):
    chunks = rows(home)
    with home.store.open_conversations(DAY) as raw:
        for conversation in raw.rows():
            prove_verbatim(
                conversation,
                [c for c in chunks if c.conversation_id == conversation.conversation_id],
            )


def assert_all_good(home):
    assert {chunk.quality_level for chunk in rows(home)} == {"good"}
    assert_verbatim(home)


# What it gives


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


def said_of(chunk):
    """What a chunk says, but for what it cost and when and by which call it was bought."""
    topics = [(topic.message_id, topic.start, topic.score) for topic in chunk.topics]
    names = (
        "content",
        "spans",
        "labels",
        "entities",
        "summary",
        "language",
        "speaker",
        "tokens_used",
        "quality_level",
    )
    return [topics, *(getattr(chunk, name) for name in names)]


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


def assert_no_token_spent(home):
    assert home.ledger.balance(request_scope("R")).spent.tokens == 0


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


# What goes wrong


class Crash(BaseException):
    """The process ends here."""


def crash_at(monkeypatch, home, name):
    """End the process when it writes a batch down: before or after it is given to the vendor."""

    def crash(*_args, **_kwargs):
        raise Crash

    monkeypatch.setattr(type(home.batches), name, crash)


def die(home, monkeypatch):
    """Let the process that made the calls and batches be gone."""
    monkeypatch.undo()
    dead = f"{socket.gethostname()}|an earlier boot|1|1.0"
    with home.ledger.database.write() as connection:
        connection.execute(calls.update().where(calls.c.state == "reserved").values(owner=dead))
        connection.execute(batches.update().where(batches.c.owner.is_not(None)).values(owner=dead))


def upgrade_and_crash(home, vendor, provider, monkeypatch, name):
    crash_at(monkeypatch, home, name)
    with pytest.raises(Crash):
        upgrade(home, vendor, provider)
    die(home, monkeypatch)


@pytest.mark.usefixtures("number")
def test_a_crash_before_a_batch_is_written_down_frees_what_it_reserved(
    home_of_talk, vendor, provider, monkeypatch
):
    """Nothing was sent: the next run asks for all of it."""
    home = home_of_talk
    upgrade_and_crash(home, vendor, provider, monkeypatch, "intend")
    assert not vendor.batches.all
    assert upgrade(home, vendor, provider, run_id="again").pending["calls"] == 4
    collect(home, vendor, provider)
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


@pytest.mark.usefixtures("number")
def test_a_crash_between_record_and_submit_gives_it_to_the_vendor_once(
    home_of_talk, vendor, provider, monkeypatch, clock
):
    """The vendor is asked, has no such batch, and what was reserved is free when it cannot be on
    its way any more.
    """
    home = home_of_talk

    async def crash(*_args, **_kwargs):
        raise Crash

    monkeypatch.setattr("dreaming.buying.outbox._submit_once", crash)
    with pytest.raises(Crash):
        upgrade(home, vendor, provider)
    die(home, monkeypatch)
    assert not vendor.batches.all
    assert states(home) == {"intended": 1}
    collect(home, vendor, provider)
    assert states(home) == {"intended": 1}
    clock.move(ARRIVES_WITHIN)
    [result] = collect(home, vendor, provider)
    assert result.pending["calls"] == 4
    assert len(vendor.batches.all) == 1
    collect(home, vendor, provider)
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


def test_a_crash_between_submit_and_record_finds_the_batch_at_the_vendor(
    home_of_talk, vendor, provider, monkeypatch, number
):
    """It is not given again, nor is another one taken for it."""
    home = home_of_talk
    vendor.batches.held = number % 2 == 1
    upgrade(home, vendor, provider, request_id="other", filter="conversation_id = 'test:3'")
    upgrade_and_crash(home, vendor, provider, monkeypatch, "note_submitted")
    assert len(vendor.batches.all) == 2
    if vendor.batches.held:
        collect(home, vendor, provider)
        vendor.batches.held = False
    for _ in range(2):
        collect(home, vendor, provider)
    assert len(vendor.books.served) == 4
    assert_all_good(home)
    assert_books_agree(home, vendor, provider)


@pytest.mark.usefixtures("number")
@pytest.mark.parametrize(
    "fault", [Fault("cut"), Fault("reset"), Fault.of_status(500), Fault.of_status(429)]
)
@pytest.mark.parametrize("uploads_fail", [False, True])
def test_an_answer_that_says_nothing_is_found_out(
    home_of_talk, vendor, provider, fault, uploads_fail, clock, monkeypatch
):
    """The vendor has it or not: its own list tells."""
    vendor.batches.uploads_fail = uploads_fail
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)
    home = home_of_talk
    vendor.break_next(fault)
    upgrade(home, vendor, provider)
    for _ in range(3):
        clock.move(max(ARRIVES_WITHIN, SUBMITTED_WITHIN) + timedelta(seconds=1))
        collect(home, vendor, provider)
    upgrade(home, vendor, provider, run_id="again")
    collect(home, vendor, provider)
    assert_all_good(home)
    assert len([one for one in vendor.books.served if one.charged_tokens]) == 4
    assert_books_agree(home, vendor, provider)


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
