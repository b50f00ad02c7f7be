"""The command that moves an embedded home to PostgreSQL, with Dagster's own history."""

import json

import dagster as dg
import pytest

from dagster_project.instance import open_instance
from dreaming.home import open_home
from dreaming.settings import Settings
from tests.dagster_project.test_runs import dreaming, fill


@pytest.fixture
def embedded(tmp_path, monkeypatch):
    """A home of three days, run by the command."""
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings.from_environment()
    fill(settings, 3)
    assert dreaming("run", "--json").returncode == 0
    return settings


def history(instance):
    """What the UI shows."""
    runs = [(run.run_id, run.status, run.tags) for run in instance.get_runs()]
    events = [
        [(event.timestamp, event.message) for event in instance.all_logs(run_id)]
        for run_id, _, _ in runs
    ]
    assets = {
        key: instance.get_materialized_partitions(dg.AssetKey(key))
        for key in ("basic_chunks", "memory_index")
    }
    times = [(record.start_time, record.end_time) for record in instance.get_run_records()]
    return runs, events, assets, times


@pytest.mark.long
def test_the_ui_shows_the_same_runs_and_days_after_a_move(embedded, monkeypatch, postgres_url):
    """With their events, as often as it is asked for; and what is imported then is run there."""
    with open_instance(embedded) as instance:
        before = history(instance)
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("DREAMING_DATABASE_URL", postgres_url)
    first = dreaming("move", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["days"] == 3
    assert "had been moved before" in dreaming("move").stdout
    with open_instance(Settings.from_environment()) as instance:
        assert history(instance) == before
    with open_home(Settings.from_environment()) as home:
        assert len(home.index.days()) == 3
    assert json.loads(dreaming("run", "--json").stdout)["days"] == 0
    monkeypatch.delenv("DREAMING_DATABASE_URL")
    refused = dreaming("run")
    assert refused.returncode == 1
    assert "was moved to postgresql://" in refused.stderr


@pytest.mark.long
def test_a_home_whose_run_is_not_finished_is_not_moved(embedded, monkeypatch, postgres_url):
    """It says which run, and stays where it is."""
    with open_instance(embedded) as instance:
        run_id = instance.create_run_for_job(
            dg.JobDefinition(name="x", graph_def=dg.GraphDefinition("x")),
            status=dg.DagsterRunStatus.STARTED,
        ).run_id
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.setenv("DREAMING_DATABASE_URL", postgres_url)
    refused = dreaming("move")
    assert refused.returncode == 2
    assert run_id in refused.stderr
    monkeypatch.delenv("DREAMING_DATABASE_URL")
    with open_home(Settings.from_environment()) as home:
        assert len(home.index.days()) == 3
