"""Deleting old runs and their events: Dagster itself keeps them for ever, about 140 kB each.

A run with the newest materialisation of a day stays, however old it is: without it the UI would
show that day as missing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

RUNS_A_TICK = 50
"""Runs that are examined in one tick: Dagster stops a sensor after a minute."""
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def build_retention_sensor(
    job: dg.JobDefinition, *, keep_days: int, clock: Callable[[], datetime]
) -> dg.SensorDefinition:
    """Deletes ended runs that are older than `keep_days`; none where that is 0."""

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
        # The cursor is the last run that was kept: the next tick does not examine it again.
        deleted, last_kept = delete_old_runs(
            context.instance, before=before, after=context.cursor or None
        )
        context.update_cursor(last_kept or "")
        return dg.SkipReason(f"Deleted {deleted} runs from before {before:%Y-%m-%d}.")

    return old_runs


def delete_old_runs(
    instance: dg.DagsterInstance,
    *,
    before: datetime,
    after: str | None = None,
    most: int = RUNS_A_TICK,
) -> tuple[int, str | None]:
    """Examine the next runs that were made before a time, and delete those that may go.

    `after` is the last run that was examined and kept. Returns the count of deleted runs, and the
    `after` for the next time, which is None when all runs have been examined.
    """
    # A cursor at a run that a person has deleted meanwhile would end the search: begin anew.
    if after is not None and not instance.has_run(after):
        after = None
    old_runs = dg.RunsFilter(statuses=_ENDED, created_before=before)
    records = instance.get_run_records(old_runs, limit=most, ascending=True, cursor=after)
    last_kept = None
    deleted = 0
    for record in records:
        run_id = record.dagster_run.run_id
        if _is_shown(instance, run_id):
            last_kept = run_id
        else:
            instance.delete_run(run_id)
            deleted += 1
    has_more = len(records) == most
    return deleted, last_kept if has_more else None


def _is_shown(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run has the newest materialisation of any partition."""
    events = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)
    # A set: a day may be materialised more than once in a run.
    materialized: set[tuple[dg.AssetKey, str | None]] = set()
    for event in events:
        if event.dagster_event and event.dagster_event.asset_key:
            materialized.add((event.dagster_event.asset_key, event.dagster_event.partition))
    return any(_newest_run(instance, key, partition) == run_id for key, partition in materialized)


def _newest_run(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> str | None:
    partitions = [partition] if partition else None
    materializations = dg.AssetRecordsFilter(key, asset_partitions=partitions)
    records = instance.fetch_materializations(materializations, limit=1).records
    return records[0].run_id if records else None
