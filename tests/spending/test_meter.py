"""The meter between a provider and its vendor, over HTTP against a fake vendor that keeps its own
books.
"""

import asyncio
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dreaming.model_call import FailureReason
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import make_provider
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.budgets import Limit, request_scope
from dreaming.spending.meter import Meter
from dreaming.storage.tables import calls
from dreaming.testing.fake_vendor import FakeVendor, Fault
from tests.prompting.builders import excerpt

TODAY = date(2026, 11, 23)
SCOPE = request_scope("R")
SAID = [f"Message {n} about the plans of the village for the week." for n in range(8)]


@pytest.fixture
def vendor():
    with FakeVendor() as running:
        yield running


def talk(number: int):
    return excerpt(*SAID, f"That was number {number}.", conversation_id=f"c{number}")


def chunk_all(home, vendor, count, *, at_once=8, meter=None, **settings):
    """Every conversation through one metered provider."""
    meter = meter or Meter(home.ledger, purpose="upgrade", run_id="run", request_id="R")
    configured = ProviderSettings(
        api_key="sk-fake", base_url=vendor.url, max_concurrency=at_once, **settings
    )

    async def run():
        async with make_provider("anthropic", configured, today=TODAY, meter=meter) as provider:
            return await asyncio.gather(
                *(provider.chunk_conversation(talk(n)) for n in range(count))
            )

    return asyncio.run(run())


def charged(vendor) -> int:
    """By the vendor's own books."""
    return vendor.books.charged_tokens


def rows(home):
    with home.ledger.database.read() as connection:
        return connection.execute(sa.select(calls)).mappings().all()


@pytest.mark.parametrize("at_once", [1, 8, 32, 64])
def test_no_budget_is_overshot_however_many_calls_are_under_way(any_home, vendor, at_once):
    """By the vendor's own count; and what fits is used."""
    mean = charged_by_one(any_home, vendor)
    any_home.ledger.open_scope(SCOPE, Limit(tokens=20 * mean))
    results = chunk_all(any_home, vendor, 60, at_once=at_once)
    spent = any_home.ledger.balance(SCOPE).spent.tokens
    assert spent == charged(vendor) - mean
    assert 0.9 * 20 * mean <= spent <= 20 * mean
    assert any(isinstance(result, Chunked) for result in results)
    refused = [result for result in results if isinstance(result, GivenUp)]
    assert {result.failure.reason for result in refused} == {FailureReason.OVER_BUDGET}
    assert "Raise the budget or narrow the filter" in refused[0].failure.message


def charged_by_one(home, vendor) -> int:
    meter = Meter(home.ledger, purpose="upgrade", run_id="run")
    chunk_all(home, vendor, 1, meter=meter)
    return charged(vendor)


def test_a_burst_that_fits_goes_through(any_home, vendor):
    """Twenty calls at once under a budget that holds their worst
    case: none waits, none is refused.
    """
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.latency_seconds = 0.2
    results = chunk_all(any_home, vendor, 20, at_once=64)
    assert all(isinstance(result, Chunked) for result in results)
    assert vendor.books.most_in_flight == 20


def test_money_holds_as_tokens_do(any_home, vendor):
    """A budget in dollars, by the price library."""
    any_home.ledger.open_scope(SCOPE, Limit(picodollars=15 * 10**9))
    chunk_all(any_home, vendor, 30)
    balance = any_home.ledger.balance(SCOPE)
    assert 0 < balance.spent.picodollars <= 15 * 10**9
    assert balance.spent.picodollars == sum(row["cost_picodollars"] for row in rows(any_home))
    assert balance.spent.tokens == charged(vendor)


def test_a_conversation_is_paid_for_once(any_home, vendor):
    """Asked again, also at the same time, the reply comes from the ledger."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    meter = Meter(any_home.ledger, purpose="upgrade", run_id="run", request_id="R")
    configured = ProviderSettings(api_key="sk-fake", base_url=vendor.url)

    async def run():
        async with make_provider("anthropic", configured, today=TODAY, meter=meter) as provider:
            return await asyncio.gather(*(provider.chunk_conversation(talk(1)) for _ in range(5)))

    results = asyncio.run(run())
    chunk_all(any_home, vendor, 2)
    assert len(vendor.books.served) == 2
    assert len({result.topics for result in results}) == 1
    assert [row["state"] for row in rows(any_home)] == ["settled", "settled"]


@pytest.mark.parametrize("fault", [Fault.of_status(500), Fault("cut")])
def test_what_may_have_been_charged_stays_counted(any_home, vendor, fault):
    """Each attempt is a call of its own; the vendor's books are never above ours."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.break_next(fault)
    [result] = chunk_all(any_home, vendor, 1)
    assert isinstance(result, Chunked)
    assert sorted(row["state"] for row in rows(any_home)) == ["settled", "unknown"]
    assert any_home.ledger.balance(SCOPE).used.tokens >= charged(vendor)


