"""The nightly upgrade: when it is skipped, what it spends, and what a planner leaves of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from assets.upgrading import REQUEST_TAG
from dagster_project.building import build_definitions
from dreaming.spending.budgets import Limit, window_scope
from resources import OpenAIResource
from tests.builders import answer_about_topics
from tests.dagster_project.upgrades.builders import (
    NIGHT,
    is_observation,
    metadata_of,
    set_keys,
    upgrade,
)


@pytest.mark.parametrize(
    ("environment", "limit", "reason"),
    [
        ({}, None, "There is no key for anthropic or openai."),
        (
            {"ANTHROPIC_API_KEY": "sk-fake"},
            None,
            "dreaming budget set --provider anthropic --tier good",
        ),
        (
            {"ANTHROPIC_API_KEY": "sk-fake"},
            Limit(tokens=10_000),
            "10,000 tokens of anthropic are left, and more than",
        ),
        (
            {"ANTHROPIC_API_KEY": "sk-fake"},
            Limit(picodollars=0),
            "The dollars of anthropic's budget",
        ),
    ],
)
def test_the_nightly_upgrade_is_skipped_with_the_reason(
    nightly, home, clock, monkeypatch, environment, limit, reason
):
    """No key; no budget; not more than 10,000 tokens left."""
    set_keys(monkeypatch, environment)
    clock.now = NIGHT
    if limit is not None:
        home.ledger.set_limit("anthropic", "good", "month", limit)
    tick = nightly()
    assert not tick.run_requests
    assert reason in tick.skip_message


def test_the_nightly_upgrade_takes_what_is_left_of_the_months_quota(
    nightly, home, clock, monkeypatch
):
    """Less what was declared as spent elsewhere; over all days; with the first provider that has
    enough.
    """
    set_keys(monkeypatch, {"ANTHROPIC_API_KEY": "sk-fake", "OPENAI_API_KEY": "sk-fake"})
    clock.now = NIGHT
    home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=9_000))
    home.ledger.set_limit("openai", "good", "month", Limit(tokens=50_000))
    home.ledger.declare_elsewhere(window_scope("openai", "good", "month", clock()), tokens=20_000)
    [request] = nightly().run_requests
    config = {
        "target_quality": "good",
        "provider": "openai",
        "delivery": "batch",
        "budget": {"max_tokens": 30_000},
    }
    assert request.run_config == {"ops": {"upgrade_chunks": {"config": config}}}
    assert request.run_key == "upgrade:2026-11-24"


def test_the_nightly_upgrade_knows_the_providers_that_the_definitions_have(
    kept_instance, home, clock, monkeypatch
):
    """Not only those of the environment."""
    set_keys(monkeypatch, {})
    clock.now = NIGHT
    home.ledger.set_limit("openai", "good", "month", Limit(tokens=50_000))
    providers = {"openai": OpenAIResource(api_key="sk-fake")}
    definitions = build_definitions(home.settings, providers=providers, clock=clock)
    context = dg.build_schedule_context(
        instance=kept_instance,
        scheduled_execution_time=NIGHT,
        repository_def=definitions.get_repository_def(),
    )
    [request] = (
        definitions.resolve_schedule_def("upgrade_nightly").evaluate_tick(context).run_requests
    )
    assert request.run_config["ops"]["upgrade_chunks"]["config"]["provider"] == "openai"


@pytest.mark.parametrize("planner", ["rules", "thinking"])
def test_a_planned_night_spends_its_share_and_shows_its_plan(
    full_home, vendor, instance, clock, planner
):
    """In the run's metadata, with the reason; whoever plans, the limits hold."""
    clock.now = NIGHT
    full_home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=70_000))

    def answer(request):
        if "todays_allowance" not in request.content:
            return answer_about_topics(request)
        proposal = {
            "provider": "anthropic",
            "model": "claude-haiku-4-5",
            "filter": "labels CONTAINS 'invoice'",
        }
        return json.dumps(
            proposal
            | {"filter": "text CONTAINS 'invoice'", "max_tokens": 9_000, "reason": "Bills."}
        )

    vendor.answer = answer
    result = upgrade(full_home, vendor, instance, budget={}, planner=planner)
    assert result.success
    for each in metadata_of(result).values():
        assert each["planned_by"] == planner
        assert each["plan"]["chosen"]["reason"] == each["plan_reason"]
        assert each["plan"]["rules"]["terms"]["max_tokens"] == 10_000
        assert each["budget_limit_tokens"] == {"rules": 10_000, "thinking": 9_000}[planner]
    balance = full_home.ledger.window_balances("anthropic", "good")["month"]
    assert balance.used.tokens == vendor.books.charged_tokens <= 70_000
    again = upgrade(
        full_home, vendor, instance, budget={}, planner=planner, tags={REQUEST_TAG: result.run_id}
    )
    assert again.success
    assert len(full_home.plans.latest(5)) == 1


