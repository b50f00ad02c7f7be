"""The four assets as one multi-asset over daily partitions: each day goes through all stages by itself."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import date

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from assets import basic_chunks, memory_index, raw_conversations, upgraded_chunks
from assets.stage import Check, DayConfig, DreamingConfig, Work
from assets.upgrading import UPGRADED, named, upgrade_days
from dreaming.errors import DreamingError
from dreaming.home import Home
from dreaming.model_chunker import open_model_chunker
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.meter import Meter

STAGES = (raw_conversations.STAGE, basic_chunks.STAGE, upgraded_chunks.STAGE, memory_index.STAGE)
ASSETS = frozenset(stage.spec.key for stage in STAGES)
POOL = "dreaming"
"""Of all ops that dream days: `dagster instance concurrency set dreaming N` lets at most N runs do so at once."""
CHECKS = frozenset(check.spec.key for stage in STAGES for check in stage.checks)


class BlockingCheckFailed(DreamingError):
    """A blocking asset check did not hold for a day, which goes no further."""


def build_assets(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The assets over daily partitions; any of them, and any of their checks, can be selected alone."""

    @dg.multi_asset(
        name="dreaming",
        specs=[stage.spec for stage in STAGES],
        check_specs=[check.spec for stage in STAGES for check in stage.checks],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
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
        terms = config.terms() if config.target_quality else None
        with open_work(context, config, home, local_llm) as work:
            run_days(context, work, days, context.selected_asset_keys, context.selected_asset_check_keys)
        if terms and UPGRADED in context.selected_asset_keys:
            upgrade_days(context, home, named(anthropic, openai, local_llm), terms, days)
        # Each day's events are logged as it ends, so that they stand when a later day fails; nothing is left to yield.
        yield from ()

    return dreaming


@contextmanager
def open_work(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    config: DreamingConfig,
    home: Home,
    local_llm: ConfiguredProvider,
) -> Iterator[Work]:
    """What a run works with: a chunker over the local LLM where the config asks for one."""
    if config.engine == "rules":
        yield Work(home, config, None)
        return
    meter = Meter(home.ledger, purpose="basic_chunks", run_id=context.run_id)
    provider = local_llm.open(meter, today=home.pipeline.clock().date())
    with open_model_chunker(provider) as chunker:
        try:
            yield Work(home, config, chunker)
        finally:
            home.on_model_report(chunker.report)
            if failure := chunker.report.first_failure:
                context.log.warning(f"Some conversations were cut by the rules. The first of the reasons: {failure}")


def run_days(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    work: Work,
    days: Sequence[date],
    assets: AbstractSet[dg.AssetKey] = ASSETS,
    checks: AbstractSet[dg.AssetCheckKey] = CHECKS,
) -> None:
    """Run the selected stages and checks of each day, one after the other, logging each day's events as it ends.

    Raises `dagster.Failure`, naming them, when days failed; all others were published.
    """
    work.home.pipeline.refresh()
    failures: dict[date, Exception] = {}
    for day in days:
        try:
            _run_day(context, work, day, assets, checks)
        except DagsterExecutionInterruptedError:
            # Without this, Dagster calls a run that was interrupted by Ctrl-C or SIGTERM failed, not canceled.
            if context.run.status != dg.DagsterRunStatus.CANCELING:
                context.instance.report_run_canceling(context.run, f"Interrupted at {day}; the days before it stand.")
            raise
        except Exception as error:  # whatever stops one day must not stop the others
            context.log.exception(f"{day} failed and was left as it was published before.")
            failures[day] = error
    if failures:
        raise dg.Failure(
            description="; ".join(f"{day}: {_said(error)}" for day, error in failures.items()),
            metadata={"failed_days": dg.MetadataValue.json([day.isoformat() for day in failures])},
            allow_retries=False,
        )


def _said(error: Exception) -> str:
    """Ours say what happened; of any other, its type is the first thing to know."""
    return str(error) if isinstance(error, DreamingError) else f"{type(error).__name__}: {error}"


def _run_day(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    work: Work,
    day: date,
    assets: AbstractSet[dg.AssetKey],
    checks: AbstractSet[dg.AssetCheckKey],
) -> None:
    for stage in STAGES:
        if stage.spec.key in assets:
            metadata = stage.materialize(work, day)
            version = work.home.store.hash_of(stage.partition, day)
            context.log_event(
                dg.AssetMaterialization(
                    stage.spec.key,
                    partition=day.isoformat(),
                    metadata=metadata,
                    tags={"dagster/data_version": version} if version else None,
                )
            )
        for check in stage.checks:
            if check.spec.key in checks:
                _evaluate(context, check, work.home, day)


def _evaluate(context: dg.OpExecutionContext | dg.AssetExecutionContext, check: Check, home: Home, day: date) -> None:
    finding = check.evaluate(home, day)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=check.spec.asset_key,
        check_name=check.spec.name,
        passed=finding.passed,
        partition=day.isoformat(),
        description=finding.description,
        metadata={**finding.figures},
        blocking=check.spec.blocking,
        severity=dg.AssetCheckSeverity.ERROR if check.spec.blocking else dg.AssetCheckSeverity.WARN,
    )
    context.log_event(evaluation)  # type: ignore[arg-type] # taken, though the annotation of ops does not say so
    if check.spec.blocking and not finding.passed:
        raise BlockingCheckFailed(f"The check {check.spec.name} of {check.spec.asset_key.to_user_string()} failed.")
