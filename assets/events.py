"""The events that a run logs for a day: materialisations, checks, and an interruption."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg
from dagster import DagsterExecutionInterruptedError

from assets.stage import Check, Metadata, Stage
from dreaming.errors import DreamingError
from dreaming.home import Home

Context = dg.OpExecutionContext | dg.AssetExecutionContext


class BlockingCheckFailed(DreamingError):
    """A blocking asset check failed for a day, whose later stages are not run."""


def log_materialization(
    context: Context, stage: Stage, home: Home, day: date, metadata: Metadata
) -> None:
    """Log that a day of an asset was written."""
    # The content's hash as data version: the UI shows which days really changed.
    version = home.store.hash_of(stage.partition, day)
    context.log_event(
        dg.AssetMaterialization(
            stage.spec.key,
            partition=day.isoformat(),
            metadata=metadata,
            tags={"dagster/data_version": version} if version else None,
        )
    )


def log_evaluation(context: Context, check: Check, home: Home, day: date) -> None:
    """Evaluate a check of a day and log it; raises `BlockingCheckFailed` if it fails and blocks."""
    finding = check.evaluate(home, day)
    severity = dg.AssetCheckSeverity.ERROR if check.spec.blocking else dg.AssetCheckSeverity.WARN
    evaluation = dg.AssetCheckEvaluation(
        asset_key=check.spec.asset_key,
        check_name=check.spec.name,
        passed=finding.passed,
        partition=day.isoformat(),
        description=finding.description,
        metadata={**finding.figures},
        blocking=check.spec.blocking,
        severity=severity,
    )
    # Dagster accepts it, though its annotation for ops lacks this type.
    context.log_event(evaluation)  # type: ignore[arg-type]
    # All stages are in one op, within which Dagster does not stop for a blocking check.
    if check.spec.blocking and not finding.passed:
        raise BlockingCheckFailed(
            f"The check {check.spec.name} of {check.spec.asset_key.to_user_string()} failed."
        )


@contextmanager
def ending_canceled(context: Context) -> Iterator[None]:
    """Let a run that is interrupted by Ctrl-C or SIGTERM end canceled."""
    try:
        yield
    except DagsterExecutionInterruptedError:
        # Dagster ends an interrupted run as failed, unless it is canceling, as by Terminate.
        if context.run.status != dg.DagsterRunStatus.CANCELING:
            context.instance.report_run_canceling(
                context.run, "Interrupted; the days that were published stand."
            )
        raise
