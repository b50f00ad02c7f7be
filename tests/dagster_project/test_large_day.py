"""A huge day as a run that fans out: the same partitions, events and figures as in one piece."""

import json
import signal
import sys
from dataclasses import replace

import dagster as dg
import pytest

from dagster_project.building import build_definitions
from dagster_project.executors import EXECUTORS, build_executor
from dagster_project.instance import open_instance
from dreaming.errors import ConfigurationError
from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.storage.partitions import SHARDS
from tests.dagster_project.test_runs import dreaming, settings, start, wait_for  # noqa: F401 # a fixture
from tests.pipeline.test_sharding import DAY, talks

TALKS = 8


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def job(home, name):
    in_process = replace(home.settings, executor="in_process")
    return build_definitions(in_process, home=home).resolve_job_def(name)


def run(home, instance, name, config, **options):
    result = job(home, name).execute_in_process(
        instance=instance, run_config={"ops": config}, raise_on_error=False, **options
    )
    assert result.success
    return result


def logged(result):
    """What is shown of the day: each asset's metadata without times, each check's outcome."""
    found = {}
    for event in result.all_events:
        if event.is_step_materialization:
            materialization = event.step_materialization_data.materialization
            shown = {name: value.value for name, value in materialization.metadata.items()}
            shown = {
                name: value
                for name, value in shown.items()
                if "second" not in name and name != "path"
            }
            found[event.asset_key.to_user_string(), materialization.partition] = shown
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            found[
                evaluation.check_name, evaluation.asset_key.to_user_string(), evaluation.partition
            ] = (
                evaluation.passed,
                evaluation.blocking,
            )
    return found


@pytest.mark.long
def test_the_run_logs_what_a_run_in_one_piece_logs(home, instance):
    """The same materialisations, metadata and check results, and the same result of the run."""
    home.archive.add(talks(TALKS))
    shown = {}
    for name, config in (
        ("dream_days", {"dream_each_day": {"config": {"days": [DAY.isoformat()]}}}),
        (
            "dream_large_day",
            {"gather_large_day": {"config": {"day": DAY.isoformat(), "shards": 2}}},
        ),
    ):
        result = run(home, instance, name, config)
        stored = home.requests.result(result.run_id)
        assert stored["days_published"] == [DAY.isoformat()]
        shown[name] = logged(result), stored["chunks_created"], stored["quality_counts"]
        hashes = [home.store.hash_of(asset, DAY) for asset in ("basic_chunks", "upgraded_chunks")]
        shown[name] += (hashes,)
        home.store.clear_shards(DAY)
        (home.settings.home / "partitions" / "basic_chunks" / f"{DAY}.parquet").unlink()
    assert shown["dream_large_day"] == shown["dream_days"]
    steps = [event.step_key for event in result.all_events if event.is_step_success]
    assert [step for step in steps if step.startswith("cut_")] == [
        "cut_large_day[0_of_2]",
        "cut_large_day[1_of_2]",
    ]


@pytest.mark.long
def test_the_command_cuts_a_day_in_processes_of_this_machine(settings):  # noqa: F811
    """In a run that the UI shows, signed for while it is made; --shards wants a day."""
    with open_home(settings) as home:
        home.archive.add(talks(TALKS))
    made = dreaming("run", "--day", DAY.isoformat(), "--shards", "2", "--json")
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    summary = json.loads(made.stdout)
    with open_home(settings) as home, home.store.open_chunks("upgraded_chunks", DAY) as chunks:
        assert summary["chunks"] == chunks.row_count == summary["quality"]["basic"]
    with open_instance(settings) as instance:
        [found] = instance.get_runs()
        assert (found.run_id, found.job_name) == (summary["run"]["run_id"], "dream_large_day")
        assert found.status == dg.DagsterRunStatus.SUCCESS
        assert found.tags["dagster/max_retries"] == "0"
        assert instance.get_materialized_partitions(dg.AssetKey("memory_index")) == {
            DAY.isoformat()
        }
    refused = dreaming("run", "--shards", "2")
    assert refused.returncode == 2
    assert "give it with --day" in refused.stderr


@pytest.mark.long
def test_an_interrupted_run_is_canceled_and_the_next_one_does_the_day(settings):  # noqa: F811
    """Its processes end with it, and what they had cut is not in the way."""
    with open_home(settings) as home:
        home.archive.add(talks(3 * TALKS))
    process = start("run", "--day", DAY.isoformat(), "--shards", "3", "--json")
    wait_for(lambda: (settings.home / "partitions" / SHARDS).exists())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    with open_instance(settings) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    assert dreaming("run", "--day", DAY.isoformat(), "--shards", "3").returncode == 0
    with open_home(settings) as home:
        assert home.store.days("upgraded_chunks") == [DAY]
    assert list((settings.home / "partitions" / SHARDS).iterdir()) == []


@pytest.mark.parametrize("name", list(EXECUTORS))
def test_every_executor_can_be_chosen(home, name):
    """The definitions load with it, and its job has it."""
    definitions = build_definitions(replace(home.settings, executor=name), home=home)
    dg.Definitions.validate_loadable(definitions)
    assert (
        definitions.resolve_job_def("dream_large_day").executor_def.name
        == build_executor(name).name
    )


def test_an_executor_whose_extra_is_missing_says_what_to_install(monkeypatch):
    """And none that is unknown is taken."""
    monkeypatch.setitem(sys.modules, "dagster_k8s", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'dreaming\[k8s\]'"):
        build_executor("k8s")
    with pytest.raises(ConfigurationError, match="in_process, multiprocess, celery, docker, k8s"):
        Settings.from_environment({"DREAMING_EXECUTOR": "slurm"})


def test_a_backfill_is_one_run_or_runs_of_so_many_days(home):
    """By DREAMING_DAYS_A_RUN."""
    for days, policy in (
        (None, dg.BackfillPolicy.single_run()),
        (7, dg.BackfillPolicy.multi_run(7)),
    ):
        graph = build_definitions(
            replace(home.settings, days_a_run=days), home=home
        ).resolve_asset_graph()
        assert graph.get(dg.AssetKey("basic_chunks")).backfill_policy == policy
    for wrong in ("0", "-1", "many"):
        with pytest.raises(ConfigurationError, match="DREAMING_DAYS_A_RUN"):
            Settings.from_environment({"DREAMING_DAYS_A_RUN": wrong})
