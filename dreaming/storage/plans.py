"""Decisions of planners, stored so that they can be compared later."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dreaming.storage.database import Database
from dreaming.storage.tables import plans


class Plans:
    """The decisions of a home, as JSON."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def add(
        self,
        decision: Mapping[str, Any],
        *,
        at: datetime,
        run_id: str | None,
    ) -> None:
        """Store a decision; `run_id` is that of the run that acts on it, None without one."""
        row = {
            "plan_id": decision["plan_id"],
            "made_at": at,
            "run_id": run_id,
            "decision": dict(decision),
        }
        with self._ledger.write() as connection:
            connection.execute(plans.insert().values(row))

    def latest(
        self,
        count: int,
        *,
        acted_on: bool = False,
    ) -> list[dict[str, Any]]:
        """The newest decisions, newest first, with the `run_id` that acted on each."""
        query = sa.select(
            plans.c.run_id,
            plans.c.decision,
        )
        if acted_on:
            query = query.where(plans.c.run_id.is_not(None))
        query = query.order_by(plans.c.made_at.desc()).limit(count)
        with self._ledger.read() as connection:
            rows = connection.execute(query).all()
        return [row.decision | {"run_id": row.run_id} for row in rows]
