"""What planners said, kept so that they can be compared later."""

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

    def add(self, decision: Mapping[str, Any], *, at: datetime, run_id: str | None) -> None:
        """Keep a decision; `run_id` is that of the run that acts on it, None where nobody does."""
        row = {
            "plan_id": decision["plan_id"],
            "made_at": at,
            "run_id": run_id,
            "decision": dict(decision),
        }
        with self._ledger.write() as connection:
            connection.execute(plans.insert().values(row))

    def latest(self, count: int, *, acted_on: bool = False) -> list[dict[str, Any]]:
        """The newest decisions, with the `run_id` of who acted on each, the newest first."""
        query = (
            sa.select(plans.c.run_id, plans.c.decision)
            .order_by(plans.c.made_at.desc())
            .limit(count)
        )
        if acted_on:
            query = query.where(plans.c.run_id.is_not(None))
        with self._ledger.read() as connection:
            return [{**row.decision, "run_id": row.run_id} for row in connection.execute(query)]
