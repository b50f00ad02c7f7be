"""The nightly runs: 03:00 the day that ended, 04:00 an upgrade, 05:00 learning.

The upgrade only spends what is left of the month's quota; the others are free. After a machine was
asleep, Dagster repeats the ticks that were missed, one after the other. Only the latest one does
something: it takes the missed days too, so that each stage catches up once.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.jobs import RANGE_TAGS, provider_tag, upgrade_config
from dreaming.buying.quota import check_api_quota, read_elsewhere
from dreaming.days import Calendar
from dreaming.home import Home
from dreaming.model_call import Delivery
from dreaming.providers.registry import ConfiguredProvider
from dreaming.upgrading.terms import UpgradeTerms

MAX_CATCH_UP = timedelta(days=31)
"""A night catches up on no more days than this: a run with very many could take all night."""
_PERIOD = timedelta(days=1)
_MISSED = dg.SkipReason("A later night has come since; its tick does the work of this one too.")

OpenHome = Callable[[], AbstractContextManager[Home]]
Clock = Callable[[], datetime]


def build_initial_schedule(
    job: UnresolvedAssetJobDefinition, calendar: Calendar, clock: Clock
) -> dg.ScheduleDefinition:
    """The initial stage for the day that ended, at 03:00 in the pinned time zone; on by default."""

    @dg.schedule(
        name="initial_nightly",
        job=job,
        cron_schedule="0 3 * * *",
        execution_timezone=calendar.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The day that ended, at 03:00: gathered, chunked, published and searchable. "
        "Makes up for nights "
        "that were missed.",
    )
    def initial_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if clock() >= moment + _PERIOD:
            return _MISSED
        ended = calendar.day_of(moment) - _PERIOD
        after_last_done = _last_done(context.instance, ended) + _PERIOD
        first = max(after_last_done, ended - MAX_CATCH_UP)
        first_tag, last_tag = RANGE_TAGS
        return dg.RunRequest(
            run_key=ended.isoformat(),
            tags={first_tag: first.isoformat(), last_tag: ended.isoformat()},
            run_config={"ops": {"dreaming": {"config": {"rechunk": "changed"}}}},
        )

    return initial_nightly


def build_learn_schedule(
    job: UnresolvedAssetJobDefinition, calendar: Calendar, clock: Clock
) -> dg.ScheduleDefinition:
    """Learning, every night at 05:00, after the upgrade; on by default."""

    @dg.schedule(
        name="learn_nightly",
        job=job,
        cron_schedule="0 5 * * *",
        execution_timezone=calendar.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="What was bought teaches the segmenter of basic chunks, at 05:00. Free.",
    )
    def learn_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if clock() >= moment + _PERIOD:
            return _MISSED
        return dg.RunRequest(run_key=f"learn:{calendar.day_of(moment)}")

    return learn_nightly


def _last_done(instance: dg.DagsterInstance, ended: date) -> date:
    """The last day of the newest nightly run, at most the day before `ended`; else that day."""
    nightly_runs = dg.RunsFilter(tags={"dagster/schedule_name": "initial_nightly"})
    newest = instance.get_runs(nightly_runs, limit=1)
    last = newest[0].tags.get(RANGE_TAGS[1]) if newest else None
    last_day = date.fromisoformat(last) if last else ended
    # A tick that is repeated finds its own run, and takes its own day again.
    return min(last_day, ended - _PERIOD)


def build_upgrade_schedule(
    job: dg.JobDefinition,
    calendar: Calendar,
    clock: Clock,
    open_home: OpenHome,
    providers: Callable[[], Mapping[str, ConfiguredProvider]],
    *,
    planner: str = "",
    delivery: Delivery | None = None,
) -> dg.ScheduleDefinition:
    """The upgrade stage, every night at 04:00: basic chunks of all days to good ones.

    It spends the quota that is left; with a planner, the quota lasts until the end of the month.
    Nothing is urgent at night: without a `delivery`, replies come in batches, at half the price,
    where the provider has them.
    """

    @dg.schedule(
        name="upgrade_nightly",
        job=job,
        cron_schedule="0 4 * * *",
        execution_timezone=calendar.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Basic chunks of all days -> good, when more than 10,000 tokens of the "
        "month's quota are left. "
        "Spends nothing until a budget is set.",
    )
    def upgrade_nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        moment = context.scheduled_execution_time
        if clock() >= moment + _PERIOD:
            return _MISSED
        configured = providers()
        with open_home() as home:
            # First: what others have spent with the same account lowers the quota.
            for failure in read_elsewhere(home.ledger, configured, today=clock().date()):
                context.log.warning(failure)
            quota = check_api_quota(home.ledger, configured)
        if quota.provider is None:
            return dg.SkipReason(quota.reason)
        terms = UpgradeTerms(target_quality="good", delivery=delivery)
        # A planner decides on all of this itself, when the run begins.
        if not planner:
            takes_batches = configured[quota.provider].offers_batches
            default_delivery: Delivery = "batch" if takes_batches else "now"
            terms = replace(
                terms,
                provider=quota.provider,
                delivery=delivery or default_delivery,
                max_tokens=quota.tokens,
            )
        return dg.RunRequest(
            run_key=f"upgrade:{calendar.day_of(moment)}",
            run_config=upgrade_config(terms, planner=planner),
            tags=provider_tag(quota.provider),
        )

    return upgrade_nightly
