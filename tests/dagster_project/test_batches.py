"""Batches as people meet them: by command, by sensor, in the UI's metadata, and over a restart of
everything.
"""

import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest
from click.testing import CliRunner

from dagster_project.building import build_definitions
from dagster_project.cli import cli
from dagster_project.instance import open_instance
from dagster_project.launches import Launch
from dreaming.home import open_home, utc_now
from dreaming.settings import Settings
from dreaming.spending.budgets import Limit
from dreaming.storage.requests import UpgradeRequest
from dreaming.testing import make_conversation
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import talk
from tests.dagster_project.ui import ask, serving, wait_until

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(3)]
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
SELECTOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "dreaming",
    "pipelineName": "upgrade",
}


@pytest.fixture
def settings(tmp_path, monkeypatch, vendor):
    """A home of three days, basic, and a key for a fake vendor."""
    for name, value in {
        "DREAMING_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "DREAMING_TIMEZONE": "UTC",
        "ANTHROPIC_API_KEY": "sk-fake",
        "ANTHROPIC_BASE_URL": vendor.url,
    }.items():
        monkeypatch.setenv(name, value)
    found = Settings.from_environment()
    with open_home(found) as home:
        for n, day in enumerate(DAYS):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            home.archive.add([make_conversation(talk(n), conversation_id=f"test:{n}", at=at)])
            home.pipeline.run_day(day)
    return found


