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
from dreaming.spending.call_rows import find_unknown, read_answer, sum_calls
from dreaming.spending.entries import Action, Entries
from dreaming.spending.reservations import Purpose, Reservation, ReservationResult, Settlement
from dreaming.spending.scope_rows import make_scopes, read_balance, standing_limit
from dreaming.spending.spending_reports import cost_by, measured_by_model
from dreaming.spending.writing import LedgerWriter
from dreaming.storage.database import Database
from dreaming.storage.tables import budget_limits, calls, scopes

# Basic chunks are made by local models, which are free.
_PAID: tuple[Purpose, ...] = ("upgrade", "planning")
"""The purposes that count as a home's spending."""

SpendingKey = Literal["request", "model", "day"]


class Ledger:
    """The ledger of a home. It may be used from any thread; `close` ends its own thread.

    `reserve`, `settle` and `write` are queued, written together by the ledger's own thread, and
    return futures. The other methods read or write at once, on the caller's thread.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self._writer = LedgerWriter(database, clock)

    def close(self) -> None:
        """Write what waits, and end the thread that writes."""
        self._writer.close()

    def reserve(self, reservation: Reservation) -> Future[ReservationResult]:
        """Reserve the most that a call can cost, in all of its scopes or in none."""
        return self._writer.submit(reservation)

    def settle(
        self, call_id: str, outcome: Outcome, *, cost: int = 0, run_id: str | None = None
    ) -> Future[bool]:
        """Write the outcome of a call; the unused part of its reservation is free again.

        A call that was taken for lost is settled late, once; one that has ended is left as it is.
        The result is whether it was settled now. `run_id` is the run that learnt the outcome, if
        another run made the call.
        """
        return self._writer.submit(Settlement(call_id, outcome, cost, self.clock(), run_id))

    def write(self, action: Action) -> Future[Any]:
        """Do a further write in the transaction of the next entries; gives the action's result."""
        return self._writer.submit(action)

    def reply(self, request_key: str, *, ask_again: bool = False) -> Answer | None:
        """The newest reply to an equal call, or None; with `ask_again`, only a usable one."""
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
        """The amount that a run's calls for a purpose count as, about one day or about all.

        It includes calls that may have been charged.
        """
        conditions = [calls.c.run_id == run_id, calls.c.purpose == purpose]
        if day is not None:
            conditions.append(calls.c.day == day.isoformat())
        with self.database.read() as connection:
            return sum_calls(connection, *conditions)

    def give_up_dead(self) -> int:
        """End the open calls of processes that are dead; returns how many were found.

        They stay counted: the vendor may have charged them.
        """
        # Calls in a batch are settled from what their vendor reports, by any process.
        query = sa.select(calls.c.call_id, calls.c.owner, calls.c.lease_until).where(
            calls.c.state == "reserved", calls.c.batch_id.is_(None)
        )
        with self.database.read() as connection:
            open_calls = connection.execute(query).all()
        dead = []
        for call_id, owner, lease_until in open_calls:
            if is_over(owner, lease_until, self.clock()):
                dead.append(call_id)
        if dead:
            # The calls were read without a lock: `give_up` checks again which are still open.
            with self.database.write() as connection:
                Entries(connection, self.clock()).give_up(dead)
        return len(dead)

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Note whether a call whose cost is unknown was charged.

        Raises `UsageError` where its cost is known.
        """
        with self.database.write() as connection:
            Entries(connection, self.clock()).resolve(call_id, charged=charged)

    def balance(self, scope_id: str) -> Balance:
        """The limit of a scope, and what is spent and reserved of it."""
        query = sa.select(scopes).where(scopes.c.scope_id == scope_id)
        with self.database.read() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                # The scope's row is made with its first reservation.
                return Balance(scope_id, standing_limit(connection, scope_id))
            return read_balance(row)

    def window_balances(self, provider: str, tier: QualityLevel) -> dict[Window, Balance]:
        """The balances of a provider and tier in the current month and day."""
        # One instant for both windows: at midnight two would be of different days.
        at = self.clock()
        balances = {}
        for window in WINDOWS:
            balances[window] = self.balance(window_scope(provider, tier, window, at))
        return balances

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
        """The cost of paid calls by request, model or conversation-day, the newest first."""
        key = {"request": calls.c.request_id, "model": calls.c.model, "day": calls.c.day}[by]
        is_paid = calls.c.purpose.in_(_PAID)
        with self.database.read() as connection:
            return cost_by(connection, key, is_paid, limit=limit)

    def measured(self, *, since: datetime) -> list[dict[str, Any]]:
        """What upgrades used with each model since a moment, of requests that were charged.

        `calls` and `text_tokens` are of what was bought; `tokens` and `picodollars` of all calls.
        `latency_ms` is 0 where all came in batches.
        """
        with self.database.read() as connection:
            return measured_by_model(connection, since=since)

    def spent_since(self, moment: datetime) -> Amount:
        """The amount that paid calls since a moment count as."""
        with self.database.read() as connection:
            return sum_calls(connection, calls.c.purpose.in_(_PAID), calls.c.reserved_at >= moment)

    def unknown_calls(self) -> list[dict[str, Any]]:
        """The calls whose cost is unknown, the newest first."""
        # Calls that count nothing, as those of local models, need no decision.
        query = find_unknown().where(calls.c.cost_picodollars > 0)
        query = query.order_by(calls.c.reserved_at.desc())
        unknown: list[dict[str, Any]] = []
        with self.database.read() as connection:
            for row in connection.execute(query):
                cells = {
                    "call_id": row.call_id,
                    "model": row.model,
                    "failure": row.failure,
                    "tokens": row.counted_tokens,
                }
                unknown.append(cells)
        return unknown

    def set_limit(self, provider: str, tier: QualityLevel, window: Window, limit: Limit) -> None:
        """Set a standing limit from now on.

        The current window gets it too, and is opened again if it was closed.
        """
        values: dict[str, Any] = {
            "limit_tokens": limit.tokens,
            "limit_picodollars": limit.picodollars,
        }
        column = budget_limits.c
        is_this_limit = (
            (column.provider == provider) & (column.tier == tier) & (column.window == window)
        )
        key = {"provider": provider, "tier": tier, "window": window}
        with self.database.write() as connection:
            connection.execute(budget_limits.delete().where(is_this_limit))
            connection.execute(budget_limits.insert().values(**key, **values))
            current = window_scope(provider, tier, window, self.clock())
            # Made and locked first: an update of a scope that does not exist yet changes nothing.
            Entries(connection, self.clock()).load([current])
            is_current = scopes.c.scope_id == current
            connection.execute(scopes.update().where(is_current).values(**values, closed=None))

    def open_scope(self, scope_id: str, limit: Limit) -> str:
        """Make a scope with a limit, and return its id; one that exists keeps its limit."""
        with self.database.write() as connection:
            make_scopes(connection, [Balance(scope_id, limit)])
        return scope_id

    def declare_elsewhere(
        self, scope_id: str, *, tokens: int | None = None, picodollars: int | None = None
    ) -> None:
        """Set the total that the same key has spent elsewhere in a window; None leaves a figure."""
        values = {}
        if tokens is not None:
            values["elsewhere_tokens"] = tokens
        if picodollars is not None:
            values["elsewhere_picodollars"] = picodollars
        with self.database.write() as connection:
            # As in `set_limit`: the scope may not exist yet.
            Entries(connection, self.clock()).load([scope_id])
            is_scope = scopes.c.scope_id == scope_id
            connection.execute(scopes.update().where(is_scope).values(**values))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the replies about a conversation, and its id in their calls; returns how many.

        The figures stay: what was spent is counted.
        """
        # Without its key, a call that is still under way does not store its reply (`Entries`).
        is_about = calls.c.conversation_id == conversation_id
        nothing = {"reply": None, "request_key": None, "conversation_id": None}
        with self.database.write() as connection:
            return connection.execute(calls.update().where(is_about).values(nothing)).rowcount
