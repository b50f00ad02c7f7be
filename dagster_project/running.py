"""Making a run: in the command's own process, which needs no daemon, or by the daemon.

`execute_run` and `ExecutionResult` are private parts of Dagster: its public `execute_job` does not
take the id of a run, which must be known before the run begins (`owners`).
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
    """The state of a run, ended or queued."""

    run_id: str
    status: DagsterRunStatus
    message: str

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C, SIGTERM or the UI's Terminate ended it."""
        return self.status == DagsterRunStatus.CANCELED

    @property
    def failed(self) -> bool:
        """Whether a day was not published, or the run could not be made."""
        return self.status == DagsterRunStatus.FAILURE


def execute(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Make a run in this process, and return its outcome.

    Interrupted (Ctrl-C, SIGTERM, the UI's Terminate), it ends canceled; the days that were done are
    published.
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
    # The instance knows of a Terminate, which the result does not.
    run = instance.get_run_by_id(run_id) or result.dagster_run
    return RunOutcome(run_id, run.status, _failure_message(result))


def execute_in_processes(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Make a run of the large day in processes of this machine; else as `execute`."""
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
    """The config of a run of the command: it logs to Dagster, and not to the terminal."""
    return {**launch.config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _tags(launch: Launch) -> dict[str, str]:
    # No retries: a person sees that the run failed, and decides whether to repeat it.
    return {**launch.tags, _RETRIES_TAG: "0"}


def _start_quiet_processes() -> None:
    """Start the process that steps are forked from, with its standard error closed.

    Dagster logs the start of each step there before it reads the loggers of the run.
    """
    forkserver.set_forkserver_preload(PRELOADED)
    own_stderr = os.dup(2)
    null_device = os.open(os.devnull, os.O_WRONLY)
    # The new process inherits file descriptor 2, and all steps inherit it from that process.
    try:
        os.dup2(null_device, 2)
        forkserver.ensure_running()
    finally:
        os.dup2(own_stderr, 2)
        os.close(own_stderr)
        os.close(null_device)


def large_day_on_this_machine() -> dg.JobDefinition:
    """The large day's job, with its shards in processes of this machine."""
    # Whatever DREAMING_EXECUTOR is: the command's run needs no servers.
    settings = replace(Settings.from_environment(), executor="multiprocess")
    return build_definitions(settings).resolve_job_def(LARGE_DAY)


def spawn(launch: Launch) -> "subprocess.Popen[bytes]":
    """Make a run in a process of its own, which outlives this one; the UI can terminate it."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.running"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C in the terminal of this process must not reach it.
        start_new_session=True,
    )
    assert child.stdin is not None
    # By standard input: other users of the machine can read a command line.
    child.stdin.write(json.dumps(asdict(launch)).encode())
    child.stdin.close()
    return child


def execute_given() -> int:
    """Make the run that standard input describes; returns the exit code."""
    settings = Settings.from_environment()
    # A child of a background process ignores SIGINT, with which Terminate interrupts a run.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open_home(settings) as home, open_instance(settings) as instance:
        launch = Launch(**json.load(sys.stdin))
        return execute(home, instance, launch).failed


def _failure_message(result: ExecutionResult) -> str:
    """The message of the first step that failed; empty where none did."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        failure = event.step_failure_data.user_failure_data
        if failure and failure.description:
            return str(failure.description)
        error = event.step_failure_data.error
        # Dagster wraps an error of ours: its cause is what happened.
        cause = error and (error.cause or error)
        return cause.message.strip() if cause else ""
    return ""


def queue(home: Home, instance: dg.DagsterInstance, launch: Launch) -> RunOutcome:
    """Hand a run to the daemon, and return at once."""
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    command = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(WORKSPACE)]
    command += ["-j", launch.job_name]
    command += ["--run-id", run_id]
    command += ["--tags", json.dumps(dict(launch.tags))]
    command += ["--config-json", json.dumps(dict(launch.config))]
    # In the home: a `.env` in the current folder would override this process's environment.
    folder = home.settings.home
    launching = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    run = instance.get_run_by_id(run_id)
    if run is None:
        # The end of a traceback, which has the error itself.
        return RunOutcome(run_id, DagsterRunStatus.FAILURE, launching.stderr.strip()[-500:])
    return RunOutcome(run_id, run.status, "")


if __name__ == "__main__":
    sys.exit(execute_given())
