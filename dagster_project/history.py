"""Moving Dagster's history to another instance: runs, events, backfills, switches and limits.

Parts of it are private to Dagster: `InstanceRef`, and the storages of an instance with their
methods that add records.
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

_RUNS_PER_PAGE = 100


def move_history(settings: Settings) -> int:
    """Copy the history of the instance on SQLite to that on PostgreSQL; may be repeated.

    Returns the count of runs that were copied. Raises `UsageError` while a run is not finished.
    """
    folder = prepare_dagster_home(settings)
    with _instance_on_sqlite(folder) as old:
        _require_finished_runs(old)
        with open_instance(settings) as new:
            return copy_history(old, new)


@contextmanager
def _instance_on_sqlite(folder: Path) -> Iterator[dg.DagsterInstance]:
    """The instance in a folder as it was before, with a `dagster.yaml` for SQLite."""
    # From another folder: the one in `folder` names PostgreSQL already.
    with TemporaryDirectory() as config_folder:
        configuration = dagster_yaml(folder, on_postgresql=False)
        Path(config_folder, "dagster.yaml").write_text(configuration, encoding="utf-8")
        reference = InstanceRef.from_dir(str(folder), config_dir=config_folder)
        with dg.DagsterInstance.from_ref(reference) as instance:
            yield instance


def _require_finished_runs(instance: dg.DagsterInstance) -> None:
    """Raise `UsageError` where a run is not finished: its later events would not be copied."""
    statuses = [*UNFINISHED, dg.DagsterRunStatus.QUEUED]
    unfinished = instance.get_run_ids(dg.RunsFilter(statuses=statuses))
    if unfinished:
        raise UsageError(
            f"{len(unfinished)} runs are not finished, the newest is {unfinished[0]}. End "
            "`dreaming ui`, and let them end or terminate them; then move again."
        )


def copy_history(old: dg.DagsterInstance, new: dg.DagsterInstance) -> int:
    """Add the history of the old instance that the new one lacks; may be repeated.

    Returns the count of runs that were copied.
    """
    missing = [record for record in _records(old) if not new.has_run(record.dagster_run.run_id)]
    for record in missing:
        _copy_run(record, old, new)
    for backfill in old.run_storage.get_backfills():
        if new.run_storage.get_backfill(backfill.backfill_id) is None:
            new.run_storage.add_backfill(backfill)
    _copy_switches(old, new)
    for pool in old.event_log_storage.get_pool_limits():
        # A limit by default is that of `dagster.yaml`, which the new instance has as well.
        if not pool.from_default:
            new.event_log_storage.set_concurrency_slots(pool.name, pool.limit)
    return len(missing)


def _copy_switches(old: dg.DagsterInstance, new: dg.DagsterInstance) -> None:
    """Copy which schedules and sensors are on, but for those that the new instance has set."""
    new_ids = {state.instigator_origin_id for state in new.all_instigator_state()}
    for state in old.all_instigator_state():
        if state.instigator_origin_id not in new_ids:
            new.add_instigator_state(state)


def _records(instance: dg.DagsterInstance) -> Iterator[dg.RunRecord]:
    cursor = None
    while records := instance.get_run_records(limit=_RUNS_PER_PAGE, ascending=True, cursor=cursor):
        yield from records
        cursor = records[-1].dagster_run.run_id


def _copy_run(record: dg.RunRecord, old: dg.DagsterInstance, new: dg.DagsterInstance) -> None:
    """Copy a run: its events first, so that a run which is there has all of them."""
    run = record.dagster_run
    # Those of an interrupted copy: the run is not there yet, but some of its events may be.
    new.event_log_storage.delete_events(run.run_id)
    events = old.all_logs(run.run_id)
    for event in events:
        new.event_log_storage.store_event(event)
    _copy_snapshots(run, old, new)
    new.run_storage.add_historical_run(run, record.create_timestamp)
    # Replayed, as they set the times at which the run started and ended.
    for event in events:
        if event.dagster_event is not None:
            at = datetime.fromtimestamp(event.timestamp, UTC)
            new.run_storage.handle_run_event(run.run_id, event.dagster_event, at)


def _copy_snapshots(run: dg.DagsterRun, old: dg.DagsterInstance, new: dg.DagsterInstance) -> None:
    job_id = run.job_snapshot_id
    if job_id and not new.has_job_snapshot(job_id):
        new.run_storage.add_job_snapshot(old.get_job_snapshot(job_id))
    plan_id = run.execution_plan_snapshot_id
    if plan_id and not new.run_storage.has_execution_plan_snapshot(plan_id):
        new.run_storage.add_execution_plan_snapshot(old.get_execution_plan_snapshot(plan_id))
