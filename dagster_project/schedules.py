"""When: at 03:00 the day that ended, free; at 04:00 an upgrade, where quota is left over."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dreaming.days import Calendar
from dreaming.home import Home
from dreaming.spending.quota import check_api_quota


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


def build_upgrade_schedule(
    job: dg.JobDefinition, calendar: Calendar, open_home: Callable[[], AbstractContextManager[Home]]
) -> dg.ScheduleDefinition:
    """The upgrade stage, every night at 04:00: basic chunks of all days to good ones, from the quota that is left."""

    @dg.schedule(
        name="upgrade_nightly",
        job=job,
        cron_schedule="0 4 * * *",
        execution_timezone=calendar.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Basic chunks of all days -> good, when more than 10,000 tokens of the month's quota are left. "
        "Spends nothing until a budget is set.",
    )
    def upgrade_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        with open_home() as home:
            quota = check_api_quota(home.ledger, "anthropic", has_key=bool(os.environ.get("ANTHROPIC_API_KEY")))
        if quota.reason:
            return dg.SkipReason(quota.reason)
        moment = context.scheduled_execution_time or datetime.now(UTC)
        config = {"target_quality": "good", "budget": {"max_tokens": quota.tokens}}
        return dg.RunRequest(
            run_key=f"upgrade:{calendar.day_of(moment)}", run_config={"ops": {"upgrade_chunks": {"config": config}}}
        )

    return upgrade_nightly
