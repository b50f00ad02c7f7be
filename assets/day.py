"""The four assets as one multi-asset over daily partitions: each day passes all stages alone."""

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
from assets.upgrading import by_name, upgrade_days
from dreaming.buying.slices import count_quality
from dreaming.errors import DreamingError
from dreaming.event_loop import despite_interruption
from dreaming.home import Home
from dreaming.pipeline.model_chunker import open_model_chunker
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.meter import Meter
from dreaming.task import DreamingTaskResult

STAGES = (raw_conversations.STAGE, basic_chunks.STAGE, upgraded_chunks.STAGE, memory_index.STAGE)
ASSETS = frozenset(stage.spec.key for stage in STAGES)
POOL = "dreaming"
"""The pool of all ops that run days: `dagster instance concurrency set dreaming N` limits how many
runs do so at once.
"""
_CHECKS = [check for stage in STAGES for check in stage.checks]
CHECKS = frozenset(check.spec.key for check in _CHECKS)


def build_assets(
    partitions: dg.PartitionsDefinition[str], *, days_a_run: int | None = None
) -> dg.AssetsDefinition:
    """The assets over daily partitions; each of them, and of their checks, can be selected alone.

    A run of a backfill takes at most `days_a_run` days, so that several machines may share it; by
    default all.
    """
    if days_a_run is None:
        backfill_policy = dg.BackfillPolicy.single_run()
    else:
        backfill_policy = dg.BackfillPolicy.multi_run(days_a_run)

    @dg.multi_asset(
        name="dreaming",
        specs=[stage.spec for stage in STAGES],
        check_specs=[check.spec for check in _CHECKS],
        partitions_def=partitions,
        backfill_policy=backfill_policy,
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
        # First, so that invalid terms fail the run before it does anything.
        terms = config.terms() if config.target_quality else None
        assets = context.selected_asset_keys
        with open_work(context, config, home, local_llm) as work:
            result = run_days(context, work, days, assets, context.selected_asset_check_keys)
        if terms and upgraded_chunks.STAGE.spec.key in assets:
            providers = by_name(anthropic, openai, local_llm)
            upgrade_days(
                context, home, providers, terms, days, planner=config.planner, after=result
            )
        # Nothing is left to yield: the events of each day are logged when it ends, so that they
        # are kept when a later day fails.
        yield from ()

    return dreaming


@contextmanager
def open_work(
    context: Context, config: DreamingConfig, home: Home, local_llm: ConfiguredProvider
) -> Iterator[Work]:
    """The `Work` of a run, with a chunker over the local LLM where the config asks for it."""
    if config.engine == "rules":
        yield Work(home, config, None)
        return
    meter = Meter(home.ledger, purpose="basic_chunks", run_id=context.run.run_id)
    provider = local_llm.open(meter, today=home.clock().date())
    with open_model_chunker(provider, rules=home.segmenters.chunker()) as chunker:
        try:
            yield Work(home, config, chunker)
        finally:
            # Also of a run that failed: its report says what the model was asked.
            home.on_model_report(chunker.report)
            failure = chunker.report.first_failure
            if failure:
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
    """Run the selected stages and checks of days, one day after the other.

    The events of each day are logged when it ends. Raises `dagster.Failure` with the days that
    failed; all others are published. The result is stored either way.
    """
    started = perf_counter()
    result = DreamingTaskResult(quality_before=count_quality(work.home.store, days))
    try:
        with ending_canceled(context):
            work.home.pipeline.refresh()
            for day in days:
                _try_day(context, work, day, assets, checks, result)
    finally:
        # Also of a run that was interrupted: the days before are published.
        despite_interruption(
            lambda: _store_result(context, work, days, result, seconds=perf_counter() - started)
        )
    if result.failed_days:
        messages = [f"{day}: {message}" for day, message in result.failed_days.items()]
        raise dg.Failure(
            description="; ".join(messages),
            metadata={"failed_days": dg.MetadataValue.json(list(result.failed_days))},
            # A retry would fail alike, and run all days again.
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
                metadata = stage.materialize(work, day)
                log_materialization(context, stage, work.home, day, metadata)
            # Before the next stage: a blocking check that fails ends the day here.
            for check in stage.checks:
                if check.spec.key in checks:
                    log_evaluation(context, check, work.home, day)
    except Exception as error:  # any failure of one day must not stop the others
        context.log.exception(f"{day} failed and was left as it was published before.")
        message = str(error)
        # Our own messages are enough; of any other error, the type says the most.
        if not isinstance(error, DreamingError):
            message = f"{type(error).__name__}: {error}"
        result.failed_days[day.isoformat()] = message
    else:
        result.days_published.append(day.isoformat())


def _store_result(
    context: Context,
    work: Work,
    days: Sequence[date],
    result: DreamingTaskResult,
    *,
    seconds: float,
) -> None:
    home = work.home
    run_id = context.run.run_id
    spent = home.ledger.spent_in_run(run_id, purpose="basic_chunks")
    if work.model_chunker:
        result.llm_model = work.model_chunker.model.served
    result.chunks_created = work.chunks_created
    result.tokens_consumed = spent.tokens
    result.quality_counts = count_quality(home.store, days)
    result.processing_time_seconds = round(seconds, 3)
    home.requests.store_result(run_id, None, result.as_json(), at=home.clock())
