"""Tasks: the user's front door in Python."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest

from dagster_project.building import build_definitions
from dagster_project.instance import open_instance
from dagster_project.launches import launch_of
from dagster_project.scheduler import Scheduler
from dreaming import DreamingTaskResult, Task, TaskPriority, TaskResources, TaskType
from dreaming.days import Calendar
from dreaming.errors import TaskFailed, UsageError
from dreaming.home import open_home
from dreaming.settings import Settings, parse_zone
from dreaming.testing import make_conversation
from tests.builders import served_now, talk

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(2)]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALENDAR = Calendar(parse_zone("UTC"), date(2010, 1, 1))


@pytest.fixture
def settings(tmp_path, monkeypatch, vendor) -> Settings:
    """A home with two days, and a key for a fake vendor."""
    environment = {
        "DREAMING_HOME": str(tmp_path / "home"),
        "DREAMING_TIMEZONE": "UTC",
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "ANTHROPIC_API_KEY": "sk-fake",
        "ANTHROPIC_BASE_URL": vendor.url,
        "DREAMING_LOCAL_URL": "http://127.0.0.1:9/v1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_environment()
    with open_home(settings) as home:
        for n, day in enumerate(DAYS):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            home.archive.add([make_conversation(talk(n), conversation_id=f"test:{n}", at=at)])
    return settings


def execute(settings, **task):
    return asyncio.run(Scheduler(settings).execute_task(Task(**task)))


def test_the_asked_for_flow_from_python(settings, vendor):
    """Day 1 basic for free; day 2 good from leftover quota; day 30 premium by label: each awaited
    for its result.
    """
    span = {"mode": "full_day", "first_date": "2026-03-01", "last_date": "2026-03-02"}
    first = execute(
        settings, id="dreaming_daily", config=span, resources=TaskResources(llm_provider="local")
    )
    assert first.quality_counts["basic"] == first.chunks_created > 0
    assert (first.tokens_consumed, first.estimated_cost_usd, first.days_published) == (
        0,
        Decimal(0),
        ["2026-03-01", "2026-03-02"],
    )
    haiku = TaskResources(llm_provider="anthropic", model="claude-haiku-3-5", max_tokens=50_000)
    asked = {"mode": "upgrade", "filter": "needs_upgrade=true", "limit": 50}
    second = execute(
        settings, id="upgrade", priority=TaskPriority.LOW, config=asked, resources=haiku
    )
    assert second.quality_counts["good"] == second.chunks_created > 0
    assert second.tokens_consumed == vendor.books.charged_tokens > 0
    sonnet = TaskResources(llm_provider="anthropic", model="claude-sonnet-4-5", max_tokens=100_000)
    asked = {"mode": "upgrade", "filter": "labels CONTAINS 'billing'", "target_quality": "premium"}
    third = execute(
        settings, id="premium", priority=TaskPriority.HIGH, config=asked, resources=sonnet
    )
    assert third.quality_counts["premium"] == third.chunks_upgraded == 2
    assert third.llm_model == served_now("claude-sonnet-4-5")
    assert second.tokens_consumed + third.tokens_consumed == vendor.books.charged_tokens
    with open_instance(settings) as instance:
        tags = [run.tags for run in instance.get_runs()]
    assert [(run["dreaming/task"], run["dagster/priority"]) for run in tags] == [
        ("premium", "10"),
        ("upgrade", "-10"),
        ("dreaming_daily", "0"),
    ]


def test_a_full_day_with_a_cloud_provider_is_upgraded_to_what_its_model_gives(settings, vendor):
    """In the same run."""
    resources = TaskResources(llm_provider="anthropic", max_tokens=50_000, max_duration_seconds=300)
    result = execute(
        settings,
        id="day",
        config={"mode": "full_day", "target_date": "2026-03-01"},
        resources=resources,
    )
    assert result.quality_counts["basic"] == 0 < result.quality_counts["good"]
    assert result.quality_before == {"basic": 0, "good": 0, "premium": 0}
    assert result.tokens_consumed == vendor.books.charged_tokens
    assert result.budget["limit_tokens"] == 50_000


def test_a_task_becomes_a_run_with_its_priority_its_time_limit_and_its_config():
    """By the day that ended before it where it names none."""
    task = Task(
        id="t",
        type=TaskType.DREAMING,
        priority=TaskPriority.HIGH,
        resources=TaskResources(
            llm_provider="openai",
            model="gpt-4o-mini",
            max_tokens=9,
            max_cost_usd=Decimal("1.5"),
            max_duration_seconds=60,
        ),
    )
    launch, days = launch_of(task, "abc", CALENDAR, now=NOW)
    assert days == [date(2026, 11, 22)]
    assert launch.job_name == "initial"
    assert launch.tags == {
        "dreaming/submission": "abc",
        "dreaming/task": "t",
        "dreaming/stage": "initial",
        "dagster/priority": "10",
        "dagster/max_runtime": "360",
        "dagster/asset_partition_range_start": "2026-11-22",
        "dagster/asset_partition_range_end": "2026-11-22",
    }
    budget = {"max_tokens": 9, "max_cost_usd": 1.5, "max_duration_seconds": 60}
    assert launch.config["ops"]["dreaming"]["config"] == {
        "target_quality": "good",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "budget": budget,
    }


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"id": ""}, "The task has no id"),
        (
            {"config": {"mode": "half_day"}},
            "mode = 'half_day' is none. Choose full_day or upgrade.",
        ),
        (
            {"config": {"mode": "upgrade", "filtre": "x"}},
            "filtre: Extra inputs are not permitted. The config of upgrade",
        ),
        ({"config": {"mode": "full_day", "target_date": "2026-02-31"}}, "target_date: "),
        (
            {"config": {"mode": "full_day", "first_date": "2026-02-03"}},
            "first_date and last_date go together",
        ),
    ],
)
def test_a_task_that_cannot_be_meant_is_refused_at_once(task, message):
    """When it is made."""
    with pytest.raises(UsageError) as error:
        Task(**({"id": "t"} | task))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            {"config": {"mode": "upgrade", "filter": "quality = basic"}},
            "There is no column 'quality'",
        ),
        ({"config": {"mode": "upgrade", "limit": 0}}, "limit = 0 allows nothing"),
        ({"config": {"mode": "full_day", "target_date": "2027-01-01"}}, "has not begun"),
        ({"config": {"mode": "full_day", "target_quality": "good"}}, "needs a cloud provider"),
        (
            {"resources": TaskResources(llm_provider="anthropic", model="claude-9")},
            "is not known to serve a model",
        ),
        ({"resources": TaskResources(llm_provider="acme")}, "There is no provider 'acme'"),
    ],
)
def test_what_no_run_could_do_is_refused_before_there_is_one(task, message):
    """Dagster would say it minutes later, in a run."""
    with pytest.raises(UsageError) as error:
        launch_of(Task(**({"id": "t"} | task)), "abc", CALENDAR, now=NOW)
    assert message in str(error.value)


def test_a_task_is_kept_as_json_and_is_itself_again():
    """With its time, money and config."""
    task = Task(
        id="t",
        priority=TaskPriority.LOW,
        schedule=datetime(2026, 2, 14, 3),  # noqa: DTZ001 # as a user writes it
        config={"mode": "upgrade", "filter": "needs_upgrade=true", "limit": 3},
        resources=TaskResources(llm_provider="anthropic", max_cost_usd=Decimal("0.25")),
    )
    again = Task.from_json(task.as_json())
    assert again.schedule == datetime(2026, 2, 14, 3, tzinfo=UTC)
    assert (again.work(), again.resources, again.priority) == (
        task.work(),
        task.resources,
        task.priority,
    )


def test_a_task_with_a_time_is_kept_and_started_by_the_sensor_when_it_has_come(
    settings, kept_instance
):
    """Requested until its run is there, then started; what was canceled is never started."""
    now = datetime.now(UTC)
    at = now + timedelta(hours=1)
    asked = {"mode": "upgrade", "filter": "needs_upgrade=true"}
    resources = TaskResources(llm_provider="anthropic", max_tokens=50_000)
    scheduler = Scheduler(settings)
    submitted = scheduler.submit(Task(id="later", schedule=at, config=asked, resources=resources))
    canceled = scheduler.submit(Task(id="never", schedule=at, config=asked, resources=resources))
    assert submitted.run_id is None
    canceled.cancel()
    with pytest.raises(UsageError, match="it was started or canceled before"):
        canceled.cancel()
    with pytest.raises(TaskFailed, match="was canceled before its time"):
        asyncio.run(canceled.result())

    def tick(moment):
        definitions = build_definitions(settings, clock=lambda: moment)
        context = dg.build_sensor_context(
            instance=kept_instance, repository_def=definitions.get_repository_def()
        )
        return definitions.resolve_sensor_def("tasks").evaluate_tick(context).run_requests

    assert tick(now) == []
    [request] = tick(at)
    assert [again.run_key for again in tick(at)] == [request.run_key]
    assert (request.job_name, request.tags["dreaming/submission"]) == (
        "upgrade",
        submitted.submission_id,
    )
    job = build_definitions(settings).resolve_job_def("upgrade")
    with open_instance(settings) as own_instance:
        for instance in (kept_instance, own_instance):
            instance.create_run_for_job(job, run_config=request.run_config, tags=request.tags)
    with pytest.raises(UsageError, match="was started before"):
        submitted.cancel()
    assert tick(at) == []


def test_results_of_several_runs_are_one():
    """As those of a backfill's runs are."""
    parts = [
        DreamingTaskResult(
            chunks_created=n,
            tokens_consumed=10 * n,
            quality_counts={"basic": 1, "good": n},
            days_published=[f"{n}"],
        )
        for n in (1, 2)
    ]
    whole = DreamingTaskResult.of_all(parts)
    assert (whole.chunks_created, whole.tokens_consumed, whole.days_published) == (
        3,
        30,
        ["1", "2"],
    )
    assert whole.quality_counts == {"basic": 2, "good": 3}
