"""Celery as it is deployed: a run on one worker, the shards of its day on another, through Redis
and PostgreSQL.
"""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest

from benchmarks.fleet_machines import process, redis, redis_server, script, worker
from dagster_project.executors import STEP_QUEUE
from dagster_project.webserver import WORKSPACE
from dreaming.home import open_home
from dreaming.settings import Settings
from tests.dagster_project.test_runs import dreaming, wait_for
from tests.pipeline.test_sharding import DAY, talks

COMPOSE = Path(__file__).parent.parent.parent / "deploy" / "compose"


@pytest.fixture
def fleet(tmp_path, monkeypatch, postgres_url):
    """A daemon, a worker of runs and one of steps, with the deployment's own files."""
    if redis_server() is None:
        pytest.skip("there is no redis-server: Celery was not run")
    (tmp_path / "dagster").mkdir()
    shutil.copy(COMPOSE / "dagster-celery.yaml", tmp_path / "dagster" / "dagster.yaml")
    with ExitStack() as stack:
        broker = stack.enter_context(redis("127.0.0.1", tmp_path))
        for name, value in {
            "DREAMING_HOME": str(tmp_path / "home"),
            "DAGSTER_HOME": str(tmp_path / "dagster"),
            "DREAMING_DATABASE_URL": postgres_url,
            "DREAMING_TIMEZONE": "UTC",
            "DREAMING_EXECUTOR": "celery",
            "CELERY_BROKER_URL": f"{broker}/0",
            "CELERY_RESULT_BACKEND": f"{broker}/1",
        }.items():
            monkeypatch.setenv(name, value)
        settings = Settings.from_environment()
        with open_home(settings) as home:
            home.archive.add(talks(8))
            # Else the sensor of imports would run it.
            home.pipeline.run_day(DAY)
        for name, queue in (("runs", "dagster"), ("steps", STEP_QUEUE)):
            stack.enter_context(
                worker([], name, queue, COMPOSE / "celery.yaml", dict(os.environ), tmp_path)
            )
        daemon = [script("dagster-daemon"), "run", "-w", str(WORKSPACE)]
        stack.enter_context(
            process(daemon, environment=dict(os.environ), log=tmp_path / "daemon.log", cwd=tmp_path)
        )
        yield settings


def ids(home, asset):
    with home.store.open_chunks(asset, DAY) as chunks:
        return list(chunks.cells("chunk_id", "ordinal", "source_hash"))


@pytest.mark.long
def test_a_huge_day_is_cut_by_the_workers_of_steps_in_a_run_on_a_worker_of_runs(fleet):
    """The chunks are those that it had in one piece."""
    with open_home(fleet) as home:
        before = ids(home, "basic_chunks")
        Path(home.store.path("basic_chunks", DAY)).unlink()
    queued = dreaming("run", "--day", DAY.isoformat(), "--shards", "2", "--queue")
    assert queued.returncode == 0, queued.stderr
    mine = dg.RunsFilter(job_name="dream_large_day")
    with dg.DagsterInstance.get() as instance:
        wait_for(lambda: [run for run in instance.get_runs(mine) if run.is_finished], 240)
        [run] = instance.get_runs(mine)
        assert run.status == dg.DagsterRunStatus.SUCCESS
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        told = [event.dagster_event.engine_event_data.metadata for event in events]
        by = {entry["Celery worker"].value for entry in told if "Celery worker" in entry}
        assert {name.split("@")[0] for name in by} == {"steps"}
        assert [entry["Celery Queue"].value for entry in told if "Celery Queue" in entry] == [
            "dagster"
        ]
    with open_home(fleet) as home:
        assert len(before) > 0
        assert ids(home, "basic_chunks") == ids(home, "upgraded_chunks") == before
