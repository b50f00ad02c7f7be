"""What is in a home after a fault, as JSON: run as a process of its own, with the home's
environment.
"""

import json
import sys
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES

from dagster_project.instance import open_instance
from dagster_project.owners import fail_orphaned_runs
from dreaming.home import Home, open_home
from dreaming.measuring.checking import check_nothing_lost, check_verbatim
from dreaming.settings import Settings
from dreaming.spending.budgets import request_scope
from dreaming.storage.tables import conversations, upgrade_requests

_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_FAILURES = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.STEP_FAILURE}


def inspect() -> dict[str, Any]:
    """Days that are not whole, what was spent, and how runs ended."""
    settings = Settings.from_environment()
    with open_home(settings) as home, open_instance(settings) as instance:
        fail_orphaned_runs(instance, home.ledger.database)
        runs = [_run(instance, run) for run in instance.get_runs()]
        ended = all(
            each.status in BULK_ACTION_TERMINAL_STATUSES for each in instance.get_backfills()
        )
        return _of_days(home) | _of_money(home) | {"runs": runs, "backfills_ended": ended}


def _of_days(home: Home) -> dict[str, Any]:
    with home.archive.database.read() as connection:
        imported = connection.execute(sa.select(conversations.c.conversation_id)).scalars().all()
    wanted = {day for conversation_id in imported for day in home.archive.days_of(conversation_id)}
    published = set(home.store.days("upgraded_chunks"))
    broken = [day for day in published if not _is_whole(home, day)]
    return {
        "waiting": len(wanted - published),
        "broken": len(broken),
        "chunks": sum(home.index.days().values()),
    }


def _is_whole(home: Home, day: Any) -> bool:
    stages = [
        check_verbatim(home.store, asset, day).passed
        for asset in ("basic_chunks", "upgraded_chunks")
    ]
    return all(stages) and bool(check_nothing_lost(home.store, home.index, day).passed)


def _of_money(home: Home) -> dict[str, Any]:
    with home.ledger.database.read() as connection:
        requests = connection.execute(sa.select(upgrade_requests.c.request_id)).scalars().all()
    balances = [home.ledger.balance(request_scope(request)).as_json() for request in requests]
    return {"requests": list(requests), "balances": balances}


def _run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, Any]:
    events = instance.all_logs(run.run_id, of_type=_FAILURES)
    told = [event.message or event.user_message for event in events]
    causes = [
        data.error.cause.message if data.error.cause else data.error.message
        for event in events
        if (data := getattr(event.dagster_event, "event_specific_data", None))
        and getattr(data, "error", None)
    ]
    return {"status": run.status.value, "has_ended": run.status in _ENDED, "told": [*causes, *told]}


if __name__ == "__main__":
    json.dump(inspect(), sys.stdout)
