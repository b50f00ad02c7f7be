"""Plans of upgrades: what several tests of them ask for."""

import asyncio
from datetime import date

from dreaming.planning.planner import Planner
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.upgrading.terms import UpgradeTerms

DAY = date(2026, 3, 1)


GOOD = UpgradeTerms(target_quality="good")


def providers(vendor, *names):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
    return {name: ConfiguredProvider(name, settings) for name in names or ("anthropic",)}


def plan(home, vendor, asked=GOOD, *, thinker=None, names=(), run_id=None, **options):
    planning = Planner(home, providers(vendor, *names), thinker=thinker, run_id=run_id)
    if thinker is not None:
        options["planner"] = "thinking"
    return asyncio.run(planning.plan(asked, [DAY], **options))


def proposal(**fields):
    usual = {
        "provider": "anthropic",
        "model": "claude-haiku-4-5",
        "filter": "",
        "max_tokens": 5_000,
        "reason": "So.",
    }
    return usual | fields
