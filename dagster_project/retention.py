"""Old runs and their events, deleted: Dagster itself keeps them for ever, about 140 kB each.

A run that made the newest materialisation of a day stays, however old it is: the UI would show that
day as missing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

RUNS_A_TICK = 50
"""So many are looked at in one tick: a sensor has a minute."""
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def build_retention_sensor(
    job: dg.JobDefinition, *, keep_days: int, clock: Callable[[], datetime]
) -> dg.SensorDefinition:
    """Deletes the runs that ended more than so many days ago; none where that is 0."""

    @dg.sensor(
        name="old_runs",
        job=job,
        minimum_interval_seconds=3600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Deletes runs, and their events, {keep_days} days after they were made, but "
        "for those that a "
        "day's newest materialisation is of.",
    )
    def old_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if not keep_days:
            return dg.SkipReason("DREAMING_KEEP_RUNS_DAYS=0: all runs are kept.")
        before = clock() - timedelta(days=keep_days)
        deleted, last = delete_old_runs(
            context.instance, before=before, after=context.cursor or None
        )
        context.update_cursor(last or "")
        return dg.SkipReason(f"Deleted {deleted} runs from before {before:%Y-%m-%d}.")

    return old_runs


def delete_old_runs(
    instance: dg.DagsterInstance,
    *,
    before: datetime,
    after: str | None = None,
    most: int = RUNS_A_TICK,
) -> tuple[int, str | None]:
    """Look at the next runs that were made before a time, and delete those that nothing shows any
    more.

    `after` is the last one that was looked at and kept. Returns how many were deleted, and that
    one's id for the next time; None when all have been looked at.
    """
    if after is not None and not instance.has_run(after):
        after = None
    wanted = dg.RunsFilter(statuses=_ENDED, created_before=before)
    records = instance.get_run_records(wanted, limit=most, ascending=True, cursor=after)
    kept, deleted = None, 0
    for record in records:
        run_id = record.dagster_run.run_id
        if _is_shown(instance, run_id):
            kept = run_id
        else:
            instance.delete_run(run_id)
            deleted += 1
    return deleted, kept if len(records) == most else None


def _is_shown(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the newest materialisation of something is of this run."""
    events = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    made = {
        (event.dagster_event.asset_key, event.dagster_event.partition)
        for event in events
        if event.dagster_event
    }
    return any(_newest(instance, key, partition) == run_id for key, partition in made if key)


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> str | None:
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[partition] if partition else None)
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0].run_id if records else None
