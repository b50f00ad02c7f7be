"""Runs of the command, as processes: finished, interrupted, terminated, killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from dagster_project.building import build_definitions
from dagster_project.instance import open_instance
from dreaming.home import open_home
from dreaming.measuring.checking import check_nothing_lost, check_verbatim
from dreaming.processes import this_process
from dreaming.settings import Settings
from dreaming.storage.tables import run_owners
from dreaming.testing import make_conversation

FIRST = date(2026, 1, 1)
KILLS = int(os.environ.get("DREAMING_TEST_KILLS", "3"))


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """A home of the test's own, for this process and its children."""
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return Settings.from_environment()


def dreaming(*arguments):
    """Run the command to its end."""
    command = [sys.executable, "-m", "dagster_project", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start(*arguments):
    """Start the command."""
    return subprocess.Popen(
        [sys.executable, "-m", "dagster_project", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(settings, days):
    """Some conversations on each of so many days."""
    talks = []
    for n in range(days):
        at = datetime.combine(FIRST + timedelta(days=n), datetime.min.time(), UTC) + timedelta(
            hours=8
        )
        said = [f"Day {n}: what about the harbour, part {k}? " * 8 for k in range(12)]
        talks += [make_conversation(said, conversation_id=f"test:{n}:{c}", at=at) for c in range(3)]
    with open_home(settings) as home:
        home.archive.add(talks)


def published(settings):
    with open_home(settings) as home:
        return home.store.days("upgraded_chunks")


def assert_proved(settings):
    """Every day that is visible is whole, proved and searchable."""
    with open_home(settings) as home:
        for day in home.store.days("upgraded_chunks"):
            assert check_verbatim(home.store, "upgraded_chunks", day).passed
        for day in home.index.days():
            assert check_nothing_lost(home.store, home.index, day).passed


def runs(settings):
    with open_instance(settings) as instance:
        return [(run.run_id, run.status) for run in instance.get_runs()]


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


@pytest.mark.long
def test_a_run_takes_what_imports_touched_and_the_next_finds_nothing_to_do(settings):
    """In one run; its results as JSON."""
    fill(settings, 2)
    first = dreaming("run", "--json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert (summary["days"], summary["run"]["status"]) == (2, "SUCCESS")
    second = json.loads(dreaming("run", "--json").stdout)
    assert (second["days"], second["run"]) == (0, None)
    with open_instance(settings) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("memory_index")) == {
            "2026-01-01",
            "2026-01-02",
        }
        check = dg.AssetCheckKey(dg.AssetKey("basic_chunks"), "verbatim")
        [record] = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
        assert record.status.value == "SUCCEEDED"


@pytest.mark.long
@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_canceled_with_the_days_that_were_done(settings, wanted):
    """And the next one does the rest."""
    fill(settings, 40)
    process = start("run", "--json")
    wait_for(lambda: len(published(settings)) >= 3)
    process.send_signal(wanted)
    process.communicate(timeout=30)
    assert process.returncode == 130
    done = published(settings)
    assert 3 <= len(done) < 40
    assert [status for _, status in runs(settings)] == [DagsterRunStatus.CANCELED]
    assert_proved(settings)
    rest = json.loads(dreaming("run", "--json").stdout)
    assert rest["days"] >= 40 - len(done)
    assert len(published(settings)) == 40


@pytest.mark.long
def test_the_terminate_button_reaches_a_run_of_the_command(settings):
    """It only marks the run; the command's own process looks."""
    fill(settings, 200)
    process = start("run", "--json")
    wait_for(lambda: len(published(settings)) >= 2)
    with open_instance(settings) as instance:
        instance.report_run_canceling(instance.get_runs()[0])
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert [status for _, status in runs(settings)] == [DagsterRunStatus.CANCELED]
    assert 2 <= len(published(settings)) < 200


@pytest.mark.long
def test_a_killed_run_blocks_nobody_and_leaves_no_torn_day(settings):
    """kill -9 at random moments: what is visible is proved, the next run ends the dead one and goes
    on.
    """
    fill(settings, 60)
    moments = random.Random(7)
    for _ in range(KILLS):
        process = start(
            "run", "--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=59)).isoformat()
        )
        time.sleep(moments.uniform(2.0, 5.0))
        process.kill()
        process.communicate(timeout=30)
        assert_proved(settings)
    last = dreaming("run", "--json")
    assert last.returncode == 0, last.stderr
    assert len(published(settings)) == 60
    assert_proved(settings)
    assert DagsterRunStatus.STARTED not in {status for _, status in runs(settings)}


@pytest.mark.long
def test_a_dead_run_is_ended_also_where_nothing_is_left_to_do(settings):
    """It may have been killed after the last of its days."""
    fill(settings, 1)
    assert dreaming("run").returncode == 0
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    with open_home(settings) as home, open_instance(settings) as instance:
        dead = instance.create_run_for_job(build_definitions(settings).resolve_job_def("upgrade"))
        owner = {"run_id": dead.run_id, "process": str(replace(this_process(), pid=ended.pid))}
        with home.ledger.database.write() as connection:
            connection.execute(run_owners.insert().values(**owner, beat_at=datetime.now(UTC)))
    assert json.loads(dreaming("run", "--json").stdout)["run"] is None
    assert (dead.run_id, DagsterRunStatus.FAILURE) in runs(settings)


@pytest.mark.long
def test_a_range_of_days_and_its_mistakes(settings):
    """Wrong use ends with 2 and says what to do."""
    fill(settings, 1)
    for arguments, message in (
        (["--from", "2026-01-01"], "--from and --to go together"),
        (["--day", "2026-01-01", "--to", "2026-01-02"], "not both"),
        (["--day", "01.02.2026"], "YYYY-MM-DD"),
        (["--day", "1999-01-01"], "DREAMING_START_DATE=1999-01-01"),
        (["--day", "2999-01-01"], "has not begun"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "is empty"),
    ):
        result = dreaming("run", *arguments)
        assert result.returncode == 2, result
        assert message in " ".join(result.stderr.split())


@pytest.mark.long
def test_forget_reaches_days_that_have_no_partition(settings, monkeypatch):
    """Those before a start day that was moved, too; and it can be asked for again."""
    fill(settings, 1)
    assert dreaming("run").returncode == 0
    monkeypatch.setenv("DREAMING_START_DATE", "2026-06-01")
    for _ in range(2):
        done = dreaming("forget", "test:0:1")
        assert done.returncode == 0, done.stderr
    found = json.loads(dreaming("search", "harbour", "--json").stdout)
    assert {hit["conversation_id"] for hit in found} == {"test:0:0", "test:0:2"}


@pytest.mark.long
def test_forget_takes_a_conversation_out_of_everything(settings):
    """Through a run that the UI shows."""
    fill(settings, 1)
    assert dreaming("run").returncode == 0
    assert dreaming("forget", "test:0:1").returncode == 0
    found = json.loads(dreaming("search", "harbour", "--json").stdout)
    assert {hit["conversation_id"] for hit in found} == {"test:0:0", "test:0:2"}
    unknown = dreaming("forget", "test:9:9")
    assert unknown.returncode == 2
    assert "No conversation 'test:9:9' is held" in " ".join(unknown.stderr.split())


UNFINISHED = """
import dagster as dg
from dagster_project.instance import open_instance
from dagster_project.owners import signed_for
from dreaming.home import open_home
from dreaming.settings import Settings

settings = Settings.from_environment()
with open_home(settings) as home, open_instance(settings) as instance:
    job = dg.GraphDefinition("some").to_job()
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    with signed_for(run.run_id, instance, home.ledger.database):
        pass
"""


@pytest.mark.long
def test_a_run_whose_end_could_not_be_written_is_ended_when_its_process_is_gone(settings):
    """As on a disk that was full: the process went on to its end, and nobody else would ever say
    so.
    """
    subprocess.run([sys.executable, "-c", UNFINISHED], check=True, capture_output=True)
    assert [status for _, status in runs(settings)] == [DagsterRunStatus.STARTED]
    assert dreaming("run").returncode == 0
    assert [status for _, status in runs(settings)] == [DagsterRunStatus.FAILURE]
    with open_home(settings) as home, home.ledger.database.read() as connection:
        assert connection.execute(run_owners.select()).all() == []
