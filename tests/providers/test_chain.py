"""Providers in an order of preference."""

import asyncio
import contextlib

from dreaming.providers.chain import ProviderChain
from dreaming.providers.result import Chunked, GivenUp
from dreaming.testing.fake_vendor import FakeVendor, Fault
from tests.prompting.builders import excerpt
from tests.providers.conftest import TARGETS

SHOWN = excerpt("one", "two", "three")


def cut(*providers):
    async def run():
        async with contextlib.aclosing(ProviderChain(providers)) as chain:
            return await chain.chunk_conversation(SHOWN)

    return asyncio.run(run())


def test_the_next_takes_over_and_the_reasons_are_kept():
    """With all attempts of all of them: money may have been spent on each."""
    with FakeVendor() as vendor:
        vendor.break_next(Fault.of_status(401))
        providers = [
            TARGETS["anthropic"].provider(vendor, api_key=None),
            TARGETS["openai"].provider(vendor),
            TARGETS["anthropic"].provider(vendor),
        ]
        result = cut(*providers)
    assert isinstance(result, Chunked)
    assert result.provider == "anthropic"
    assert [failure.reason for failure in result.passed_over] == ["missing_key", "unauthorized"]
    assert [outcome.charge for outcome in result.outcomes] == ["released", "released", "charged"]


def test_where_none_can_the_last_reason_counts():
    """And the others are told."""
    with FakeVendor() as vendor:
        vendor.break_next(Fault.of_status(400), Fault.of_status(404))
        result = cut(TARGETS["openai"].provider(vendor), TARGETS["anthropic"].provider(vendor))
    assert isinstance(result, GivenUp)
    assert result.failure.reason == "no_such_model"
    assert [failure.reason for failure in result.passed_over] == ["bad_request"]
