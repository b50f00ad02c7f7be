"""How an upgrade ends: unusable replies, limits, time, vendors that are down, interruptions."""

import signal
import threading
import time
from datetime import timedelta

import pytest

from dreaming.spending.budgets import request_scope
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor, Fault
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk
from tests.buying.upgrades.builders import (
    DAY,
    LATER,
    assert_verbatim,
    executor,
    levels,
    rows,
    upgrade,
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


def test_an_interruption_publishes_what_was_bought(home_of_talk, vendor):
    """Ctrl-C in the middle: the day holds what was paid for, and
    the run goes on being interrupted.
    """
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


def test_a_purchase_that_is_written_while_its_run_is_cancelled_is_published(
    home_of_talk, vendor, monkeypatch
):
    """A slow disk, and no time to wind up: the day is published, the span not counted as left."""
    monkeypatch.setattr("dreaming.event_loop._WIND_UP_SECONDS", 0.0)
    ledger_write = type(home_of_talk.ledger).write
    interrupted = []

    def write_slowly(ledger, action):
        if interrupted:
            return ledger_write(ledger, action)
        interrupted.append(True)
        threading.Timer(0.1, signal.raise_signal, [signal.SIGINT]).start()

        def act(connection):
            time.sleep(1.0)
            return action(connection)

        return ledger_write(ledger, act)

    monkeypatch.setattr(type(home_of_talk.ledger), "write", write_slowly)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            upgrade(home_of_talk, vendor, settings={"max_concurrency": 1})
    finally:
        signal.signal(signal.SIGINT, before)
    good = sum(chunk.quality_level == "good" for chunk in rows(home_of_talk))
    result = home_of_talk.requests.result("run")
    assert good == result["chunks_created"] > 0
    open_spans = home_of_talk.requests.open_spans("R", [DAY])
    assert result["skipped"]["left"] == sum(span.chunks for span in open_spans)


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
