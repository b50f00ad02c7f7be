"""Upgrades at once: what several tests of them do and assert."""

from datetime import UTC, date, datetime

from dreaming.buying.executor import DreamingExecutor
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim

DAY = date(2026, 3, 1)


LATER = datetime(2026, 3, 2, 9, tzinfo=UTC)


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
