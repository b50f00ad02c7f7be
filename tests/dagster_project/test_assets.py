"""The assets as Dagster runs them: one day, a range, a subset, a day that fails."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

import assets
from dagster_project.building import build_definitions
from dreaming.chunking.rules import RulesChunker
from dreaming.errors import StorageError
from dreaming.home import Home, open_home
from dreaming.testing import make_conversation, make_settings

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(5)]
KEYS = ("raw_conversations", "basic_chunks", "upgraded_chunks", "memory_index")
CHECKS = {
    "basic_chunks.verbatim",
    "basic_chunks.size_bounds",
    "upgraded_chunks.verbatim",
    "upgraded_chunks.accuracy",
    "memory_index.nothing_lost",
}


def fill(home: Home) -> None:
    """A conversation on each of the days but the third."""
    for n, day in enumerate(DAYS):
        if n != 2:
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            home.archive.add(
                [make_conversation([f"day {n}", "indeed"], conversation_id=f"test:{n}", at=at)]
            )


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def run(home, instance, *, first=DAYS[0], last=DAYS[-1], selection=None, config=None):
    """A run over a range of days, as a single-run backfill makes it."""
    job = build_definitions(home.settings, home=home).resolve_job_def("initial")
    return job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(key) for key in selection] if selection else None,
        run_config={"ops": {"dreaming": {"config": config or {}}}},
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


def materialized(instance, key):
    return set(instance.get_materialized_partitions(dg.AssetKey(key)))


def checks(result):
    """Check -> days -> passed."""
    found = {}
    for event in result.get_asset_check_evaluations():
        name = f"{event.asset_key.to_user_string()}.{event.check_name}"
        found.setdefault(name, {})[event.partition] = event.passed
    return found


def chunks_of(home, asset="upgraded_chunks"):
    """All chunks, their time of creation apart."""
    found = []
    for day in home.store.days(asset):
        with home.store.open_chunks(asset, day) as partition:
            found += [replace(chunk, created_at=datetime.min) for chunk in partition.rows()]  # noqa: DTZ901
    return found


def test_the_top_level_packages_are_ours():
    """`assets` is a common name."""
    assert assets.__file__.replace("\\", "/").endswith("/assets/__init__.py")
    assert "memory_index.py" in (assets.__doc__ or "")


def test_the_definitions_load_and_name_four_assets_over_days_and_the_segmenter(home):
    """With checks, jobs, schedules and sensors."""
    definitions = build_definitions(home.settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == {*KEYS, "segmenter"}
    assert {f"{k.asset_key.to_user_string()}.{k.name}" for k in graph.asset_check_keys} == CHECKS
    assert graph.get(dg.AssetKey("basic_chunks")).parent_keys == {dg.AssetKey("raw_conversations")}
    assert graph.get(dg.AssetKey("segmenter")).description
    for key in map(dg.AssetKey, KEYS):
        assert graph.get(key).description
        assert graph.get(key).partitions_def.get_first_partition_key() == "2010-01-01"
    assert {job.name for job in definitions.resolve_all_job_defs()} >= {
        "initial",
        "dream_days",
        "import_watched_folders",
    }


def test_a_range_materializes_every_day_of_every_asset(home, instance):
    """The empty day too, and each day has its own check results."""
    fill(home)
    result = run(home, instance)
    assert result.success
    expected = {day.isoformat() for day in DAYS}
    assert all(materialized(instance, key) == expected for key in KEYS)
    assert checks(result) == {name: dict.fromkeys(expected, True) for name in CHECKS}


@pytest.mark.long
def test_a_range_and_a_run_a_day_give_the_same_chunks(tmp_path, instance):
    """Ids, texts, metadata: everything but the time of creation, over 30 days of a long
    conversation.
    """
    said = [f"What about part {n} of the harbour? " * 12 for n in range(60)]
    talk = make_conversation(said, at=datetime(2026, 3, 1, 9, tzinfo=UTC), step=timedelta(hours=12))
    days = [DAYS[0] + timedelta(days=n) for n in range(30)]
    with (
        open_home(make_settings(tmp_path / "range")) as one,
        open_home(make_settings(tmp_path / "days")) as many,
    ):
        for home in (one, many):
            home.archive.add([talk])
        assert run(one, instance, last=days[-1]).success
        for day in reversed(days):
            assert run(many, instance, first=day, last=day).success
        assert chunks_of(one) == chunks_of(many)
        assert chunks_of(one, "basic_chunks") == chunks_of(many, "basic_chunks")
        assert len(chunks_of(one)) >= 30


def test_metadata_says_what_a_day_holds(home, instance):
    """Numbers that plot, distributions as JSON and as a Markdown table."""
    fill(home)
    result = run(home, instance, last=DAYS[0])
    by_key = {
        event.asset_key.to_user_string(): event
        for event in result.asset_materializations_for_node("dreaming")
    }
    raw = {name: value.value for name, value in by_key["raw_conversations"].metadata.items()}
    assert (raw["conversations"], raw["messages"], raw["characters"]) == (1, 2, 11)
    chunks = {name: value.value for name, value in by_key["upgraded_chunks"].metadata.items()}
    assert (chunks["chunks"], chunks["quality_basic"], chunks["quality_good"]) == (1, 1, 0)
    assert chunks["quality_distribution"] == {"basic": 1, "good": 0, "premium": 0}
    assert "| basic | 1 | 100% |" in chunks["quality"]
    assert "| 0-49 | 1 |" in chunks["tokens_histogram"]
    assert chunks["seconds"] >= 0
    assert "dagster/data_version" in by_key["basic_chunks"].tags


class BadOnOneDay(RulesChunker):
    """Fails on the second day."""

    def chunk(self, day, *, created_at):
        """Fail, or cut."""
        if day.day == DAYS[1]:
            raise StorageError("disk full")
        return super().chunk(day, created_at=created_at)


def test_a_day_that_fails_leaves_the_others_alone_and_the_run_names_it(tmp_path, instance):
    """It is not published, and not called materialized."""
    with open_home(make_settings(tmp_path), chunker=BadOnOneDay()) as home:
        fill(home)
        result = run(home, instance)
        assert not result.success
        failure = next(event for event in result.all_events if event.is_step_failure)
        assert failure.step_failure_data.user_failure_data.description == "2026-03-02: disk full"
        others = {day.isoformat() for day in DAYS if day != DAYS[1]}
        assert materialized(instance, "memory_index") == others
        assert materialized(instance, "basic_chunks") == others
        assert home.archive.pending_days() == [DAYS[1]]
        assert {chunk.conversation_id for chunk in chunks_of(home)} == {
            "test:0",
            "test:3",
            "test:4",
        }


class LosesText(RulesChunker):
    """Would break law 1."""

    def chunk(self, day, *, created_at):
        """Cut, and lose."""
        return super().chunk(day, created_at=created_at)[1:]


def test_chunks_that_lose_text_fail_the_day(tmp_path, instance):
    """Before anything is written."""
    with open_home(make_settings(tmp_path), chunker=LosesText()) as home:
        fill(home)
        assert not run(home, instance, last=DAYS[0]).success
        assert home.store.days("basic_chunks") == []


def test_the_verbatim_check_is_a_witness_of_what_was_written(home, instance):
    """A partition that was changed behind our back fails its check, and the day stops there."""
    fill(home)
    run(home, instance, last=DAYS[0])
    with home.store.open_chunks("basic_chunks", DAYS[0]) as chunks:
        altered = [replace(chunk, content=chunk.content.upper()) for chunk in chunks.rows()]
        notes = chunks.notes
    home.store.write_chunks("basic_chunks", DAYS[0], altered, notes=notes)
    result = run(home, instance, last=DAYS[0], selection=["upgraded_chunks"])
    assert not result.success


def test_a_subset_of_the_assets_can_be_run(home, instance):
    """For example only what comes after chunking."""
    fill(home)
    assert run(
        home, instance, last=DAYS[0], selection=["raw_conversations", "basic_chunks"]
    ).success
    assert materialized(instance, "basic_chunks") == {"2026-03-01"}
    assert materialized(instance, "upgraded_chunks") == set()
    assert run(home, instance, last=DAYS[0], selection=["upgraded_chunks", "memory_index"]).success
    assert home.memory.search("day 0")


def test_run_config_that_is_wrong_is_refused(home, instance):
    """Naming what is possible."""
    with pytest.raises(dg.DagsterInvalidConfigError, match="rechunk"):
        run(home, instance, config={"rechunk": "sometimes"})


def test_the_nightly_schedule_runs_the_day_that_ended(kept_instance, home, clock):
    """At 03:00 in the pinned time zone, once a day, only changing what changed."""
    definitions = build_definitions(home.settings, clock=clock)
    schedule = definitions.resolve_schedule_def("initial_nightly")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "UTC")
    moment = datetime(2026, 11, 23, 3, tzinfo=UTC)
    context = dg.build_schedule_context(
        instance=kept_instance,
        scheduled_execution_time=moment,
        repository_def=definitions.get_repository_def(),
    )
    [request] = schedule.evaluate_tick(context).run_requests
    assert request.run_key == "2026-11-22"
    assert {request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")} == {
        "2026-11-22"
    }
    assert request.run_config == {"ops": {"dreaming": {"config": {"rechunk": "changed"}}}}


def test_the_imports_sensor_runs_the_days_that_imports_touched(kept_instance, home):
    """In one run, once for each state of the news; late arrivals included."""
    fill(home)
    definitions = build_definitions(home.settings)
    sensor = definitions.resolve_sensor_def("imports")

    def tick():
        context = dg.build_sensor_context(
            instance=kept_instance, repository_def=definitions.get_repository_def()
        )
        return sensor.evaluate_tick(context).run_requests

    [first] = tick()
    config = first.run_config["ops"]["dream_each_day"]["config"]
    days = ["2026-03-01", "2026-03-02", "2026-03-04", "2026-03-05"]
    assert config == {"days": days, "rechunk": "changed", "engine": "rules"}
    assert [request.run_key for request in tick()] == [first.run_key]
    for day in home.archive.pending_days():
        home.pipeline.run_day(day)
    assert tick() == []
    late = make_conversation(
        ["late"], conversation_id="test:late", at=datetime(2026, 3, 1, 23, tzinfo=UTC)
    )
    home.archive.add([late])
    [again] = tick()
    assert again.run_config["ops"]["dream_each_day"]["config"]["days"] == ["2026-03-01"]
    assert again.run_key != first.run_key