def command(*arguments, exit_code=0):
    """What the command says, however wide the terminal is."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, (result.output, result.stderr)
    return " ".join(result.stdout.split())


def levels(settings):
    """Of the chunks of each day."""
    found = []
    with open_home(settings) as home:
        for day in DAYS:
            with home.store.open_chunks("upgraded_chunks", day) as chunks:
                found.append({level for (level,) in chunks.cells("quality_level")})
    return found


@pytest.mark.long
def test_an_upgrade_in_batches_by_command(settings, vendor):
    """Given, shown as pending with its cost, collected, and not again."""
    vendor.batches.held = True
    given = json.loads(
        command(
            "upgrade", "--quality", "good", "--max-tokens", 100_000, "--delivery", "batch", "--json"
        )
    )["result"]
    assert (given["pending"]["calls"], given["stopped"]) == (3, None)
    shown = command("status")
    assert "3 calls at anthropic since" in shown
    assert "next: dreaming collect" in shown
    assert json.loads(command("status", "--json"))["pending"] == [given["pending"]]
    waits = json.loads(command("collect", "--json"))
    assert (waits["collected"], waits["pending"]) == ([], [given["pending"]])
    assert "3 calls at anthropic since" in command("collect")
    vendor.batches.held = False
    told = command("collect")
    assert "upgraded" in told
    assert "the plan is done" in told
    assert levels(settings) == [{"good"}] * 3
    assert "Nothing waits at a vendor." in command("collect")
    [record] = json.loads(command("ledger", "--json"))["spending"]
    assert record["tokens"] == vendor.books.charged_tokens
    at_most = Decimal(given["pending"]["at_most_cost_usd"])
    assert 0 < Decimal(record["cost_usd"]) < at_most


@pytest.mark.long
def test_what_waits_is_called_off_and_goes_on_at_once(settings, vendor):
    """By request; its terms stay, the delivery may change."""
    vendor.batches.held = True
    given = json.loads(
        command(
            "upgrade", "--quality", "good", "--max-tokens", 100_000, "--delivery", "batch", "--json"
        )
    )["result"]
    command("collect", "--cancel", given["request_id"])
    assert json.loads(command("status", "--json"))["pending"] == []
    assert vendor.books.charged_tokens == 0
    went_on = json.loads(
        command("upgrade", "--resume", given["request_id"], "--delivery", "now", "--json")
    )["result"]
    assert went_on["chunks_upgraded"] == 9
    assert levels(settings) == [{"good"}] * 3
    assert command("collect", "--cancel", "unknown", exit_code=2) == ""


@pytest.mark.usefixtures("settings")
def test_a_dry_run_knows_both_prices():
    """Half of it, to the picodollar."""
    costs = {}
    for delivery in ("now", "batch"):
        told = json.loads(
            command("upgrade", "--quality", "good", "--delivery", delivery, "--dry-run", "--json")
        )
        assert told["delivery"] == delivery
        costs[delivery] = [Decimal(told[f"{name}_cost_usd"]) for name in ("expected", "worst")]
    assert costs["now"] == [2 * cost for cost in costs["batch"]]
    assert costs["batch"][0] > 0


@contextmanager
def tick_of_batches(settings, at=None):
    with open_home(settings) as home, open_instance(settings) as instance:
        definitions = build_definitions(
            settings, home=home, clock=utc_now if at is None else lambda: at
        )
        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        yield (
            home,
            instance,
            definitions,
            definitions.resolve_sensor_def("batches").evaluate_tick(context),
        )


@pytest.mark.long
def test_the_sensor_waits_for_the_vendor_and_asks_for_a_run_that_collects(settings, vendor):
    """Once for what has come; the run logs each changed day, with what is pending or was paid."""
    vendor.batches.held = True
    given = json.loads(
        command(
            "upgrade", "--quality", "good", "--max-tokens", 100_000, "--delivery", "batch", "--json"
        )
    )
    with open_instance(settings) as instance:
        [observed] = instance.fetch_observations(dg.AssetKey("upgraded_chunks"), limit=10).records
        shown = observed.asset_observation.metadata
        assert shown["pending_calls"].value == 3
        assert (
            0 < shown["pending_cost_usd_expected"].value < shown["pending_cost_usd_at_most"].value
        )
        assert shown["pending_since"].value > 0
    with tick_of_batches(settings) as (_, _, _, tick):
        assert not tick.run_requests
        assert tick.skip_message == "3 calls wait at vendors."
    vendor.batches.held = False
    with tick_of_batches(settings) as (home, instance, definitions, tick):
        [request] = tick.run_requests
        assert request.tags["dreaming/request"] == given["result"]["request_id"]
        result = definitions.resolve_job_def("upgrade").execute_in_process(
            instance=instance, run_config=request.run_config, tags=request.tags
        )
        assert result.success
        done = {
            event.partition: event.step_materialization_data.materialization.metadata
            for event in result.filter_events(lambda event: event.is_step_materialization)
        }
        assert set(done) == {str(day) for day in DAYS}
        assert (
            sum(each["day_tokens_consumed"].value for each in done.values())
            == vendor.books.charged_tokens
        )
        assert not home.batches.pending()
    with tick_of_batches(settings) as (_, _, _, tick):
        assert tick.skip_message == "Nothing waits at a vendor."


@pytest.mark.long
def test_what_could_not_be_collected_is_tried_again_every_hour(settings, vendor):
    """Not every minute: the sensor asks for one run an hour and for each piece of news, of the
    request that has it.
    """
    command("upgrade", "--quality", "good", "--max-tokens", 100_000, "--delivery", "batch")
    vendor.batches.has_results = False
    assert "404" in command("collect", exit_code=1)
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    keys = []
    for minutes in (0, 1, 60):
        with tick_of_batches(settings, at=noon + timedelta(minutes=minutes)) as (_, _, _, tick):
            keys += [request.run_key for request in tick.run_requests]
    assert keys[0] == keys[1] != keys[2]
    vendor.batches.has_results = True
    command("collect")
    assert levels(settings) == [{"good"}] * 3


@pytest.mark.parametrize("asked", ["now", "batch", None])
def test_what_is_left_of_a_collected_request_comes_in_batches(asked):
    """As what came, whatever the request said at first: `--resume --delivery batch` says it for
    what is left.
    """
    terms = UpgradeTerms(target_quality="good", max_tokens=100_000, delivery=asked)
    launch = Launch.of_collecting(
        UpgradeRequest("R", terms, datetime(2026, 3, 1, tzinfo=UTC), None)
    )
    assert launch.config["ops"]["upgrade_chunks"]["config"]["delivery"] == "batch"


@pytest.mark.usefixtures("settings")
def test_a_plan_prefers_batches_where_nothing_is_urgent(monkeypatch):
    """At the vendor's own server, unless the time is too short or somebody says otherwise; for the
    same gain.
    """
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    told = json.loads(command("plan", "--max-tokens", 100_000, "--json"))
    assert told["chosen"]["terms"]["delivery"] == "batch"
    offered = {model["delivery"]: model["within_limits"] for model in told["situation"]["models"]}
    assert Decimal(offered["now"]["cost_usd"]) == 2 * Decimal(offered["batch"]["cost_usd"])
    assert offered["now"]["gain"] == offered["batch"]["gain"]
    assert offered["batch"]["minutes"] == 1440
    assert "in batches, within a day, at half the price" in command("plan", "--max-tokens", 100_000)
    soon = json.loads(
        command("plan", "--max-tokens", 100_000, "--max-duration-seconds", 3600, "--json")
    )
    assert soon["chosen"]["terms"]["delivery"] == "now"
    asked = json.loads(command("plan", "--max-tokens", 100_000, "--delivery", "now", "--json"))
    assert asked["chosen"]["terms"]["delivery"] == "now"


@pytest.mark.parametrize(("told", "expected"), [(None, "batch"), ("now", "now")])
def test_the_night_prefers_batches_unless_it_is_told_otherwise(
    settings, monkeypatch, told, expected
):
    """`DREAMING_NIGHTLY_DELIVERY`."""
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    if told:
        monkeypatch.setenv("DREAMING_NIGHTLY_DELIVERY", told)
    night = datetime(2026, 11, 24, 4, tzinfo=UTC)
    settings = Settings.from_environment()
    with open_home(settings) as home, open_instance(settings) as instance:
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=50_000))
        definitions = build_definitions(settings, home=home, clock=lambda: night)
        schedule, repository = (
            definitions.resolve_schedule_def("upgrade_nightly"),
            definitions.get_repository_def(),
        )
        # Closed before the instance is, which it enters.
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=night, repository_def=repository
        ) as context:
            [request] = schedule.evaluate_tick(context).run_requests
    assert request.run_config["ops"]["upgrade_chunks"]["config"]["delivery"] == expected


@pytest.mark.long
def test_a_batch_outlives_a_restart_of_everything_and_is_collected_then(settings, vendor, tmp_path):
    """Asked for in the UI, which ends with its daemon; the vendor answers; a new UI's sensor
    collects.
    """
    vendor.batches.held = True
    config = {"target_quality": "good", "delivery": "batch", "budget": {"max_tokens": 100_000}}
    params = {
        "selector": SELECTOR,
        "runConfigData": json.dumps({"ops": {"upgrade_chunks": {"config": config}}}),
    }
    with serving(tmp_path / "first.log") as (port, _):
        run = ask(port, LAUNCH, params=params)["launchRun"]["run"]["runId"]
        wait_until(lambda: ask(port, RUN, id=run)["runOrError"]["status"] == "SUCCESS", 120)
        assert len(vendor.batches.all) == 1
    assert levels(settings) == [{"basic"}] * 3
    vendor.batches.held = False
    with serving(tmp_path / "second.log"):
        wait_until(lambda: levels(settings) == [{"good"}] * 3, 180)
    assert len(vendor.books.served) == 3
    with open_home(settings) as home:
        assert home.batches.pending() == []
        assert home.ledger.spending("request", limit=5)[0]["tokens"] == vendor.books.charged_tokens
