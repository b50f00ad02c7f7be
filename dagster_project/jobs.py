"""The jobs, and the run configs for them.

Jobs carry no run config: it would silently override a backfill's. Defaults are fields of the
configs.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from pydantic import Field

from assets.config import DreamingConfig, UpgradeDaysConfig, upgrade_fields
from assets.day import POOL, open_work, run_days
from assets.upgrading import by_name, request_id_of, upgrade_days
from dreaming.home import Home
from dreaming.pipeline.day import Engine, Rechunk
from dreaming.providers.registry import ConfiguredProvider
from dreaming.settings import parse_day
from dreaming.task import TaskPriority
from dreaming.upgrading.terms import UpgradeTerms

STAGE_TAG = "dreaming/stage"
PRIORITY_TAG = "dagster/priority"
_PROVIDER_TAG = "dreaming/provider"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""A run over several partitions names the first and the last."""

LEARN = "learn"
MEDIUM = str(TaskPriority.MEDIUM.value)
LOW = str(TaskPriority.LOW.value)


def build_initial_job() -> UnresolvedAssetJobDefinition:
    """The initial stage: all free work, for a day or a range of days."""
    return dg.define_asset_job(
        "initial",
        selection=dg.AssetSelection.groups("dreaming"),
        description="Conversations of a day -> basic chunks -> current chunks -> searchable. Free "
        "and offline.",
        tags={STAGE_TAG: "initial", PRIORITY_TAG: MEDIUM},
    )


def build_learn_job() -> UnresolvedAssetJobDefinition:
    """Learning from bought chunks."""
    return dg.define_asset_job(
        LEARN,
        selection=dg.AssetSelection.assets("segmenter"),
        description="Learn to find topics from the chunks that were bought. Free and offline.",
        tags={STAGE_TAG: "learn", PRIORITY_TAG: LOW},
    )


class DaysConfig(DreamingConfig):
    """The run config of `dream_days`."""

    days: list[str] = Field(description="Days as YYYY-MM-DD; they need not follow one another.")


@dg.op(pool=POOL)
def dream_each_day(
    context: dg.OpExecutionContext,
    config: DaysConfig,
    home: dg.ResourceParam[Home],
    local_llm: dg.ResourceParam[ConfiguredProvider],
) -> None:
    """All stages of each day, logged as materialisations of its partitions."""
    calendar = home.archive.calendar
    now = home.clock()
    days = [calendar.require(parse_day(day), now=now) for day in config.days]
    with open_work(context, config, home, local_llm) as work:
        run_days(context, work, days)


@dg.job(
    description="The initial stage over any days, with or without gaps, in one run: for `dreaming "
    "run` and the imports "
    "sensor. The same work as the job `initial`, which takes one day or a range without gaps.",
    tags={STAGE_TAG: "initial", PRIORITY_TAG: MEDIUM},
    executor_def=dg.in_process_executor,
)
def dream_days() -> None:
    """The initial stage over any days."""
    dream_each_day()


@dg.op(pool=POOL)
def upgrade_chunks(
    context: dg.OpExecutionContext,
    config: UpgradeDaysConfig,
    home: dg.ResourceParam[Home],
    anthropic: dg.ResourceParam[ConfiguredProvider],
    openai: dg.ResourceParam[ConfiguredProvider],
    local_llm: dg.ResourceParam[ConfiguredProvider],
) -> None:
    """An upgrade over all published days of a range, one request with one budget."""
    terms = config.terms()
    if config.planned_only:
        # Only days with planned chunks: another day would be planned anew.
        days = home.requests.open_days(request_id_of(context.run, context.instance))
    else:
        days = [day for day in home.store.days("upgraded_chunks") if terms.allows_day(day)]
    providers = by_name(anthropic, openai, local_llm)
    upgrade_days(context, home, providers, terms, days, planner=config.planner)


@dg.job(
    description="Buy better chunks with a budget: which level, for which chunks, for how much, "
    "over any days. Each day "
    "that changes is published and logged as a materialisation of `upgraded_chunks`.",
    tags={STAGE_TAG: "upgrade", PRIORITY_TAG: LOW},
    executor_def=dg.in_process_executor,
)
def upgrade() -> None:
    """An upgrade over any days."""
    upgrade_chunks()


@dg.op
def import_new_exports(context: dg.OpExecutionContext, home: dg.ResourceParam[Home]) -> None:
    """Import new and changed exports; the sensor then runs the days that they touch."""
    for folder in home.pipeline.folders:
        report, stored = folder.refresh()
        context.log.info(
            f"{folder.folder}: {stored.added} conversations added, {stored.updated} updated, "
            f"{stored.unchanged} as they were; {len(stored.touched_days)} days have news; "
            f"{len(report.errors)} files could not be read."
        )
        for error in report.errors:
            context.log.warning(error.message)


@dg.job(
    description="Import what is new in the watched folders.",
    tags={STAGE_TAG: "import", PRIORITY_TAG: MEDIUM},
    executor_def=dg.in_process_executor,
)
def import_watched_folders() -> None:
    """Import what is new in the watched folders."""
    import_new_exports()


def provider_tag(provider: str | None) -> dict[str, str]:
    """The tag of an upgrade's run with its provider."""
    # Our `dagster.yaml` limits how many runs with the same value are made at once.
    return {_PROVIDER_TAG: provider or "any"}


def days_config(
    days: Sequence[date], *, rechunk: Rechunk, engine: Engine = "rules"
) -> dict[str, Any]:
    """The run config of `dream_days` for some days."""
    config = {"days": [day.isoformat() for day in days], "rechunk": rechunk, "engine": engine}
    return {"ops": {"dream_each_day": {"config": config}}}


def upgrade_config(
    terms: UpgradeTerms, *, planner: str = "", planned_only: bool = False
) -> dict[str, Any]:
    """The run config of `upgrade`; `planner` names the planner of what the terms leave open."""
    fields = upgrade_fields(terms)
    if planner:
        fields["planner"] = planner
    if planned_only:
        fields["planned_only"] = True
    return {"ops": {"upgrade_chunks": {"config": fields}}}
