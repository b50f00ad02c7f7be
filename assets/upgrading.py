"""An upgrade within a run: buys the request's open chunks on the run's days, and reports them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import dagster as dg

from assets.events import Context, ending_canceled, log_evaluation, log_materialization
from assets.metadata import plan_metadata, upgrade_metadata
from assets.stage import Metadata
from assets.upgraded_chunks import STAGE, published_metadata
from dreaming.buying.executor import DreamingExecutor
from dreaming.errors import DreamingError
from dreaming.event_loop import EventLoop, despite_interruption
from dreaming.home import Home
from dreaming.planning.plan import Decision, PlannerName
from dreaming.planning.planner import Planner
from dreaming.providers.registry import ConfiguredProvider
from dreaming.statistics import ChunkStatistics
from dreaming.task import DreamingTaskResult
from dreaming.upgrading.terms import UpgradeTerms

REQUEST_TAG = "dreaming/request"
_REQUEST_TAGS = (REQUEST_TAG, "dagster/root_backfill_id", "dagster/backfill")
"""Tags with the id of a run's request; the first that the run has counts.

With the id of its backfill or of its first attempt, a retry shares their budget.
"""


def by_name(*providers: ConfiguredProvider) -> dict[str, ConfiguredProvider]:
    """Providers by name."""
    return {provider.name: provider for provider in providers}


def request_id_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """The id of a run's upgrade request, the same for re-executions and all runs of a backfill."""
    for tag in _REQUEST_TAGS:
        if run.tags.get(tag):
            return run.tags[tag]
    root_id = run.root_run_id or run.tags.get("dagster/root_run_id")
    if root_id is None:
        return run.run_id
    # A run of a backfill that is re-executed alone loses the tag that its root has.
    root = instance.get_run_by_id(root_id)
    return root_id if root is None else request_id_of(root, instance)


def upgrade_days(
    context: Context,
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    terms: UpgradeTerms,
    days: Sequence[date],
    *,
    planner: PlannerName | Literal[""] = "",
    after: DreamingTaskResult | None = None,
) -> DreamingTaskResult:
    """Upgrade days within a run; a used-up budget or time limit is a normal end.

    `planner` names the planner of what the terms leave open; `after` is the result of the run's
    free stages. Of the terms, a known request uses only the delivery.

    Raises `dagster.Failure` where the provider cannot be used, or a day could not be published;
    bought chunks are kept.
    """
    published: dict[date, ChunkStatistics] = {}
    run_id = context.run.run_id
    executor = DreamingExecutor(home, providers, run_id=run_id, on_published=published.__setitem__)
    decision: Decision | None = None
    with ending_canceled(context):
        try:
            request_id = request_id_of(context.run, context.instance)
            # A known request was planned by its first run, and keeps those terms.
            if planner and not home.requests.is_known(request_id):
                decision = _plan(context, home, providers, terms, days, planner)
                if decision.plan.terms is None:
                    return _store_empty_result(context, home, request_id, decision, after)
                terms = decision.plan.terms
            request = executor.begin(request_id, terms)
            for warning in executor.offers.check(request.terms):
                context.log.warning(warning)
            result = executor.upgrade(request, days, after=after, delivery=terms.delivery)
        except DreamingError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        finally:
            # A day told twice does no harm; a day that is published and never told stays stale in
            # the UI.
            despite_interruption(lambda: _report(context, home, published, days, decision))
    if result.stopped == "provider" or result.failed_days:
        messages = [result.message] if result.message else []
        messages += result.failed_days.values()
        raise dg.Failure(description="; ".join(messages), allow_retries=False)
    return result


def _plan(
    context: Context,
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    terms: UpgradeTerms,
    days: Sequence[date],
    planner: PlannerName,
) -> Decision:
    """Plan what terms leave open."""
    # Without a budget of its own, an upgrade takes today's share of the month's.
    paced = terms.max_tokens is None and terms.max_cost_usd is None
    with EventLoop() as loop:
        planning = Planner(home, providers, run_id=context.run.run_id)
        decision = loop.run(planning.plan(terms, days, planner=planner, paced=paced))
    if decision.why_rules:
        context.log.warning(f"The rules plan, not the thinking model. {decision.why_rules}")
    context.log.info(
        f"Plan {decision.plan_id} by the {decision.plan.planner}: {decision.plan.reason}"
    )
    return decision


def _store_empty_result(
    context: Context,
    home: Home,
    request_id: str,
    decision: Decision,
    after: DreamingTaskResult | None,
) -> DreamingTaskResult:
    """Store and return the result of a run that is planned to spend nothing."""
    result = DreamingTaskResult(request_id=request_id, message=decision.plan.reason)
    result.add(after)
    home.requests.store_result(context.run.run_id, request_id, result.as_json(), at=home.clock())
    return result


def _report(
    context: Context,
    home: Home,
    published: Mapping[date, ChunkStatistics],
    days: Sequence[date],
    decision: Decision | None,
) -> None:
    """Log the changed days and their checks; without any, an observation of the last day.

    Nothing is logged where the upgrade was refused: it has no result.
    """
    # From the store: an upgrade that was interrupted has stored its result, and returned none.
    stored_result = home.requests.result(context.run.run_id)
    if stored_result is None:
        return
    result = DreamingTaskResult.from_json(stored_result)
    if result.message:
        context.log.warning(result.message)
    for day in sorted(published):
        metadata = plan_metadata(decision) | _metadata(context, home, result, day)
        metadata |= published_metadata(
            home, day, published[day], seconds=result.processing_time_seconds
        )
        log_materialization(context, STAGE, home, day, metadata)
        for check in STAGE.checks:
            log_evaluation(context, check, home, day)
    if days and not published:
        # The UI would show nothing of a run without events: not what it spent, nor why it stopped.
        last_day = days[-1]
        metadata = plan_metadata(decision) | _metadata(context, home, result, last_day)
        observation = dg.AssetObservation(
            STAGE.spec.key, partition=last_day.isoformat(), metadata=metadata
        )
        context.log_event(observation)


def _metadata(context: Context, home: Home, result: DreamingTaskResult, day: date) -> Metadata:
    spent = home.ledger.spent_in_run(context.run.run_id, purpose="upgrade", day=day)
    return upgrade_metadata(result, day_tokens=spent.tokens, day_cost_usd=spent.cost_usd)
