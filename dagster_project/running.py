"""Runs in the command's own process: no daemon is needed, and the UI shows them like any other."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterRunStatus

from assets.upgrading import REQUEST_TAG
from dagster_project.building import build_definitions
from dagster_project.jobs import STAGE_TAG, days_config, dream_days, upgrade, upgrade_config
from dagster_project.owners import fail_orphaned_runs, signed_for
from dagster_project.webserver import WORKSPACE
from dreaming.home import Home
from dreaming.pipeline import Engine, Rechunk


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run over days ended."""

    run_id: str
    days: tuple[date, ...]
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


def execute_days(
    home: Home,
    instance: dg.DagsterInstance,
    days: Sequence[date],
    *,
    rechunk: Rechunk,
    stage: str,
    engine: Engine = "rules",
) -> RunOutcome:
    """Run all assets over days, with or without gaps, in one run, and return how it ended.

    A day that fails leaves the others alone. Interrupted (Ctrl-C, SIGTERM, the UI's Terminate), the run ends canceled
    with the days published that were done.
    """
    config = days_config(days, rechunk=rechunk, engine=engine)
    return _execute(home, instance, dream_days.name, config, days=days, tags={STAGE_TAG: stage})


def execute_upgrade(
    home: Home, instance: dg.DagsterInstance, config: Mapping[str, Any], *, request_id: str
) -> RunOutcome:
    """Run an upgrade, new or gone on with, in this process, and return how it ended; its result is in the ledger."""
    tags = {STAGE_TAG: "upgrade", REQUEST_TAG: request_id}
    return _execute(home, instance, upgrade.name, upgrade_config(config), tags=tags)


def _execute(
    home: Home,
    instance: dg.DagsterInstance,
    job_name: str,
    config: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    days: Sequence[date] = (),
) -> RunOutcome:
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    job = build_definitions(home.settings, home=home).resolve_job_def(job_name)
    with signed_for(run_id, instance, home.ledger.database):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config={**config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags=dict(tags),
            raise_on_error=False,
        )
    run = instance.get_run_by_id(run_id) or result.dagster_run
    return RunOutcome(run_id, tuple(days), run.status, _failure_message(result))


def _failure_message(result: dg.ExecuteInProcessResult) -> str:
    for event in result.filter_events(lambda event: event.is_step_failure):
        error = event.step_failure_data.error
        failure = event.step_failure_data.user_failure_data
        return (failure.description if failure else None) or (error.message if error else "")
    return ""


def queue_days(
    home: Home,
    instance: dg.DagsterInstance,
    days: Sequence[date],
    *,
    rechunk: Rechunk,
    stage: str,
    engine: Engine = "rules",
) -> RunOutcome:
    """Hand a run over days to the daemon, and return at once."""
    config = days_config(days, rechunk=rechunk, engine=engine)
    return _queue(home, instance, dream_days.name, config, days=days, tags={STAGE_TAG: stage})


def queue_upgrade(
    home: Home, instance: dg.DagsterInstance, config: Mapping[str, Any], *, request_id: str
) -> RunOutcome:
    """Hand an upgrade to the daemon, and return at once."""
    tags = {STAGE_TAG: "upgrade", REQUEST_TAG: request_id}
    return _queue(home, instance, upgrade.name, upgrade_config(config), tags=tags)


def _queue(
    home: Home,
    instance: dg.DagsterInstance,
    job_name: str,
    config: Mapping[str, Any],
    *,
    tags: Mapping[str, str],
    days: Sequence[date] = (),
) -> RunOutcome:
    fail_orphaned_runs(instance, home.ledger.database)
    run_id = str(uuid4())
    command = [sys.executable, "-m", "dagster", "job", "launch", "-w", str(WORKSPACE)]
    options = {"-j": job_name, "--run-id": run_id, "--tags": json.dumps(dict(tags))}
    options["--config-json"] = json.dumps(dict(config))
    arguments = [word for option in options.items() for word in option]
    # In the home: a `.env` in the current folder would override this process's environment.
    folder = home.settings.home
    launched = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    run = instance.get_run_by_id(run_id)
    if run is None:
        return RunOutcome(run_id, tuple(days), DagsterRunStatus.FAILURE, launched.stderr.strip()[-500:])
    return RunOutcome(run_id, tuple(days), run.status, "")
