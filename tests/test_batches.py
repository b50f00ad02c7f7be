"""Upgrades in batches, through the vendors' SDKs against a fake vendor's batch APIs: laws 2 and 3 hold over days."""

from datetime import date

import pytest

from dreaming.executor import DreamingExecutor
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk

DAY = date(2026, 3, 1)
PROVIDERS = {"anthropic": "", "openai": "/v1"}


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer_about_topics) as running:
        yield running


@pytest.fixture
def home_of_talk(any_home):
    any_home.archive.add([make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(4)])
    any_home.pipeline.run_day(DAY)
    return any_home


def executor(home, vendor, provider="anthropic", run_id="run"):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url + PROVIDERS[provider])
    return DreamingExecutor(home, {provider: ConfiguredProvider(provider, settings)}, run_id=run_id)


def upgrade(home, vendor, provider="anthropic", request_id="R", run_id="run", delivery=None, **terms):
    work = executor(home, vendor, provider, run_id)
    asked = UpgradeTerms(
        **{"target_quality": "good", "max_tokens": 500_000, "delivery": "batch", "provider": provider} | terms
    )
    return work.upgrade(work.begin(request_id, asked), [DAY], delivery=delivery)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_replies_come_in_a_batch_at_half_the_price(home_of_talk, vendor, provider):
    first = upgrade(home_of_talk, vendor, provider)
    assert first.pending["calls"] == 4, first
    assert first.chunks_upgraded == 0
    second = upgrade(home_of_talk, vendor, provider, run_id="collecting")
    assert not second.pending
    print(second)
    assert second.chunks_upgraded == 12
