"""Upgrades as Dagster runs: what they log, whose budget they
have, and when they run by themselves.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from assets.upgrading import REQUEST_TAG
from dagster_project.building import build_definitions
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit, request_scope, window_scope
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from resources import OpenAIResource
from tests.builders import answer_about_topics, talk

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(3)]
UPGRADED = dg.AssetKey("upgraded_chunks")


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer_about_topics) as running:
        yield running


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def full_home(home):
    """Two conversations on each of three days, basic."""
    for n, day in enumerate(DAYS):
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
        home.archive.add(
            [
                make_conversation(talk(10 * n + c), conversation_id=f"test:{n}:{c}", at=at)
                for c in range(2)
            ]
        )
        home.pipeline.run_day(day)
    return home


def job(home, vendor, name):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
    providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
    return build_definitions(home.settings, home=home, providers=providers).resolve_job_def(name)


def upgrade(home, vendor, instance, *, tags=None, run_id=None, **config):
    config = {"target_quality": "good", "budget": {"max_tokens": 500_000}} | config
    return job(home, vendor, "upgrade").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_id=run_id,
        run_config={"ops": {"upgrade_chunks": {"config": config}}},
        tags=tags or {},
    )


def materialize(home, vendor, instance, *, tags=None, **config):
    """A materialisation of the three days from the UI, with run config."""
    return job(home, vendor, "initial").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"ops": {"dreaming": {"config": config}}},
        tags={
            "dagster/asset_partition_range_start": DAYS[0].isoformat(),
            "dagster/asset_partition_range_end": DAYS[-1].isoformat(),
            **(tags or {}),
        },
    )


def metadata_of(result):
    """Day -> the metadata of what was logged of `upgraded_chunks` last."""
    found = {}
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key == UPGRADED:
            logged = event.step_materialization_data.materialization
            found[logged.partition] = {name: value.value for name, value in logged.metadata.items()}
    return found


def levels(home):
    found = {}
    for day in DAYS:
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            found[day.isoformat()] = sorted({level for (level,) in chunks.cells("quality_level")})
    return found


def test_the_job_logs_each_day_with_figures_that_are_the_vendors(full_home, vendor, instance):
    """Tokens of all days together are the books'; checks are
    evaluated for each day that changed.
    """
    result = upgrade(full_home, vendor, instance)
    assert result.success
    metadata = metadata_of(result)
    assert set(metadata) == {day.isoformat() for day in DAYS}
    assert (
        sum(each["day_tokens_consumed"] for each in metadata.values())
        == vendor.books.charged_tokens
    )
    for each in metadata.values():
        assert each["tokens_consumed"] == vendor.books.charged_tokens
        assert each["quality_good"] == each["chunks"]
        assert each["quality_before"]["good"] == 0
        assert each["quality_after"] == {"basic": 0, "good": 18, "premium": 0}
        assert (each["llm_provider"], each["llm_model"]) == ("anthropic", "claude-haiku-4-5")
        assert each["budget_left_tokens"] == 500_000 - vendor.books.charged_tokens
        assert each["stopped_by"] == "nothing"
        assert 0 <= each["accuracy_basic_good_pk"] <= 1
        assert "| basic beside good | all | " in each["accuracy"]
        stored = full_home.requests.result(result.dagster_run.run_id)
        assert each["task_result"] | {"days_published": [str(day) for day in DAYS]} == stored
    evaluated = {(e.asset_key, e.partition, e.passed) for e in result.get_asset_check_evaluations()}
    assert evaluated == {(UPGRADED, day.isoformat(), True) for day in DAYS}


def test_a_materialisation_with_run_config_upgrades_its_days(full_home, vendor, instance):
    """The partitioned asset takes the same config as the job; the result is of all that the run
    did.
    """
    late = make_conversation(
        talk(99), conversation_id="test:late", at=datetime(2026, 3, 2, 12, tzinfo=UTC)
    )
    full_home.archive.add([late])
    result = materialize(
        full_home,
        vendor,
        instance,
        target_quality="premium",
        filter="labels CONTAINS 'billing' OR day = 2026-03-01",
        limit=4,
        provider="anthropic",
        model="claude-sonnet-4-5",
        budget={"max_tokens": 100_000, "max_cost_usd": 1.5, "max_duration_seconds": 600},
    )
    assert result.success
    told = full_home.requests.result(result.dagster_run.run_id)
    assert (told["chunks_upgraded"], told["quality_before"]["premium"]) == (4, 0)
    assert told["llm_model"] == "claude-sonnet-4-5"
    assert told["chunks_created"] > told["quality_counts"]["premium"] > 0
    assert told["tokens_consumed"] == vendor.books.charged_tokens
    assert set(told["days_published"]) == {day.isoformat() for day in DAYS}


def test_without_a_target_nothing_is_spent(full_home, vendor, instance):
    """The result of a free run is stored too."""
    result = materialize(full_home, vendor, instance)
    assert result.success
    assert not vendor.books.served
    told = full_home.requests.result(result.dagster_run.run_id)
    assert (told["llm_provider"], told["llm_model"], told["tokens_consumed"]) == (
        "local",
        "rules",
        0,
    )
    assert told["quality_counts"]["basic"] > 0
    assert told["chunks_created"] == 0


def test_what_a_run_did_not_change_is_observed_with_the_reason(full_home, vendor, instance):
    """So that the UI says why nothing was upgraded."""
    result = upgrade(full_home, vendor, instance, filter="labels CONTAINS 'astronomy'")
    [observation] = [
        e.event_specific_data.asset_observation for e in result.all_events if e.is_asset_observation
    ]
    assert observation.metadata["tokens_consumed"].value == 0
    assert metadata_of(result) == {}


@pytest.mark.parametrize(
    "tag", [REQUEST_TAG, "dagster/root_backfill_id", "dagster/backfill", "dagster/root_run_id"]
)
def test_retries_and_the_runs_of_a_backfill_share_one_budget(full_home, vendor, instance, tag):
    """By the first of these tags that a run has: a re-execution is no fresh request, whatever its
    config says.
    """
    budget = {"max_tokens": 4_000}
    first = materialize(
        full_home, vendor, instance, tags={tag: "abc"}, target_quality="good", budget=budget
    )
    assert first.success
    spent = vendor.books.charged_tokens
    assert 0 < spent <= 4_000
    more = {"max_tokens": 10**6}
    again = materialize(
        full_home, vendor, instance, tags={tag: "abc"}, target_quality="good", budget=more
    )
    assert again.success
    assert vendor.books.charged_tokens <= 4_000
    assert full_home.ledger.balance(request_scope("abc")).limit.tokens == 4_000


def test_a_backfill_in_several_runs_is_one_request_with_one_budget(full_home, vendor, instance):
    """As DREAMING_DAYS_A_RUN makes it: each run has days of its own, and all of them what one was
    given.
    """
    published = {}
    for day in DAYS:
        days = dict.fromkeys(
            ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), str(day)
        )
        tags = {"dagster/backfill": "abc", **days}
        result = materialize(
            full_home,
            vendor,
            instance,
            tags=tags,
            target_quality="good",
            budget={"max_tokens": 6_000},
        )
        assert result.success
        published |= metadata_of(result)
    assert 0 < vendor.books.charged_tokens <= 6_000
    assert full_home.ledger.balance(request_scope("abc")).used.tokens == vendor.books.charged_tokens
    assert {each["request_id"] for each in published.values() if "request_id" in each} == {"abc"}


def test_a_run_without_such_a_tag_is_a_request_of_its_own(full_home, vendor, instance):
    """By its run id, which is the root of its later re-executions."""
    result = upgrade(full_home, vendor, instance, budget={"max_tokens": 4_000})
    run_id = result.dagster_run.run_id
    tags = {"dagster/root_run_id": run_id, "dagster/parent_run_id": run_id}
    again = upgrade(full_home, vendor, instance, tags=tags, budget={"max_tokens": 4_000})
    assert again.success
    assert vendor.books.charged_tokens <= 4_000
    assert {each["request_id"] for each in metadata_of(result).values()} == {run_id}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"filter": "quality = basic"}, "There is no column 'quality'"),
        ({"budget": {"max_tokens": 0}}, "max_tokens = 0 allows nothing"),
        ({"budget": {}}, "Nothing bounds what this upgrade may spend"),
        ({"provider": "acme"}, "There is no provider 'acme'"),
        ({"model": "claude-opus-99"}, "is not known to serve a model 'claude-opus-99'"),
    ],
)
def test_what_cannot_be_meant_fails_the_run_with_what_to_do_and_spends_nothing(
    full_home, vendor, instance, config, message
):
    """Before anything is sent; the days stay as they were."""
    before = levels(full_home)
    result = upgrade(full_home, vendor, instance, **config)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert message in failure.step_failure_data.error.to_string()
    assert not vendor.books.served
    assert levels(full_home) == before


def test_a_vendor_that_refuses_the_key_fails_the_run_and_says_so(full_home, instance):
    """What was asked for was not done; nothing was charged."""
    with FakeVendor(answer=answer_about_topics, keys={"sk-another"}) as vendor:
        result = upgrade(full_home, vendor, instance)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "Its key was not accepted" in failure.step_failure_data.user_failure_data.description


NIGHT = datetime(2026, 11, 24, 4, tzinfo=UTC)


@pytest.fixture
def nightly(kept_instance, home, clock):
    """The tick of a nightly schedule."""
    definitions = build_definitions(home.settings, clock=clock)

    def tick(moment=NIGHT, name="upgrade_nightly"):
        context = dg.build_schedule_context(
            instance=kept_instance,
            scheduled_execution_time=moment,
            repository_def=definitions.get_repository_def(),
        )
        return definitions.resolve_schedule_def(name).evaluate_tick(context)

    return tick


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


def set_keys(monkeypatch, environment):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


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


def is_observation(event):
    return event.event_type_value == "ASSET_OBSERVATION"


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
