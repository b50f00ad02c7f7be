"""Runs in the command's own process: no daemon is needed, and the UI shows them like any other."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterRunStatus

from dagster_project.building import build_definitions
from dagster_project.jobs import STAGE_TAG
from dagster_project.owners import fail_orphaned_runs, signed_for
from dagster_project.sensors import RANGE_END_TAG, RANGE_START_TAG
from dreaming.days import contiguous
from dreaming.home import Home
from dreaming.pipeline import Rechunk


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run over a range of days ended."""

    run_id: str
    first: date
    last: date
    status: DagsterRunStatus
    message: str

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C, SIGTERM or the UI's Terminate ended it."""
        return self.status == DagsterRunStatus.CANCELED

    @property
    def failed(self) -> bool:
        """Whether some day was not published."""
        return self.status == DagsterRunStatus.FAILURE


def run_days(
    home: Home, instance: dg.DagsterInstance, days: Sequence[date], *, rechunk: Rechunk, stage: str
) -> list[RunOutcome]:
    """Run all assets over days, a run for each range without a gap, and return how each ended.

    A day that fails leaves the others alone. Interrupted (Ctrl-C, SIGTERM, the UI's Terminate), the run ends canceled
    with the days published that were done, and no further one is made.
    """
    fail_orphaned_runs(instance, home.ledger)
    job = build_definitions(home.settings, home=home).resolve_job_def("initial")
    outcomes: list[RunOutcome] = []
    for first, last in contiguous(days):
        outcomes.append(_run_range(home, instance, job, first, last, rechunk, stage))
        if outcomes[-1].interrupted:
            break
    return outcomes


def _run_range(
    home: Home,
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    first: date,
    last: date,
    rechunk: Rechunk,
    stage: str,
) -> RunOutcome:
    run_id = str(uuid4())
    with signed_for(run_id, instance, home.ledger):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config=_run_config(rechunk) | {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=_tags(first, last, stage),
            raise_on_error=False,
        )
    run = instance.get_run_by_id(run_id)
    status = run.status if run is not None else result.dagster_run.status
    return RunOutcome(run_id, first, last, status, _failure_message(result))


def _failure_message(result: dg.ExecuteInProcessResult) -> str:
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        failure = event.step_failure_data.user_failure_data
        return (failure.description if failure else None) or (error.message if error else "")
    return ""


def queue_days(
    home: Home, instance: dg.DagsterInstance, days: Sequence[date], *, rechunk: Rechunk, stage: str
) -> list[RunOutcome]:
    """Hand runs over days to the daemon, a run for each range without a gap, and return at once."""
    fail_orphaned_runs(instance, home.ledger)
    return [_queue_range(instance, first, last, rechunk, stage) for first, last in contiguous(days)]


def _queue_range(instance: dg.DagsterInstance, first: date, last: date, rechunk: Rechunk, stage: str) -> RunOutcome:
    run_id = str(uuid4())
    command = [sys.executable, "-m", "dagster", "job", "launch", "-m", "dagster_project.definitions", "-j", "initial"]
    options = {"--run-id": run_id, "--config-json": _run_config(rechunk), "--tags": _tags(first, last, stage)}
    for option, value in options.items():
        command += [option, value if isinstance(value, str) else json.dumps(value)]
    launched = subprocess.run(command, capture_output=True, text=True, check=False)
    run = instance.get_run_by_id(run_id)
    if run is None:
        return RunOutcome(run_id, first, last, DagsterRunStatus.FAILURE, launched.stderr.strip()[-500:])
    return RunOutcome(run_id, first, last, run.status, "")


def _run_config(rechunk: Rechunk) -> dict[str, Any]:
    return {"ops": {"dreaming": {"config": {"rechunk": rechunk}}}}


def _tags(first: date, last: date, stage: str) -> dict[str, str]:
    return {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat(), STAGE_TAG: stage}
