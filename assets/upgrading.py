"""An upgrade within a run: buys what the request's plan still lacks on the run's days, and reports each changed day."""

from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from assets.metadata import chunk_metadata, upgrade_metadata
from dreaming.executor import DreamingExecutor
from dreaming.home import Home
from dreaming.providers.registry import ConfiguredProvider
from dreaming.statistics import ChunkStatistics
from dreaming.task import DreamingTaskResult
from dreaming.upgrading.terms import UpgradeTerms

UPGRADED = dg.AssetKey("upgraded_chunks")

REQUEST_TAG = "dreaming/request"
_REQUEST_TAGS = (REQUEST_TAG, "dagster/root_backfill_id", "dagster/backfill", "dagster/root_run_id")
"""Where the id of a run's request stands, the first that is there: a retry has no fresh budget."""

Context = dg.OpExecutionContext | dg.AssetExecutionContext


def named(*providers: ConfiguredProvider) -> dict[str, ConfiguredProvider]:
    """Providers by name."""
    return {provider.name: provider for provider in providers}


def request_id_of(run: dg.DagsterRun) -> str:
    """The id of the upgrade request that a run works on: the same for its re-executions and its backfill's runs."""
    tagged = (run.tags.get(tag) for tag in _REQUEST_TAGS)
    return next((found for found in tagged if found), None) or run.root_run_id or run.run_id


def upgrade_days(
    context: Context,
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    terms: UpgradeTerms,
    days: Sequence[date],
) -> DreamingTaskResult:
    """Upgrade days within a run; its budget or its time being used up is a normal end.

    Raises `dagster.Failure` where the provider cannot be used or a day could not be published; what was bought stands.
    """
    published: dict[date, ChunkStatistics] = {}
    executor = DreamingExecutor(home, providers, run_id=context.run_id, on_published=published.__setitem__)
    request = executor.begin(request_id_of(context.run), terms)
    try:
        result = executor.upgrade(request, days)
    finally:
        told = home.requests.result(context.run_id)
        if told is not None:
            _report(context, home, DreamingTaskResult.from_json(told), published, days)
    if result.stopped == "provider" or result.failed_days:
        raise dg.Failure(
            description="; ".join([*filter(None, [result.message]), *result.failed_days.values()]),
            allow_retries=False,
        )
    return result


def _report(
    context: Context,
    home: Home,
    result: DreamingTaskResult,
    published: Mapping[date, ChunkStatistics],
    days: Sequence[date],
) -> None:
    """Log the days that changed; and the last one where none did, so that the run says why."""
    if result.message:
        context.log.warning(result.message)
    for day in sorted(published) or days[-1:]:
        spent = home.ledger.spent_in_run(context.run_id, day=day)
        metadata = upgrade_metadata(result, day_tokens=spent.tokens, day_cost_usd=spent.cost_usd)
        if day in published:
            path = home.store.path("upgraded_chunks", day)
            metadata |= chunk_metadata(published[day], path=path, seconds=result.processing_time_seconds)
        version = home.store.hash_of("upgraded_chunks", day)
        tags = {"dagster/data_version": version} if version else None
        context.log_event(dg.AssetMaterialization(UPGRADED, partition=day.isoformat(), metadata=metadata, tags=tags))
