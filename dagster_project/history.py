"""Dagster's own history, from one instance to another: runs with their events, backfills, what is
switched on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from dagster_project.instance import dagster_yaml, open_instance, prepare_dagster_home
from dagster_project.owners import UNFINISHED
from dreaming.errors import UsageError
from dreaming.settings import Settings

_RUNS_AT_ONCE = 100


def move_history(settings: Settings) -> int:
    """Copy what the instance on SQLite knows to that on PostgreSQL; returns how many runs. May be
    repeated.

    Raises `UsageError` while a run is not finished.
    """
    folder = prepare_dagster_home(settings)
    with _embedded(folder) as old:
        _require_rest(old)
        with open_instance(settings) as new:
            return copy_history(old, new)


@contextmanager
def _embedded(folder: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in a folder as it was before: on SQLite,
    whatever its `dagster.yaml` says now.
    """
    with TemporaryDirectory() as told:
        Path(told, "dagster.yaml").write_text(
            dagster_yaml(folder, on_postgresql=False), encoding="utf-8"
        )
        with dg.DagsterInstance.from_ref(
            InstanceRef.from_dir(str(folder), config_dir=told)
        ) as instance:
            yield instance


def _require_rest(instance: dg.DagsterInstance) -> None:
    """Raise `UsageError` where a run is not finished: what it writes could be missed."""
    unfinished = instance.get_run_ids(
        dg.RunsFilter(statuses=[*UNFINISHED, dg.DagsterRunStatus.QUEUED])
    )
    if unfinished:
        raise UsageError(
            f"{len(unfinished)} runs are not finished, the newest is {unfinished[0]}. End "
            "`dreaming ui`, and let them "
            "end or terminate them; then move again."
        )


def copy_history(old: dg.DagsterInstance, new: dg.DagsterInstance) -> int:
    """Add what the old instance knows and the new one does not; returns how many runs. May be
    repeated.
    """
    missing = [record for record in _records(old) if not new.has_run(record.dagster_run.run_id)]
    for record in missing:
        _copy_run(record, old, new)
    for backfill in old.run_storage.get_backfills():
        if new.run_storage.get_backfill(backfill.backfill_id) is None:
            new.run_storage.add_backfill(backfill)
    known = {state.instigator_origin_id for state in new.all_instigator_state()}
    for state in old.all_instigator_state():
        if state.instigator_origin_id not in known:
            new.add_instigator_state(state)
    for pool in old.event_log_storage.get_pool_limits():
        if not pool.from_default:
            new.event_log_storage.set_concurrency_slots(pool.name, pool.limit)
    return len(missing)


def _records(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    cursor = None
    while records := instance.get_run_records(limit=_RUNS_AT_ONCE, ascending=True, cursor=cursor):
        yield from records
        cursor = records[-1].dagster_run.run_id


def _copy_run(record: dg.RunRecord, old: dg.DagsterInstance, new: dg.DagsterInstance) -> None:
    """Copy a run: its events first, so that a run which is there has all of them."""
    run = record.dagster_run
    new.event_log_storage.delete_events(run.run_id)
    events = old.all_logs(run.run_id)
    for event in events:
        new.event_log_storage.store_event(event)
    if run.job_snapshot_id and not new.has_job_snapshot(run.job_snapshot_id):
        new.run_storage.add_job_snapshot(old.get_job_snapshot(run.job_snapshot_id))
    if run.execution_plan_snapshot_id and not new.run_storage.has_execution_plan_snapshot(
        run.execution_plan_snapshot_id
    ):
        plan = old.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        new.run_storage.add_execution_plan_snapshot(plan)
    new.run_storage.add_historical_run(run, record.create_timestamp)
    for event in events:
        if event.dagster_event is not None:
            at = datetime.fromtimestamp(event.timestamp, UTC)
            new.run_storage.handle_run_event(run.run_id, event.dagster_event, at)
