"""An upgrade within a run: buys what the request's plan still lacks on the run's days, and reports
each changed day.
"""

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
from dreaming.event_loop import EventLoop
from dreaming.home import Home
from dreaming.planning.plan import Decision, PlannerName
from dreaming.planning.planner import Planner
from dreaming.providers.registry import ConfiguredProvider
from dreaming.statistics import ChunkStatistics
from dreaming.task import DreamingTaskResult
from dreaming.upgrading.terms import UpgradeTerms

REQUEST_TAG = "dreaming/request"
_REQUEST_TAGS = (REQUEST_TAG, "dagster/root_backfill_id", "dagster/backfill")
"""Where the id of a run's request stands, the first that is there: a retry has no fresh budget."""


def named(*providers: ConfiguredProvider) -> dict[str, ConfiguredProvider]:
    """Providers by name."""
    return {provider.name: provider for provider in providers}


def request_id_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> str:
    """The id of the upgrade request that a run works on: the same for its re-executions and its
    backfill's runs.
    """
    found = next((run.tags[tag] for tag in _REQUEST_TAGS if tag in run.tags), None)
    root_id = run.root_run_id or run.tags.get("dagster/root_run_id")
    if found or root_id is None:
        return found or run.run_id
    # Re-executed by itself, a run of a backfill loses the tag that its root has.
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
    """Upgrade days within a run; its budget or its time being used up is a normal end.

    `planner` is who plans what the terms leave open; `after` is what the run did before. A request
    that is known takes of the terms the delivery alone.

    Raises `dagster.Failure` where the provider cannot be used or a day could not be
    published; what was bought stands.
    """
    published: dict[date, ChunkStatistics] = {}
    executor = DreamingExecutor(
        home, providers, run_id=context.run.run_id, on_published=published.__setitem__
    )
    decision: Decision | None = None
    try:
        request_id = request_id_of(context.run, context.instance)
        if planner and not home.requests.is_known(request_id):
            decision = _plan(context, home, providers, terms, days, planner)
            if decision.plan.terms is None:
                return _save(context, home, request_id, decision, after)
            terms = decision.plan.terms
        request = executor.begin(request_id, terms)
        for warning in executor.offers.check(request.terms):
            context.log.warning(warning)
        with ending_canceled(context):
            result = executor.upgrade(request, days, after=after, delivery=terms.delivery)
    except DreamingError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    finally:
        if (told := home.requests.result(context.run.run_id)) is not None:
            _report(context, home, DreamingTaskResult.from_json(told), published, days, decision)
    if result.stopped == "provider" or result.failed_days:
        raise dg.Failure(
            description="; ".join([*filter(None, [result.message]), *result.failed_days.values()]),
            allow_retries=False,
        )
    return result


def _plan(
    context: Context,
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    terms: UpgradeTerms,
    days: Sequence[date],
    planner: PlannerName,
) -> Decision:
    """Plan what terms leave open. Without a budget of its own, an upgrade takes today's share of
    the month's.
    """
    with EventLoop() as loop:
        planning = Planner(home, providers, run_id=context.run.run_id)
        paced = terms.max_tokens is None and terms.max_cost_usd is None
        decision = loop.run(planning.plan(terms, days, planner=planner, paced=paced))
    if decision.why_rules:
        context.log.warning(f"The rules plan, not the thinking model. {decision.why_rules}")
    context.log.info(
        f"Plan {decision.plan_id} by the {decision.plan.planner}: {decision.plan.reason}"
    )
    return decision


def _save(
    context: Context,
    home: Home,
    request_id: str,
    decision: Decision,
    after: DreamingTaskResult | None,
) -> DreamingTaskResult:
    """What a run comes to that is planned to spend nothing."""
    result = DreamingTaskResult(request_id=request_id, message=decision.plan.reason)
    result.add(after)
    home.requests.store_result(context.run.run_id, request_id, result.as_json(), at=home.clock())
    return result


def _report(
    context: Context,
    home: Home,
    result: DreamingTaskResult,
    published: Mapping[date, ChunkStatistics],
    days: Sequence[date],
    decision: Decision | None,
) -> None:
    """Log the days that changed, and their checks; where none did, what the last of them is and why
    it stayed so.
    """
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
        metadata = plan_metadata(decision) | _metadata(context, home, result, days[-1])
        context.log_event(
            dg.AssetObservation(STAGE.spec.key, partition=days[-1].isoformat(), metadata=metadata)
        )


def _metadata(context: Context, home: Home, result: DreamingTaskResult, day: date) -> Metadata:
    spent = home.ledger.spent_in_run(context.run.run_id, purpose="upgrade", day=day)
    return upgrade_metadata(result, day_tokens=spent.tokens, day_cost_usd=spent.cost_usd)
