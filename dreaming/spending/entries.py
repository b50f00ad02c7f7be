"""Reservations and settlements in the ledger, decided in one transaction over all their scopes.

The order is the same in every transaction: lock the calls, lock the scopes in the order of their
ids, decide in memory, write. So two transactions never wait for each other in a circle, and no
other process changes a balance between the decision and the write. A process that is killed leaves
all of a transaction or nothing of it.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from dreaming.chunk import QUALITY_RANKS, QualityLevel
from dreaming.errors import UsageError
from dreaming.model_call import Answer, FailureReason
from dreaming.money import Amount
from dreaming.spending.budgets import Balance
from dreaming.spending.call_rows import (
    CallState,
    counted_amount,
    counted_cells,
    ending_cells,
    find_unknown,
    new_call,
    read_answer,
    reserved_amount,
)
from dreaming.spending.reservations import (
    AlreadyAsked,
    Busy,
    FailedInBatch,
    NoRoom,
    Reservation,
    ReservationResult,
    Reserved,
    Settlement,
)
from dreaming.spending.scope_rows import changing_cells, make_scopes, read_balance, standing_limit
from dreaming.storage.tables import calls, scopes

_log = logging.getLogger(__name__)

# Longer, and other upgrades wait for a run that died with the reply; shorter, and they may pay for
# a text that this reply is about to improve.
JUST_ENDED = timedelta(seconds=30)
"""A reply younger than this may be about to become chunks."""

# An expired batch says nothing about its requests, so they are tried again. But a request that
# fails every time must end: what it reserves is kept from others for a day each time.
MOST_EXPIRED = 3
"""A request is dropped after this many failed batches."""

_FAILED: tuple[CallState, ...] = ("released", "unknown")

# Bad requests would fail again, a person called the cancelled ones off, and the lost ones may have
# been charged: another attempt could pay twice.
_NOT_AGAIN = frozenset(
    {FailureReason.BAD_REQUEST.value, FailureReason.CANCELED.value, FailureReason.LOST.value}
)
"""Failures after which a request is not put into another batch."""

Action = Callable[[sa.Connection], Any]
"""A further write in the same transaction."""

Work = Reservation | Settlement | Action


@dataclass(frozen=True, slots=True)
class _OngoingUpgrade:
    """An upgrade that is asking about a conversation."""

    conversation_id: str | None
    request_id: str
    tier: QualityLevel | None
    in_batch: bool

    def blocks(self, reservation: Reservation) -> bool:
        """Whether another upgrade is to wait for what this one buys."""
        if self.conversation_id != reservation.conversation_id:
            return False
        if self.request_id == reservation.request_id:
            return False
        # A better level does not wait a day for a lower one, which it would replace.
        is_lower = self.tier is None or QUALITY_RANKS[self.tier] < QUALITY_RANKS[reservation.tier]
        return not (self.in_batch and is_lower)


class Entries:
    """The entries of one transaction: each row is read once and written once."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._balances: dict[str, Balance] = {}
        self._changed: set[str] = set()
        """The scopes whose balance differs from their row."""
        self._new: dict[str, dict[str, Any]] = {}
        """The rows of new calls, by request key."""
        self._ended: list[dict[str, Any]] = []

    def make(self, work: Sequence[Work]) -> list[Any]:
        """Make the entries in order, then the further writes; returns the result of each."""
        reservations = []
        settled_ids = []
        for item in work:
            if isinstance(item, Reservation):
                reservations.append(item)
            elif isinstance(item, Settlement):
                settled_ids.append(item.call_id)
        rows = self._lock_calls(settled_ids)
        self._load_scopes_of(reservations, rows.values())
        # Read only now: the locks of the scopes make the calls of others that reserved in them
        # visible, since their transactions have ended.
        equal_calls = self._equal_calls(reservations)
        ongoing = self._ongoing_upgrades(reservations)

        results: dict[int, Any] = {}
        for place, item in enumerate(work):
            if isinstance(item, Reservation):
                equal = equal_calls.get(item.request_key, [])
                results[place] = self._reserve(item, equal, ongoing)
            elif isinstance(item, Settlement):
                # Popped: a second settlement of the call in this transaction finds no row.
                results[place] = self._settle(item, rows.pop(item.call_id, None))
        self._write()
        # Last: further writes may sum or mark the calls that were settled just now.
        for place, item in enumerate(work):
            if not isinstance(item, Reservation | Settlement):
                results[place] = item(self._connection)
        return [results[place] for place in range(len(work))]

    def load(self, scope_ids: Iterable[str]) -> None:
        """Read balances, and lock their rows until the transaction ends.

        Scopes that do not exist yet are made, with their standing limit.
        """
        wanted = sorted(set(scope_ids) - self._balances.keys())
        if not wanted:
            return
        # In one order in every transaction: two that lock the same scopes cannot block each other.
        query = (
            sa.select(scopes)
            .where(scopes.c.scope_id.in_(wanted))
            .order_by(scopes.c.scope_id)
            .with_for_update()
        )
        balances = self._read_balances(query)
        missing = [scope_id for scope_id in wanted if scope_id not in balances]
        if missing:
            limits = {scope_id: standing_limit(self._connection, scope_id) for scope_id in missing}
            new = [Balance(scope_id, limit) for scope_id, limit in limits.items()]
            make_scopes(self._connection, new)
            # Read again: another process may have made them first, and spent something.
            balances |= self._read_balances(query)
        self._balances |= balances

    def give_up(self, call_ids: Sequence[str]) -> None:
        """End the calls of a dead process: what they reserved counts as spent.

        Calls that were to be put into a batch were never sent, and count nothing.
        """
        # The state is checked again under the lock: the calls were looked up before it, and one
        # may have ended or been put into a batch since.
        locked = self._lock_calls(call_ids)
        rows = {call_id: row for call_id, row in locked.items() if _may_be_lost(row)}
        self._load_scopes_of((), rows.values())
        for call_id, row in rows.items():
            was_sent = row["delivery"] != "batch"
            state: CallState = "unknown" if was_sent else "released"
            counted = reserved_amount(row) if was_sent else Amount()
            self._count(row, counted)
            ending = {"state": state, "failure": FailureReason.LOST.value, "ended_at": self._now}
            self._ended.append({"of": call_id, **ending, **counted_cells(counted)})
        self._write()

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Settle a call whose cost is unknown at what it reserved, or release it.

        Raises `UsageError` where its cost is known.
        """
        query = find_unknown().where(calls.c.call_id == call_id).with_for_update()
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            raise UsageError(
                f"The call {call_id!r} is {self._state_of(call_id)}; only one whose cost is "
                "unknown can be resolved."
            )
        self.load(row["scopes"])
        counted = reserved_amount(row) if charged else Amount()
        self._count(row, counted)
        state: CallState = "settled" if charged else "released"
        ending = {"state": state, "failure": FailureReason.RESOLVED.value}
        self._ended.append({"of": call_id, **ending, **counted_cells(counted)})
        self._write()

    def _state_of(self, call_id: str) -> str:
        rows = self._lock_calls([call_id])
        return str(rows[call_id]["state"]) if rows else "not in the ledger"

    def _lock_calls(self, call_ids: Sequence[str]) -> dict[str, sa.RowMapping]:
        if not call_ids:
            return {}
        query = sa.select(calls).where(calls.c.call_id.in_(call_ids)).with_for_update()
        return {row["call_id"]: row for row in self._connection.execute(query).mappings()}

    def _read_balances(self, query: sa.Select[Any]) -> dict[str, Balance]:
        return {row.scope_id: read_balance(row) for row in self._connection.execute(query)}

    def _load_scopes_of(
        self, reservations: Iterable[Reservation], rows: Iterable[sa.RowMapping]
    ) -> None:
        # All in one query: locks that are taken one after the other could block another process.
        scope_ids: list[str] = []
        for reservation in reservations:
            scope_ids += reservation.scopes
        for row in rows:
            scope_ids += row["scopes"]
        self.load(scope_ids)

    def _equal_calls(self, reservations: Sequence[Reservation]) -> dict[str, list[sa.RowMapping]]:
        """The calls that answer a reservation without a new call, by request key.

        They are open, or have a reply, or failed in a batch; those that ended first come first.
        """
        if not reservations:
            return {}
        keys = [reservation.request_key for reservation in reservations]
        # With a vendor's id: a call that no vendor was given says nothing about its request.
        failed_in_batch = (
            calls.c.state.in_(_FAILED)
            & (calls.c.delivery == "batch")
            & calls.c.vendor_ref.is_not(None)
        )
        relevant = (calls.c.state == "reserved") | calls.c.reply.is_not(None) | failed_in_batch
        query = (
            sa.select(calls)
            .where(calls.c.request_key.in_(keys), relevant)
            .order_by(calls.c.ended_at)
        )
        by_key: dict[str, list[sa.RowMapping]] = {}
        for row in self._connection.execute(query).mappings():
            by_key.setdefault(row["request_key"], []).append(row)
        return by_key

    def _ongoing_upgrades(self, reservations: Sequence[Reservation]) -> list[_OngoingUpgrade]:
        """The upgrades that are asking about the conversations of reservations for upgrades."""
        # Only upgrades wait for one another; other calls have no request.
        conversation_ids = {
            reservation.conversation_id for reservation in reservations if reservation.request_id
        }
        if not conversation_ids:
            return []
        in_batch = (calls.c.state == "reserved") & (calls.c.delivery == "batch")
        about_to_be_used = sa.and_(
            calls.c.reply.is_not(None),
            calls.c.ended_at > self._now - JUST_ENDED,
            ~calls.c.attributed,
            ~calls.c.unusable,
        )
        query = sa.select(
            calls.c.conversation_id, calls.c.request_id, calls.c.tier, in_batch
        ).where(
            calls.c.conversation_id.in_(conversation_ids),
            calls.c.request_id.is_not(None),
            (calls.c.state == "reserved") | about_to_be_used,
        )
        return [_OngoingUpgrade(*row) for row in self._connection.execute(query)]

    def _reserve(
        self,
        reservation: Reservation,
        equal: Sequence[sa.RowMapping],
        ongoing: list[_OngoingUpgrade],
    ) -> ReservationResult:
        # What makes a call unnecessary comes first, the budget last: a stored reply is free also
        # when the budget is used up.
        result = self._without_call(reservation, equal) or _wait_for(reservation, ongoing)
        if result is not None:
            return result
        # Every scope is checked before one is changed: a call reserves in all of them or in none.
        for scope_id in reservation.scopes:
            balance = self._balances[scope_id]
            if not balance.fits(reservation.need):
                return NoRoom(balance, balance.may_fit_later(reservation.need))
        call_id = uuid4().hex
        self._new[reservation.request_key] = new_call(call_id, reservation, self._now)
        for scope_id in reservation.scopes:
            self._balances[scope_id].reserved += reservation.need
            self._changed.add(scope_id)
        if reservation.request_id:
            # For the reservations after it in this transaction.
            own = _OngoingUpgrade(
                reservation.conversation_id,
                reservation.request_id,
                reservation.tier,
                in_batch=reservation.delivery == "batch",
            )
            ongoing.append(own)
        return Reserved(call_id)

    def _without_call(
        self, reservation: Reservation, equal: Sequence[sa.RowMapping]
    ) -> Answer | AlreadyAsked | FailedInBatch | None:
        """The result of a reservation that an equal call makes unnecessary; None for others."""
        deliveries = [row["delivery"] for row in equal if row["state"] == "reserved"]
        if reservation.request_key in self._new or deliveries:
            in_batch = "batch" in deliveries or reservation.delivery == "batch"
            return AlreadyAsked(in_batch=in_batch)
        replies = []
        for row in equal:
            is_ignored = reservation.ask_again and row["unusable"]
            if row["reply"] is not None and not is_ignored:
                replies.append(row)
        if replies:
            return read_answer(replies[-1])
        if reservation.delivery == "batch":
            reason = _failed_in_batch(equal, reservation.request_id)
            if reason is not None:
                return FailedInBatch(reason)
        return None

    def _settle(self, settlement: Settlement, row: sa.RowMapping | None) -> bool:
        """Settle a call that is open or was taken for lost; returns whether it was one."""
        # A call that is settled or released has its final figures: the reply of a batch that is
        # read twice counts once.
        if row is None or row["state"] not in ("reserved", "unknown"):
            return False
        reserved = reserved_amount(row)
        counted = _to_count(settlement, reserved)
        self._count(row, counted)
        if counted.exceeds(reserved):
            self._close(row, counted)
        ending = ending_cells(settlement, row)
        if row["request_key"] is None:
            # The conversation was forgotten while the call was under way.
            ending["reply"] = None
        self._ended.append({"of": settlement.call_id, **ending, **counted_cells(counted)})
        return True

    def _count(self, row: sa.RowMapping, counted: Amount) -> None:
        """Count a call in its scopes as `counted`, in the place of what it counted as before."""
        for scope_id in row["scopes"]:
            balance = self._balances[scope_id]
            if row["state"] == "reserved":
                balance.reserved -= reserved_amount(row)
            else:
                balance.spent -= counted_amount(row)
            balance.spent += counted
            self._changed.add(scope_id)

    def _close(self, row: sa.RowMapping, counted: Amount) -> None:
        # The bound of a reservation was wrong, so further ones of the scope may be too. A person
        # has to look, and opens the scope with a new limit.
        reason = (
            f"The call {row['call_id']} to {row['model']} used {counted}, more than the "
            f"{reserved_amount(row)} reserved."
        )
        _log.error("%s Its budgets are closed.", reason)
        for scope_id in row["scopes"]:
            self._balances[scope_id].closed = reason

    def _write(self) -> None:
        # One statement a table, however many entries: writing them one by one would hold the locks
        # for longer.
        if self._new:
            self._connection.execute(calls.insert(), list(self._new.values()))
        if self._ended:
            self._update(calls.c.call_id, self._ended)
        if self._changed:
            balances = [self._balances[scope_id] for scope_id in sorted(self._changed)]
            rows = [{"of": each.scope_id, **changing_cells(each)} for each in balances]
            self._update(scopes.c.scope_id, rows)

    def _update(self, key: sa.Column[str], rows: Sequence[dict[str, Any]]) -> None:
        """Update the rows of a table whose key is `of`; all rows name the same columns."""
        # SQLAlchemy reserves the plain names of columns for its own parameters.
        columns = [name for name in rows[0] if name != "of"]
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in columns}
        update = sa.update(key.table).where(key == sa.bindparam("of")).values(values)
        parameters = []
        for row in rows:
            cells = {f"new_{name}": row[name] for name in columns}
            parameters.append({"of": row["of"], **cells})
        self._connection.execute(update, parameters)


def _wait_for(reservation: Reservation, ongoing: Sequence[_OngoingUpgrade]) -> Busy | None:
    """The result of a reservation that another upgrade blocks; None for others."""
    if not reservation.request_id:
        return None
    blocking = [upgrade for upgrade in ongoing if upgrade.blocks(reservation)]
    if not blocking:
        return None
    return Busy(in_batch=all(upgrade.in_batch for upgrade in blocking))


def _to_count(settlement: Settlement, reserved: Amount) -> Amount:
    """The amount that a call counts as: what was used, or all that was reserved if unknown."""
    outcome = settlement.outcome
    if outcome.charge == "released":
        return Amount()
    if outcome.charge == "charged" and outcome.usage is not None:
        return Amount(outcome.usage.total_tokens, settlement.cost)
    # It may have been charged, and nobody can tell how much: the worst case keeps the budget safe.
    return reserved


def _may_be_lost(row: sa.RowMapping) -> bool:
    """Whether only the process that made a call could settle it.

    A call in a batch is settled by any process, from what its vendor reports.
    """
    return bool(row["state"] == "reserved" and row["batch_id"] is None)


def _failed_in_batch(
    equal: Sequence[sa.RowMapping], request_id: str | None
) -> FailureReason | None:
    """The failure after which a request's call is not put into a batch again; None if it may be."""
    failures = []
    for row in equal:
        is_of_request = row["request_id"] == request_id
        is_failed = row["state"] in _FAILED and row["delivery"] == "batch"
        if is_of_request and is_failed:
            failures.append(row["failure"])
    if not failures:
        return None
    # The rows are ordered by their end, so the last failure is the newest.
    newest = failures[-1]
    if newest in _NOT_AGAIN or len(failures) >= MOST_EXPIRED:
        return FailureReason(newest)
    return None