def test_a_night_that_is_planned_to_save_spends_nothing_and_says_so(
    full_home, vendor, instance, clock
):
    """On the page of the asset."""
    clock.now = NIGHT
    full_home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=1_200))
    result = upgrade(full_home, vendor, instance, budget={}, planner="rules")
    assert result.success
    [observation] = [
        event.event_specific_data.asset_observation
        for event in result.filter_events(is_observation)
    ]
    assert "it is saved" in observation.metadata["plan_reason"].value
    assert not vendor.books.served
    assert "it is saved" in full_home.requests.result(result.run_id)["message"]


def test_the_nightly_schedule_lets_a_planner_choose(kept_instance, home, clock, monkeypatch):
    """Provider and budget are left open."""
    set_keys(monkeypatch, {"ANTHROPIC_API_KEY": "sk-fake"})
    clock.now = NIGHT
    home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=50_000))
    definitions = build_definitions(replace(home.settings, planner="thinking"), clock=clock)
    context = dg.build_schedule_context(
        instance=kept_instance,
        scheduled_execution_time=NIGHT,
        repository_def=definitions.get_repository_def(),
    )
    [request] = (
        definitions.resolve_schedule_def("upgrade_nightly").evaluate_tick(context).run_requests
    )
    assert request.run_config["ops"]["upgrade_chunks"]["config"] == {
        "target_quality": "good",
        "planner": "thinking",
    }


def test_after_a_week_asleep_each_stage_catches_up_once(
    nightly, kept_instance, home, clock, monkeypatch
):
    """Of the ticks that Dagster makes up for, only the latest one does something, for all days that
    were missed.
    """
    set_keys(monkeypatch, {"ANTHROPIC_API_KEY": "sk-fake"})
    home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=50_000))
    clock.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    tags = {"dagster/schedule_name": "initial_nightly"}
    tags |= {f"dagster/asset_partition_range_{end}": "2026-11-16" for end in ("start", "end")}
    kept_instance.create_run_for_job(
        build_definitions(home.settings).resolve_job_def("initial"), tags=tags
    )
    for name, hour in (("initial_nightly", 3), ("upgrade_nightly", 4)):
        ticks = [nightly(datetime(2026, 11, day, hour, tzinfo=UTC), name) for day in range(18, 25)]
        assert [len(tick.run_requests or []) for tick in ticks] == [0, 0, 0, 0, 0, 0, 1]
        assert "A later night has come since" in ticks[0].skip_message
    [request] = nightly(datetime(2026, 11, 24, 3, tzinfo=UTC), "initial_nightly").run_requests
    assert request.tags["dagster/asset_partition_range_start"] == "2026-11-17"
    assert request.tags["dagster/asset_partition_range_end"] == "2026-11-23"


def test_the_stages_have_their_priorities(home):
    """Initial medium, upgrade low: Dagster starts the higher one first."""
    definitions = build_definitions(home.settings)
    tags = {
        name: definitions.resolve_job_def(name).tags["dagster/priority"]
        for name in ("initial", "upgrade")
    }
    assert tags == {"initial": "0", "upgrade": "-10"}


def test_metadata_is_readable_as_json(full_home, vendor, instance):
    """What the UI shows as JSON is JSON."""
    result = upgrade(full_home, vendor, instance)
    for each in metadata_of(result).values():
        assert json.loads(json.dumps(each["task_result"]))["request_id"] == each["request_id"]
