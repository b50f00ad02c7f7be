"""When: the day that ended, at 03:00 local time."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dreaming.days import Calendar


def build_initial_schedule(job: UnresolvedAssetJobDefinition, calendar: Calendar) -> dg.ScheduleDefinition:
    """The initial stage for the day that ended, every night at 03:00 in the pinned time zone; on by default."""

    @dg.schedule(
        name="initial_nightly",
        job=job,
        cron_schedule="0 3 * * *",
        execution_timezone=calendar.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The day that ended, at 03:00: gathered, chunked, published and searchable.",
    )
    def initial_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time or datetime.now(UTC)
        ended = calendar.day_of(moment) - timedelta(days=1)
        return dg.RunRequest(
            run_key=ended.isoformat(),
            partition_key=ended.isoformat(),
            run_config={"ops": {"dreaming": {"config": {"rechunk": "changed"}}}},
        )

    return initial_nightly
