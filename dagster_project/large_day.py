"""A huge day, cut in shards by the executor's processes, workers or pods.

gather_large_day -> plan_large_day -> cut_large_day, once for each shard -> publish_large_day

The result is the same as in one piece. A step passes only the number of a shard to the next, so
steps share no storage besides the home's.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from assets import raw_conversations
from assets.config import DreamingConfig
from assets.day import ASSETS, POOL, open_work, run_days
from assets.events import Context, ending_canceled
from dagster_project.executors import STEP_QUEUE
from dagster_project.jobs import MEDIUM, PRIORITY_TAG, STAGE_TAG
from dreaming.home import Home
from dreaming.pipeline.sharding import Shards, cut_shard, plan_shards
from dreaming.providers.registry import ConfiguredProvider
from dreaming.settings import parse_day

LARGE_DAY = "dream_large_day"
_GATHERED = frozenset({raw_conversations.STAGE.spec.key})
_STEP_TAGS = {"dagster-celery/queue": STEP_QUEUE}


class LargeDayConfig(DreamingConfig):
    """The run config of `dream_large_day`, given to its first step."""

    day: str = Field(description="YYYY-MM-DD.")
    shards: int | None = Field(
        default=None,
        ge=1,
        description="Parts to cut it in; by default one for every eight million characters.",
    )


@dg.op(pool=POOL, tags=_STEP_TAGS, out=dg.Out(dg.Nothing))
def gather_large_day(
    context: dg.OpExecutionContext,
    config: LargeDayConfig,
    home: dg.ResourceParam[Home],
    local_llm: dg.ResourceParam[ConfiguredProvider],
) -> None:
    """Gather the day from its sources."""
    day = home.archive.calendar.require(parse_day(config.day), now=home.clock())
    with open_work(context, config, home, local_llm) as work:
        run_days(context, work, [day], _GATHERED, frozenset())


@dg.op(tags=_STEP_TAGS, ins={"gathered": dg.In(dg.Nothing)}, out=dg.DynamicOut(dg.Nothing))
def plan_large_day(
    context: dg.OpExecutionContext, home: dg.ResourceParam[Home]
) -> Iterator[dg.DynamicOutput[None]]:
    """Decide how many shards the day is cut in."""
    config, day = _config_of_run(context)
    count = plan_shards(home.pipeline, day, count=config.shards)
    context.log.info(f"{day} is cut in {count} shards.")
    for number in range(count):
        yield dg.DynamicOutput(None, mapping_key=f"{number}_of_{count}")


@dg.op(tags=_STEP_TAGS, ins={"shard": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def cut_large_day(
    context: dg.OpExecutionContext,
    home: dg.ResourceParam[Home],
    local_llm: dg.ResourceParam[ConfiguredProvider],
) -> None:
    """Cut one shard of the day."""
    config, day = _config_of_run(context)
    # The mapping key is all that a step knows of its shard: see `plan_large_day`.
    number, _, count = (context.get_mapping_key() or "").partition("_of_")
    shards = Shards(_shards_name(context), int(count))
    with open_work(context, config, home, local_llm) as work, ending_canceled(context):
        statistics = cut_shard(
            home.pipeline,
            day,
            shards,
            int(number),
            rechunk=config.rechunk,
            chunker=work.model_chunker,
        )
    context.log.info(
        f"Shard {number} of {count}: {statistics.chunks:,} chunks of {statistics.conversations:,} "
        f"conversations, {statistics.conversations_kept:,} of which kept theirs."
    )


@dg.op(pool=POOL, tags=_STEP_TAGS, ins={"cut": dg.In(dg.Nothing)})
def publish_large_day(
    context: dg.OpExecutionContext,
    home: dg.ResourceParam[Home],
    local_llm: dg.ResourceParam[ConfiguredProvider],
) -> None:
    """Join the shards, publish the day and make it searchable, logged as materialisations."""
    config, day = _config_of_run(context)
    with open_work(context, config, home, local_llm) as work:
        # Planned again: the same day gives the same count. Where the day has changed since,
        # joining notices that its shards do not fit.
        count = plan_shards(home.pipeline, day, count=config.shards)
        work.shards = Shards(_shards_name(context), count)
        run_days(context, work, [day], ASSETS - _GATHERED)


def build_large_day_job(executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    """The job, with the executor of its steps."""

    @dg.job(
        name=LARGE_DAY,
        description="One huge day, cut in shards by the executor (DREAMING_EXECUTOR); the same "
        "chunks as in one piece.",
        tags={STAGE_TAG: "initial", PRIORITY_TAG: MEDIUM},
        executor_def=executor,
    )
    def large_day() -> None:
        planned_shards = plan_large_day(gathered=gather_large_day())
        cut_shards = planned_shards.map(lambda shard: cut_large_day(shard=shard))
        publish_large_day(cut=cut_shards.collect())

    return large_day


def large_day_config(day: date, *, shards: int | None, config: DreamingConfig) -> dict[str, Any]:
    """The run config of `dream_large_day`."""
    fields: dict[str, Any] = {
        "day": day.isoformat(),
        "rechunk": config.rechunk,
        "engine": config.engine,
    }
    if shards:
        fields["shards"] = shards
    return {"ops": {gather_large_day.name: {"config": fields}}}


def _config_of_run(context: Context) -> tuple[LargeDayConfig, date]:
    """The config of the run's first step, and its day."""
    # From the run, not from the step: a re-execution has the config without the first step.
    ops: Any = context.run.run_config["ops"]
    config = LargeDayConfig(**ops[gather_large_day.name]["config"])
    return config, parse_day(config.day)


def _shards_name(context: Context) -> str:
    """The name of the run's shards, unlike that of other runs."""
    # Of the root run: a re-execution from the failed step uses the shards that are cut already.
    return context.run.root_run_id or context.run.run_id
