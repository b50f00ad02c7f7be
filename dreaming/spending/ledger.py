"""The ledger: every call that may cost something, from its reservation to its end, in SQL."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from dreaming.chunk import QualityLevel
from dreaming.conversation import ConversationId
from dreaming.model_call import Answer, Outcome
from dreaming.money import Amount
from dreaming.processes import is_over
from dreaming.spending.budgets import WINDOWS, Balance, Limit, Window, window_scope
from dreaming.spending.entries import (
    Action,
    Entries,
    Purpose,
    Reservation,
    Reserving,
    Settlement,
    find_unknown,
    make_scopes,
    read_answer,
    read_balance,
    standing_limit,
    sum_calls,
)
from dreaming.spending.writing import LedgerWriter
from dreaming.storage.database import Database
from dreaming.storage.tables import budget_limits, calls, scopes, upgrade_spans

_PAID: tuple[Purpose, ...] = ("upgrade", "planning")

SpendingKey = Literal["request", "model", "day"]


class Ledger:
    """The ledger of a home. May be used from any thread; `close` ends its own."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self._writer = LedgerWriter(database, clock)

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()

    def reserve(self, reservation: Reservation) -> Future[Reserving]:
        """Reserve the most that a call can come to, in all of its scopes or in none."""
        return self._writer.submit(reservation)

    def settle(
        self, call_id: str, outcome: Outcome, *, cost: int = 0, run_id: str | None = None
    ) -> Future[bool]:
        """Write down how a call ended; what of its reservation was not used is free again.

        A call that was taken for lost is settled late, once; one that has ended is left as it is.
        Gives whether it was open. `run_id` is the run that learnt of it, where another one made the
        call.
        """
        return self._writer.submit(Settlement(call_id, outcome, cost, self.clock(), run_id))

    def write(self, action: Action) -> Future[Any]:
        """Write something else, in a transaction with what waits to be written; gives what the
        action returns.
        """
        return self._writer.submit(action)

    def reply(self, request_key: str, *, ask_again: bool = False) -> Answer | None:
        """The reply that an equal call has had; None where there is none."""
        query = (
            sa.select(calls)
            .where(calls.c.request_key == request_key, calls.c.reply.is_not(None))
            .order_by(calls.c.ended_at.desc())
            .limit(1)
        )
        if ask_again:
            query = query.where(~calls.c.unusable)
        with self.database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else read_answer(row)

    def spent_in_run(self, run_id: str, *, purpose: Purpose, day: date | None = None) -> Amount:
        """What the calls of a run for a purpose, about one day or all, count as: charged, and what
        may have been.
        """
        of_day = sa.true() if day is None else calls.c.day == day.isoformat()
        with self.database.read() as connection:
            return sum_calls(
                connection, calls.c.run_id == run_id, calls.c.purpose == purpose, of_day
            )

    def give_up_dead(self) -> int:
        """Turn the reservations of processes that are gone into unknown ones.

        They stay counted: the vendor may have charged. Returns how many.
        """
        with self.database.read() as connection:
            query = sa.select(calls.c.call_id, calls.c.owner, calls.c.lease_until).where(
                calls.c.state == "reserved", calls.c.batch_id.is_(None)
            )
            open_calls = connection.execute(query).all()
        dead = [
            call_id for call_id, owner, until in open_calls if is_over(owner, until, self.clock())
        ]
        if dead:
            with self.database.write() as connection:
                Entries(connection, self.clock()).give_up(dead)
        return len(dead)

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Say of a call whose cost is unknown whether it was charged; raises `UsageError` where
        that is not open.
        """
        with self.database.write() as connection:
            Entries(connection, self.clock()).resolve(call_id, charged=charged)

    def balance(self, scope_id: str) -> Balance:
        """What a scope allows, and what is gone of it."""
        with self.database.read() as connection:
            row = connection.execute(
                sa.select(scopes).where(scopes.c.scope_id == scope_id)
            ).one_or_none()
            return (
                Balance(scope_id, standing_limit(connection, scope_id))
                if row is None
                else read_balance(row)
            )

    def window_balances(self, provider: str, tier: QualityLevel) -> dict[Window, Balance]:
        """The balances of a provider and tier in the current month and day."""
        at = self.clock()
        return {
            window: self.balance(window_scope(provider, tier, window, at)) for window in WINDOWS
        }

    def limited(self) -> list[tuple[str, QualityLevel]]:
        """The providers and tiers that have a standing limit."""
        query = (
            sa.select(budget_limits.c.provider, budget_limits.c.tier)
            .distinct()
            .order_by(sa.text("1, 2"))
        )
        with self.database.read() as connection:
            return [(provider, tier) for provider, tier in connection.execute(query)]

    def spending(self, by: SpendingKey, *, limit: int) -> list[dict[str, Any]]:
        """What paid calls came to by request, model or conversation-day, the newest first."""
        key = {"request": calls.c.request_id, "model": calls.c.model, "day": calls.c.day}[by]
        asked_at = sa.func.max(calls.c.reserved_at, type_=calls.c.reserved_at.type)
        query = (
            sa.select(
                key.label("key"),
                asked_at.label("asked_at"),
                sa.func.min(calls.c.model).label("model"),
                sa.func.count().label("calls"),
                sa.func.sum(calls.c.counted_tokens).label("tokens"),
                sa.func.sum(calls.c.cost_picodollars).label("picodollars"),
                sa.func.sum(sa.case((calls.c.state == "unknown", 1), else_=0)).label("unknown"),
            )
            .where(calls.c.purpose.in_(_PAID))
            .group_by(key)
            .order_by(asked_at.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [
            row | {"cost_usd": str(Amount(0, int(row.pop("picodollars"))).cost_usd)} for row in rows
        ]

    def measured(self, *, since: datetime) -> list[dict[str, Any]]:
        """What upgrades have taken with each model since a moment: calls, text, tokens, cost and
        seconds.

        Of requests whose calls were charged: `text_tokens` and `calls` are of what was bought,
        tokens and cost of all.
        `latency_ms` is 0 where all came in batches.
        """
        charged = (
            sa.select(
                calls.c.request_id,
                calls.c.provider,
                calls.c.model,
                sa.func.sum(calls.c.counted_tokens).label("tokens"),
                sa.func.sum(calls.c.cost_picodollars).label("picodollars"),
                sa.func.avg(calls.c.latency_ms).label("latency_ms"),
            )
            .where(
                calls.c.purpose == "upgrade",
                calls.c.state == "settled",
                calls.c.reserved_at >= since,
            )
            .group_by(calls.c.request_id, calls.c.provider, calls.c.model)
            .subquery()
        )
        bought = (
            sa.select(
                upgrade_spans.c.request_id,
                sa.func.sum(upgrade_spans.c.tokens).label("text_tokens"),
                sa.func.count().label("calls"),
            )
            .where(upgrade_spans.c.state == "bought")
            .group_by(upgrade_spans.c.request_id)
            .subquery()
        )
        query = (
            sa.select(
                charged.c.provider,
                charged.c.model,
                *(
                    sa.func.sum(column).label(column.name)
                    for column in (bought.c.calls, bought.c.text_tokens)
                ),
                *(
                    sa.func.sum(column).label(column.name)
                    for column in (charged.c.tokens, charged.c.picodollars)
                ),
                sa.func.avg(charged.c.latency_ms).label("latency_ms"),
            )
            .join_from(charged, bought, charged.c.request_id == bought.c.request_id)
            .group_by(charged.c.provider, charged.c.model)
        )
        whole = ("calls", "text_tokens", "tokens", "picodollars", "latency_ms")
        with self.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [dict(row) | {name: int(row[name] or 0) for name in whole} for row in rows]

    def spent_since(self, moment: datetime) -> Amount:
        """What paid calls since a moment count as."""
        with self.database.read() as connection:
            return sum_calls(connection, calls.c.purpose.in_(_PAID), calls.c.reserved_at >= moment)

    def unknown_calls(self) -> list[dict[str, Any]]:
        """The calls of which nobody knows what they cost, if anything, the newest first."""
        query = (
            find_unknown().where(calls.c.cost_picodollars > 0).order_by(calls.c.reserved_at.desc())
        )
        with self.database.read() as connection:
            return [
                {
                    "call_id": row.call_id,
                    "model": row.model,
                    "failure": row.failure,
                    "tokens": row.counted_tokens,
                }
                for row in connection.execute(query)
            ]

    def set_limit(self, provider: str, tier: QualityLevel, window: Window, limit: Limit) -> None:
        """Set a standing limit from now on, in the window under way too, which opens again if it
        was closed.
        """
        values: dict[str, Any] = {
            "limit_tokens": limit.tokens,
            "limit_picodollars": limit.picodollars,
        }
        key = {"provider": provider, "tier": tier, "window": window}
        with self.database.write() as connection:
            connection.execute(
                budget_limits.delete().where(*(budget_limits.c[name] == key[name] for name in key))
            )
            connection.execute(budget_limits.insert().values(**key, **values))
            current = window_scope(provider, tier, window, self.clock())
            Entries(connection, self.clock()).load([current])
            connection.execute(
                scopes.update().where(scopes.c.scope_id == current).values(**values, closed=None)
            )

    def open_scope(self, scope_id: str, limit: Limit) -> str:
        """Make a scope with a limit, and return its id; one that is there keeps the limit that it
        has.
        """
        with self.database.write() as connection:
            make_scopes(connection, [Balance(scope_id, limit)])
        return scope_id

    def declare_elsewhere(
        self, scope_id: str, *, tokens: int | None = None, picodollars: int | None = None
    ) -> None:
        """Say what the same key has spent elsewhere in a window, in all; a figure that is not given
        stays.
        """
        said = {"elsewhere_tokens": tokens, "elsewhere_picodollars": picodollars}
        values = {name: figure for name, figure in said.items() if figure is not None}
        with self.database.write() as connection:
            Entries(connection, self.clock()).load([scope_id])
            connection.execute(
                scopes.update().where(scopes.c.scope_id == scope_id).values(**values)
            )

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the replies about a conversation, and that they were about it; the figures stay.
        Returns how many.
        """
        mine = calls.update().where(calls.c.conversation_id == conversation_id)
        with self.database.write() as connection:
            return connection.execute(
                mine.values(reply=None, request_key=None, conversation_id=None)
            ).rowcount