def test_what_was_surely_not_charged_is_free_again(any_home, vendor):
    """A 429 releases what was reserved."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.break_next(Fault.of_status(429, retry_after="0"))
    chunk_all(any_home, vendor, 1)
    assert sorted(row["state"] for row in rows(any_home)) == ["released", "settled"]
    assert any_home.ledger.balance(SCOPE).used.tokens == charged(vendor)


def test_calls_that_are_called_off_are_settled_as_they_end(any_home, vendor):
    """Those under way are waited for a little; those that wait for a place are given back."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.latency_seconds = 0.5
    meter = Meter(any_home.ledger, purpose="upgrade", run_id="run", request_id="R")
    configured = ProviderSettings(api_key="sk-fake", base_url=vendor.url, max_concurrency=3)

    async def run():
        async with make_provider("anthropic", configured, today=TODAY, meter=meter) as provider:
            work = [asyncio.ensure_future(provider.chunk_conversation(talk(n))) for n in range(6)]
            while vendor.books.in_flight < 3:
                await asyncio.sleep(0.01)
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    asyncio.run(run())
    assert sorted(row["state"] for row in rows(any_home)) == ["released"] * 3 + ["settled"] * 3
    assert any_home.ledger.balance(SCOPE).used.tokens == charged(vendor)


def test_a_call_gets_no_more_than_a_third_of_the_time_that_is_left(any_home, vendor):
    """A reply that takes longer counts as unknown; when the time is over, nothing more is sent."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.latency_seconds = 3
    deadline = any_home.ledger.clock() + timedelta(seconds=3)
    meter = Meter(
        any_home.ledger, purpose="upgrade", run_id="run", request_id="R", deadline_at=deadline
    )
    [result] = chunk_all(any_home, vendor, 1, meter=meter)
    assert isinstance(result, GivenUp)
    assert result.failure.reason == FailureReason.TOO_SLOW
    assert {row["state"] for row in rows(any_home)} == {"unknown"}
    over = any_home.ledger.clock() + timedelta(seconds=1)
    late = Meter(any_home.ledger, purpose="upgrade", run_id="run", request_id="R", deadline_at=over)
    [refused] = chunk_all(any_home, vendor, 1, meter=late)
    assert isinstance(refused, GivenUp)
    assert refused.failure.reason == FailureReason.OUT_OF_TIME


def test_a_call_that_would_have_less_time_than_others_took_is_not_sent(any_home, vendor):
    """It would be cut off, and may be paid for."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.latency_seconds = 0.9
    deadline = any_home.ledger.clock() + timedelta(seconds=6)
    meter = Meter(
        any_home.ledger, purpose="upgrade", run_id="run", request_id="R", deadline_at=deadline
    )
    assert isinstance(chunk_all(any_home, vendor, 1, meter=meter)[0], Chunked)
    any_home.ledger.clock.move(timedelta(seconds=4))
    refused = chunk_all(any_home, vendor, 2, meter=meter)[1]
    assert isinstance(refused, GivenUp)
    assert refused.failure.reason == FailureReason.OUT_OF_TIME
    assert len(vendor.books.served) == 1


def test_winding_up_ends_the_pauses_between_attempts(any_home, vendor):
    """Nobody waits for what is not sent any more."""
    any_home.ledger.open_scope(SCOPE, Limit(tokens=200_000))
    vendor.break_next(*[Fault.of_status(429, retry_after="30")] * 2)
    meter = Meter(any_home.ledger, purpose="upgrade", run_id="run", request_id="R")

    async def run():
        asyncio.get_running_loop().call_later(0.5, meter.wind_up)
        configured = ProviderSettings(api_key="sk-fake", base_url=vendor.url, max_concurrency=1)
        async with (
            asyncio.timeout(10),
            make_provider("anthropic", configured, today=TODAY, meter=meter) as provider,
        ):
            return await asyncio.gather(*(provider.chunk_conversation(talk(n)) for n in range(3)))

    assert all(isinstance(each, GivenUp) for each in asyncio.run(run()))
    assert {row["state"] for row in rows(any_home)} == {"released"}


def test_a_conversation_at_home_is_free_and_still_written_down(any_home):
    """The local LLM's calls are in the ledger, and count in no budget."""
    with FakeVendor(own_server=True) as vendor:
        meter = Meter(any_home.ledger, purpose="basic_chunks", run_id="run")
        configured = ProviderSettings(base_url=vendor.url + "/v1")

        async def run():
            async with make_provider("local", configured, today=TODAY, meter=meter) as provider:
                await provider.connect()
                return await provider.chunk_conversation(talk(1))

        assert isinstance(asyncio.run(run()), Chunked)
    [row] = rows(any_home)
    assert (row["state"], row["cost_picodollars"], row["scopes"]) == ("settled", 0, [])
    assert row["counted_tokens"] > 0
