"""What a run logs of a day: materialisations, evaluations of
checks, and that it was interrupted.
"""

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
    """A blocking asset check did not hold for a day, which goes no further."""


def log_materialization(
    context: Context, stage: Stage, home: Home, day: date, metadata: Metadata
) -> None:
    """Log that a day of an asset was written."""
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
    """Evaluate a check of a day and log the outcome; raises `BlockingCheckFailed` where a blocking
    one fails.
    """
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
        raise BlockingCheckFailed(
            f"The check {check.spec.name} of {check.spec.asset_key.to_user_string()} failed."
        )


@contextmanager
def ending_canceled(context: Context) -> Iterator[None]:
    """Let the run end canceled when it is interrupted by Ctrl-C or SIGTERM, which Dagster calls
    failed.
    """
    try:
        yield
    except DagsterExecutionInterruptedError:
        if context.run.status != dg.DagsterRunStatus.CANCELING:
            context.instance.report_run_canceling(
                context.run, "Interrupted; the days that were published stand."
            )
        raise
