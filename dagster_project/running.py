"""Runs: what is to be run, in the command's own process (no daemon is needed) or by the daemon; the
UI shows both.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from multiprocessing import forkserver
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.execution.api import execute_run
from dagster._core.execution.execution_result import ExecutionResult

from dagster_project.building import build_definitions
from dagster_project.executors import PRELOADED
from dagster_project.instance import open_instance
from dagster_project.large_day import LARGE_DAY
from dagster_project.launches import Launch
from dagster_project.owners import fail_orphaned_runs, signed_for
from dagster_project.webserver import WORKSPACE
from dreaming.home import Home, open_home
from dreaming.settings import Settings

_RETRIES_TAG = "dagster/max_retries"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended, or that it waits."""

    run_id: str
    status: DagsterRunStatus
    message: str

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C, SIGTERM or the UI's Terminate ended it."""
        return self.status == DagsterRunStatus.CANCELED

    @property
    def failed(self) -> bool:
        """Whether some day was not published, or the run could not be made."""
        return self.status == DagsterRunStatus.FAILURE


def execute(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Make a run in this process, and return how it ended.

    Interrupted (Ctrl-C, SIGTERM, the UI's Terminate), it ends canceled, with the days published
    that were done.
    """
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    job = build_definitions(home.settings, home=home).resolve_job_def(launch.job_name)
    with signed_for(run_id, instance, home.ledger.database):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config=_run_config(launch),
            tags=_tags(launch),
            raise_on_error=False,
        )
    run = instance.get_run_by_id(run_id) or result.dagster_run
    return RunOutcome(run_id, run.status, _failure_message(result))


def execute_in_processes(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Make a run of the large day in processes of this machine, and return how it ended;
    interrupted, as `execute`.
    """
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    job = dg.reconstructable(large_day_on_this_machine)
    run = instance.create_run_for_job(
        job.get_definition(),
        run_id=run_id,
        run_config=_run_config(launch),
        tags=_tags(launch),
    )
    _start_quiet_processes()
    with signed_for(run_id, instance, home.ledger.database):
        result = execute_run(job, run, instance, raise_on_error=False)
    run = instance.get_run_by_id(run_id) or run
    return RunOutcome(run_id, run.status, _failure_message(result))


def _run_config(launch: Launch) -> dict[str, Any]:
    """The config of a run of the command: it logs to Dagster alone."""
    return {**launch.config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _tags(launch: Launch) -> dict[str, str]:
    """The tags of a run of the command: who started it sees how it ended, and the daemon makes it
    again for nobody.
    """
    return {**launch.tags, _RETRIES_TAG: "0"}


def _start_quiet_processes() -> None:
    """Start the process that steps are forked from with its standard error closed.

    Dagster logs each step's beginning there before it reads which loggers the run has.
    """
    forkserver.set_forkserver_preload(PRELOADED)
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        forkserver.ensure_running()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def large_day_on_this_machine() -> dg.JobDefinition:
    """The large day's job, its shards in processes of this machine whatever `DREAMING_EXECUTOR`
    says.
    """
    settings = replace(Settings.from_environment(), executor="multiprocess")
    return build_definitions(settings).resolve_job_def(LARGE_DAY)


def spawn(launch: Launch) -> "subprocess.Popen[bytes]":
    """Make a run in a process of its own, which goes on when this one ends, and can be terminated
    from the UI.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "dagster_project.running"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(asdict(launch)).encode())
    child.stdin.close()
    return child


def execute_given() -> int:
    """Make the run that standard input names; returns the exit code."""
    settings = Settings.from_environment()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open_home(settings) as home, open_instance(settings) as instance:
        return execute(home, instance, Launch(**json.load(sys.stdin))).failed


def _failure_message(result: ExecutionResult) -> str:
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        failure = event.step_failure_data.user_failure_data
        cause = error and (error.cause or error)
        return (failure.description if failure else None) or (
            cause.message.strip() if cause else ""
        )
    return ""


def queue(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Hand a run to the daemon, and return at once."""
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    command = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(WORKSPACE)]
    options = {"-j": launch.job_name, "--run-id": run_id, "--tags": json.dumps(dict(launch.tags))}
    options["--config-json"] = json.dumps(dict(launch.config))
    arguments = [word for option in options.items() for word in option]
    # In the home: a `.env` in the current folder would override this process's environment.
    folder = home.settings.home
    launched = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    run = instance.get_run_by_id(run_id)
    if run is None:
        return RunOutcome(run_id, DagsterRunStatus.FAILURE, launched.stderr.strip()[-500:])
    return RunOutcome(run_id, run.status, "")


if __name__ == "__main__":
    sys.exit(execute_given())
