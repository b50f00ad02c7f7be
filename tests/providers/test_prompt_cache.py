"""Caching of the fixed part is asked for only where it takes effect."""

import asyncio
from dataclasses import replace

import pytest

from dreaming.providers.prompt_cache import PromptCache
from dreaming.providers.result import Chunked
from dreaming.testing.fake_vendor import FakeVendor, Reply
from tests.prompting.builders import excerpt, numbered
from tests.providers.conftest import TARGETS


@pytest.mark.parametrize(("reads", "asked"), [(0, 5 + 8), (7, 40)])
def test_it_is_given_up_when_nothing_is_read_from_the_cache(reads, asked):
    """After the calls that may have been under way at once, and some more."""

    def answer(request):
        return Reply(numbered((1, 3)), cache_read_tokens=reads if request.caches else 0)

    with FakeVendor(answer=answer) as vendor:
        provider = TARGETS["anthropic"].provider(vendor, max_concurrency=5)
        inner = provider.inner
        inner._cache.from_tokens = 100

        async def run():
            async with provider:
                return [
                    await provider.chunk_conversation(excerpt("one", "two", "three"))
                    for _ in range(40)
                ]

        assert all(isinstance(result, Chunked) for result in asyncio.run(run()))
        assert sum(served.caches for served in vendor.books.served) == asked


def test_a_short_prefix_is_never_cached():
    """It would only cost more; nor is one where the vendor does not say."""
    cache = PromptCache(from_tokens=1024, largest_batch=1)
    assert not cache.is_worth(1023)
    assert cache.is_worth(1024)
    assert not replace(cache, from_tokens=None).is_worth(100_000)
