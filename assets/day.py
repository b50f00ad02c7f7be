"""The four assets as one multi-asset over daily partitions: each day goes through all stages by
itself.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import date
from time import perf_counter

import dagster as dg

from assets import basic_chunks, memory_index, raw_conversations, upgraded_chunks
from assets.config import DayConfig, DreamingConfig
from assets.events import Context, ending_canceled, log_evaluation, log_materialization
from assets.stage import Work
from assets.upgrading import named, upgrade_days
from dreaming.buying.slices import count_quality
from dreaming.errors import DreamingError
from dreaming.home import Home
from dreaming.pipeline.model_chunker import open_model_chunker
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.meter import Meter
from dreaming.task import DreamingTaskResult

STAGES = (raw_conversations.STAGE, basic_chunks.STAGE, upgraded_chunks.STAGE, memory_index.STAGE)
ASSETS = frozenset(stage.spec.key for stage in STAGES)
POOL = "dreaming"
"""Of all ops that dream days: `dagster instance concurrency set dreaming N` lets at most N runs do
so at once.
"""
CHECKS = frozenset(check.spec.key for stage in STAGES for check in stage.checks)


def build_assets(
    partitions: dg.PartitionsDefinition[str], *, days_a_run: int | None = None
) -> dg.AssetsDefinition:
    """The assets over daily partitions; any of them, and any of their checks, can be selected
    alone.

    A run of a backfill takes at most `days_a_run` days, so that several machines may share it; by
    default all.
    """

    @dg.multi_asset(
        name="dreaming",
        specs=[stage.spec for stage in STAGES],
        check_specs=[check.spec for stage in STAGES for check in stage.checks],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run()
        if days_a_run is None
        else dg.BackfillPolicy.multi_run(days_a_run),
        can_subset=True,
        pool=POOL,
    )
    def dreaming(
        context: dg.AssetExecutionContext,
        config: DayConfig,
        home: dg.ResourceParam[Home],
        anthropic: dg.ResourceParam[ConfiguredProvider],
        openai: dg.ResourceParam[ConfiguredProvider],
        local_llm: dg.ResourceParam[ConfiguredProvider],
    ) -> Iterator[dg.MaterializeResult[None]]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        # Before anything is done: what is wrong with them is said at once.
        terms = config.terms() if config.target_quality else None
        with open_work(context, config, home, local_llm) as work:
            done = run_days(
                context, work, days, context.selected_asset_keys, context.selected_asset_check_keys
            )
        if terms and upgraded_chunks.STAGE.spec.key in context.selected_asset_keys:
            upgrade_days(
                context,
                home,
                named(anthropic, openai, local_llm),
                terms,
                days,
                planner=config.planner,
                after=done,
            )
        # Each day's events are logged as it ends, so that they stand when a later day fails;
        # nothing is left to yield.
        yield from ()

    return dreaming


@contextmanager
def open_work(
    context: Context, config: DreamingConfig, home: Home, local_llm: ConfiguredProvider
) -> Iterator[Work]:
    """What a run works with: a chunker over the local LLM where the config asks for one."""
    if config.engine == "rules":
        yield Work(home, config, None)
        return
    meter = Meter(home.ledger, purpose="basic_chunks", run_id=context.run.run_id)
    provider = local_llm.open(meter, today=home.clock().date())
    with open_model_chunker(provider, rules=home.segmenters.chunker()) as chunker:
        try:
            yield Work(home, config, chunker)
        finally:
            home.on_model_report(chunker.report)
            if failure := chunker.report.first_failure:
                context.log.warning(
                    f"Some conversations were cut by the rules. The first of the reasons: {failure}"
                )


def run_days(
    context: Context,
    work: Work,
    days: Sequence[date],
    assets: AbstractSet[dg.AssetKey] = ASSETS,
    checks: AbstractSet[dg.AssetCheckKey] = CHECKS,
) -> DreamingTaskResult:
    """Run the selected stages and checks of each day, one after the other, logging each day's
    events as it ends.

    Raises `dagster.Failure`, naming them, when days failed; all others were published. The result
    is stored either way.
    """
    started = perf_counter()
    result = DreamingTaskResult(quality_before=count_quality(work.home.store, days))
    try:
        with ending_canceled(context):
            work.home.pipeline.refresh()
            for day in days:
                _try_day(context, work, day, assets, checks, result)
    finally:
        _store(context, work, days, result, seconds=perf_counter() - started)
    if result.failed_days:
        raise dg.Failure(
            description="; ".join(f"{day}: {said}" for day, said in result.failed_days.items()),
            metadata={"failed_days": dg.MetadataValue.json(list(result.failed_days))},
            allow_retries=False,
        )
    return result


def _try_day(
    context: Context,
    work: Work,
    day: date,
    assets: AbstractSet[dg.AssetKey],
    checks: AbstractSet[dg.AssetCheckKey],
    result: DreamingTaskResult,
) -> None:
    try:
        for stage in STAGES:
            if stage.spec.key in assets:
                log_materialization(context, stage, work.home, day, stage.materialize(work, day))
            for check in stage.checks:
                if check.spec.key in checks:
                    log_evaluation(context, check, work.home, day)
    except Exception as error:  # whatever stops one day must not stop the others
        context.log.exception(f"{day} failed and was left as it was published before.")
        # Ours say what happened; of any other, its type is the first thing to know.
        said = (
            str(error) if isinstance(error, DreamingError) else f"{type(error).__name__}: {error}"
        )
        result.failed_days[day.isoformat()] = said
    else:
        result.days_published.append(day.isoformat())


def _store(
    context: Context,
    work: Work,
    days: Sequence[date],
    result: DreamingTaskResult,
    *,
    seconds: float,
) -> None:
    """Store what the run came to."""
    spent = work.home.ledger.spent_in_run(context.run.run_id, purpose="basic_chunks")
    if chunker := work.model_chunker:
        result.llm_model = chunker.model.served
    result.chunks_created, result.tokens_consumed = work.chunks_created, spent.tokens
    result.quality_counts = count_quality(work.home.store, days)
    result.processing_time_seconds = round(seconds, 3)
    work.home.requests.store_result(
        context.run.run_id, None, result.as_json(), at=work.home.clock()
    )
