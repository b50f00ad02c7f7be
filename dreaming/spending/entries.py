"""Entries in the ledger: what becomes of reservations and settlements, decided in one transaction
over all scopes.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa

from dreaming.chunk import QUALITY_RANKS, QualityLevel
from dreaming.conversation import ConversationId, storable
from dreaming.errors import UsageError
from dreaming.model_call import Answer, Charge, Delivery, FailureReason, Outcome, TokenUsage
from dreaming.money import Amount
from dreaming.processes import this_process
from dreaming.spending.budgets import WINDOWS, Balance, Limit
from dreaming.storage.database import insert_new
from dreaming.storage.tables import budget_limits, calls, scopes

_log = logging.getLogger(__name__)

CallState = Literal["reserved", "settled", "released", "unknown"]

JUST_ENDED = timedelta(seconds=30)
"""A reply that is younger may be about to be made chunks of."""

Purpose = Literal["basic_chunks", "upgrade", "planning", "benchmark"]

MOST_EXPIRED = 3
"""So often a request is given to a vendor in a batch that fails it."""
_FAILED: tuple[CallState, ...] = ("released", "unknown")
_NOT_AGAIN = frozenset(
    {FailureReason.BAD_REQUEST.value, FailureReason.CANCELED.value, FailureReason.LOST.value}
)
"""How a call in a batch ends that is not put into another."""

STATES: dict[Charge, CallState] = {
    "charged": "settled",
    "released": "released",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A call about to be made, and the most that it can come to."""

    request_key: str
    scopes: tuple[str, ...]
    need: Amount
    provider: str
    tier: QualityLevel
    model_asked: str
    model: str
    purpose: Purpose
    prompt_version: str
    conversation_id: ConversationId | None
    run_id: str | None
    request_id: str | None = None
    day: str | None = None
    lease: timedelta
    """After so long it is surely over, whatever became of its process: of a batch, that it was to
    be put into one.
    """
    delivery: Delivery = "now"
    ask_again: bool = False
    """Whether an unusable reply to an equal call does not count."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The call may be made."""

    call_id: str


@dataclass(frozen=True, slots=True)
class AlreadyAsked:
    """An equal call is under way."""

    in_batch: bool = False
    """Whether that may take a day."""


@dataclass(frozen=True, slots=True)
class FailedInBatch:
    """This request has asked for the same in a batch, and it is not to be asked for in another."""

    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Busy:
    """Another upgrade is asking about the same conversation: what
    it buys need not be bought again.
    """

    in_batch: bool = False
    """Whether that may take a day."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """It does not fit into a scope."""

    balance: Balance
    may_fit_later: bool
    """Whether others of that scope are under way that may leave enough."""


Reserving = Reserved | Answer | AlreadyAsked | FailedInBatch | Busy | NoRoom
"""What becomes of a reservation; an `Answer` where an equal call has had one."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A call that has ended."""

    call_id: str
    outcome: Outcome
    cost: int
    """In picodollars, of the usage that the vendor tells."""
    ended_at: datetime
    run_id: str | None = None
    """The run that learnt of it, where that is another than made the call."""


Action = Callable[[sa.Connection], Any]
"""What else is written in the same transaction."""

Work = Reservation | Settlement | Action


@dataclass(frozen=True, slots=True)
class _Asking:
    """An upgrade that is asking about a conversation."""

    conversation_id: str | None
    request_id: str
    tier: QualityLevel | None
    in_batch: bool

    def is_in_the_way_of(self, reservation: Reservation) -> bool:
        """Whether another upgrade does better to wait for what this one buys.

        Nobody waits a day for less than what he asks for.
        """
        another = (
            self.conversation_id == reservation.conversation_id
            and self.request_id != reservation.request_id
        )
        return another and not (
            self.in_batch
            and (self.tier is None or QUALITY_RANKS[self.tier] < QUALITY_RANKS[reservation.tier])
        )


class Entries:
    """Entries in the ledger within one transaction: what they touch
    is read once, and written once.
    """

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._balances: dict[str, Balance] = {}
        self._changed: set[str] = set()
        self._new: dict[str, dict[str, Any]] = {}
        self._ended: list[dict[str, Any]] = []

    def make(self, work: Sequence[Work]) -> list[Any]:
        """Make entries in turn, and then what else is to be
        written; returns what became of each.
        """
        reservations = [each for each in work if isinstance(each, Reservation)]
        rows = self._calls([each.call_id for each in work if isinstance(each, Settlement)])
        self.load(
            [
                *(s for each in reservations for s in each.scopes),
                *(s for row in rows.values() for s in row["scopes"]),
            ]
        )
        asked, busy = self._asked(reservations), self._busy(reservations)
        results: dict[int, Any] = {}
        for place, each in enumerate(work):
            if isinstance(each, Reservation):
                results[place] = self._reserve(each, asked, busy)
            elif isinstance(each, Settlement):
                results[place] = self._settle(each, rows.pop(each.call_id, None))
        self._write()
        for place, each in enumerate(work):
            if not isinstance(each, Reservation | Settlement):
                results[place] = each(self._connection)
        return [results[place] for place in range(len(work))]

    def load(self, scope_ids: Iterable[str]) -> None:
        """Read balances, making those that are not there, and let nobody else change them until the
        end.
        """
        wanted = sorted(set(scope_ids) - self._balances.keys())
        if not wanted:
            return
        query = (
            sa.select(scopes)
            .where(scopes.c.scope_id.in_(wanted))
            .order_by(scopes.c.scope_id)
            .with_for_update()
        )
        found = {row.scope_id: read_balance(row) for row in self._connection.execute(query)}
        missing = [name for name in wanted if name not in found]
        if missing:
            make_scopes(
                self._connection,
                [Balance(name, standing_limit(self._connection, name)) for name in missing],
            )
            found |= {row.scope_id: read_balance(row) for row in self._connection.execute(query)}
        self._balances |= found

    def give_up(self, call_ids: Sequence[str]) -> None:
        """Turn reservations into unknown calls: what they reserved is taken for spent.

        Those that were to be put into a batch were never sent: nothing was spent.
        """
        rows = {call_id: row for call_id, row in self._calls(call_ids).items() if _may_be_lost(row)}
        self.load(scope for row in rows.values() for scope in row["scopes"])
        for call_id, row in rows.items():
            state, counted = (
                ("released", Amount())
                if row["delivery"] == "batch"
                else ("unknown", _reserved(row))
            )
            self._count(row, reserved=True, counted=counted)
            ending = {"state": state, "failure": FailureReason.LOST.value, "ended_at": self._now}
            self._ended.append({"of": call_id, **ending, **_counted(counted)})
        self._write()

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Settle a call whose cost nobody knows at what it reserved, or release it."""
        row = next(
            iter(
                self._connection.execute(
                    find_unknown().where(calls.c.call_id == call_id).with_for_update()
                ).mappings()
            ),
            None,
        )
        if row is None:
            known = self._calls([call_id])
            state = known[call_id]["state"] if known else "not in the ledger"
            raise UsageError(
                f"The call {call_id!r} is {state}; only one whose cost is unknown can be resolved."
            )
        self.load(row["scopes"])
        counted = _reserved(row) if charged else Amount()
        self._count(row, reserved=False, counted=counted)
        ending = {
            "state": "settled" if charged else "released",
            "failure": FailureReason.RESOLVED.value,
        }
        self._ended.append({"of": call_id, **ending, **_counted(counted)})
        self._write()

    def _calls(self, call_ids: Sequence[str]) -> dict[str, sa.RowMapping]:
        if not call_ids:
            return {}
        query = sa.select(calls).where(calls.c.call_id.in_(call_ids)).with_for_update()
        return {row["call_id"]: row for row in self._connection.execute(query).mappings()}

    def _asked(self, reservations: Sequence[Reservation]) -> dict[str, list[sa.RowMapping]]:
        """The calls, by key, that are equal to those about to be made and open or answered, the
        oldest first.
        """
        keys = [each.request_key for each in reservations]
        asked: dict[str, list[sa.RowMapping]] = {}
        if keys:
            failed = (
                calls.c.state.in_(_FAILED)
                & (calls.c.delivery == "batch")
                & calls.c.vendor_ref.is_not(None)
            )
            relevant = (calls.c.state == "reserved") | calls.c.reply.is_not(None) | failed
            query = (
                sa.select(calls)
                .where(calls.c.request_key.in_(keys), relevant)
                .order_by(calls.c.ended_at)
            )
            for row in self._connection.execute(query).mappings():
                asked.setdefault(row["request_key"], []).append(row)
        return asked

    def _busy(self, reservations: Sequence[Reservation]) -> list[_Asking]:
        """What upgrades are asking about now; nothing for what is free."""
        mine = {each.conversation_id for each in reservations if each.request_id}
        if not mine:
            return []
        in_batch = (calls.c.state == "reserved") & (calls.c.delivery == "batch")
        about_to_be_taken = sa.and_(
            calls.c.reply.is_not(None),
            calls.c.ended_at > self._now - JUST_ENDED,
            ~calls.c.attributed,
            ~calls.c.unusable,
        )
        query = sa.select(
            calls.c.conversation_id, calls.c.request_id, calls.c.tier, in_batch
        ).where(
            calls.c.conversation_id.in_(mine),
            calls.c.request_id.is_not(None),
            (calls.c.state == "reserved") | about_to_be_taken,
        )
        return [_Asking(*row) for row in self._connection.execute(query)]

    def _reserve(
        self, reservation: Reservation, asked: dict[str, list[sa.RowMapping]], busy: list[_Asking]
    ) -> Reserving:
        equal = asked.get(reservation.request_key, [])
        open_calls = [row["delivery"] for row in equal if row["state"] == "reserved"]
        if reservation.request_key in self._new or open_calls:
            return AlreadyAsked(in_batch="batch" in open_calls or reservation.delivery == "batch")
        replies = [
            row
            for row in equal
            if row["reply"] is not None and not (reservation.ask_again and row["unusable"])
        ]
        if replies:
            return read_answer(replies[-1])
        if reservation.delivery == "batch" and (
            reason := _failed_in_batch(equal, reservation.request_id)
        ):
            return FailedInBatch(reason)
        conversation_id, request_id = reservation.conversation_id, reservation.request_id
        if request_id and (others := [each for each in busy if each.is_in_the_way_of(reservation)]):
            return Busy(in_batch=all(each.in_batch for each in others))
        for scope_id in reservation.scopes:
            balance = self._balances[scope_id]
            if not balance.fits(reservation.need):
                return NoRoom(balance, balance.may_fit_later(reservation.need))
        call_id = uuid4().hex
        self._new[reservation.request_key] = _new_call(call_id, reservation, self._now)
        for scope_id in reservation.scopes:
            self._balances[scope_id].reserved += reservation.need
            self._changed.add(scope_id)
        if request_id:
            busy.append(
                _Asking(
                    conversation_id, request_id, reservation.tier, reservation.delivery == "batch"
                )
            )
        return Reserved(call_id)

    def _settle(self, settlement: Settlement, row: sa.RowMapping | None) -> bool:
        """Settle a call that is open or was taken for lost; returns whether it was one."""
        if row is None or row["state"] not in ("reserved", "unknown"):
            return False
        counted = _to_count(settlement, _reserved(row))
        self._count(row, reserved=row["state"] == "reserved", counted=counted)
        if counted.exceeds(_reserved(row)):
            self._close(row, counted)
        ending = _ending(settlement, row)
        if row["request_key"] is None:
            # The conversation was forgotten meanwhile.
            ending["reply"] = None
        self._ended.append({"of": settlement.call_id, **ending, **_counted(counted)})
        return True

    def _count(self, row: sa.RowMapping, *, reserved: bool, counted: Amount) -> None:
        """Count a call in its scopes as `counted`, in the place of what it was counted as."""
        for scope_id in row["scopes"]:
            balance = self._balances[scope_id]
            if reserved:
                balance.reserved -= _reserved(row)
            else:
                balance.spent -= Amount(row["counted_tokens"], row["cost_picodollars"])
            balance.spent += counted
            self._changed.add(scope_id)

    def _close(self, row: sa.RowMapping, counted: Amount) -> None:
        reason = (
            f"The call {row['call_id']} to {row['model']} used {counted}, more than the "
            f"{_reserved(row)} reserved."
        )
        _log.error("%s Its budgets are closed.", reason)
        for scope_id in row["scopes"]:
            self._balances[scope_id].closed = reason

    def _write(self) -> None:
        if self._new:
            self._connection.execute(calls.insert(), list(self._new.values()))
        if self._ended:
            self._update(calls.c.call_id, self._ended)
        if self._changed:
            balances = [self._balances[scope_id] for scope_id in sorted(self._changed)]
            self._update(
                scopes.c.scope_id,
                [{"of": each.scope_id, **_what_calls_change(each)} for each in balances],
            )

    def _update(self, key: sa.Column[str], rows: Sequence[dict[str, Any]]) -> None:
        """Update the rows of a table whose key is `of`; all name the same columns."""
        values: dict[str, Any] = {
            name: sa.bindparam(f"new_{name}") for name in rows[0] if name != "of"
        }
        update = sa.update(key.table).where(key == sa.bindparam("of")).values(values)
        renamed = [
            {name if name == "of" else f"new_{name}": cell for name, cell in row.items()}
            for row in rows
        ]
        self._connection.execute(update, renamed)


def find_unknown() -> sa.Select[Any]:
    """The calls of which nobody knows what they cost, if anything."""
    untold = sa.and_(
        calls.c.state == "settled",
        calls.c.output_tokens.is_(None),
        calls.c.failure.is_distinct_from(FailureReason.RESOLVED.value),
    )
    return sa.select(calls).where((calls.c.state == "unknown") | untold)


def attribute(connection: sa.Connection, call_ids: Collection[str], *, request_id: str) -> Amount:
    """Attribute calls to the chunks that are made of them, once; returns what those of the request
    came to.

    What an earlier request paid for is free to this one, and so is what another conversation with
    the same text paid for.
    """
    named = calls.c.call_id.in_(call_ids)
    cost = sum_calls(connection, named, calls.c.request_id == request_id, ~calls.c.attributed)
    connection.execute(calls.update().where(named).values(attributed=True))
    return cost


def sum_calls(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Amount:
    """What some calls count as: charged, and what may have been."""
    tokens, picodollars = (
        sa.func.coalesce(sa.func.sum(column), 0)
        for column in (calls.c.counted_tokens, calls.c.cost_picodollars)
    )
    row = connection.execute(sa.select(tokens, picodollars).where(*where)).one()
    return Amount(int(row[0]), int(row[1]))


def mark_unusable(connection: sa.Connection, call_ids: Collection[str]) -> None:
    """Note that nothing could be made of the replies to calls."""
    connection.execute(
        calls.update().where(calls.c.call_id.in_(list(call_ids))).values(unusable=True)
    )


def make_scopes(connection: sa.Connection, balances: Sequence[Balance]) -> None:
    """Insert scopes that are not there."""
    insert_new(connection, scopes, [_scope_row(balance) for balance in balances])


def standing_limit(connection: sa.Connection, scope_id: str) -> Limit:
    """The standing limit of a window's scope; none for a request's, which is made with its own."""
    window, *of = scope_id.split("/")
    if window not in WINDOWS:
        return Limit()
    provider, tier, _ = of
    query = sa.select(budget_limits.c.limit_tokens, budget_limits.c.limit_picodollars).where(
        budget_limits.c.provider == provider,
        budget_limits.c.tier == tier,
        budget_limits.c.window == window,
    )
    row = connection.execute(query).one_or_none()
    return Limit() if row is None else Limit(*row)


def read_balance(row: sa.Row[Any]) -> Balance:
    """The balance of a row of scopes."""
    return Balance(
        row.scope_id,
        Limit(row.limit_tokens, row.limit_picodollars),
        Amount(row.spent_tokens, row.spent_picodollars),
        Amount(row.reserved_tokens, row.reserved_picodollars),
        Amount(row.elsewhere_tokens, row.elsewhere_picodollars),
        row.closed,
    )


def _scope_row(balance: Balance) -> dict[str, Any]:
    return {
        "scope_id": balance.scope_id,
        "limit_tokens": balance.limit.tokens,
        "limit_picodollars": balance.limit.picodollars,
        "elsewhere_tokens": balance.elsewhere.tokens,
        "elsewhere_picodollars": balance.elsewhere.picodollars,
        **_what_calls_change(balance),
    }


def _what_calls_change(balance: Balance) -> dict[str, Any]:
    return {
        "spent_tokens": balance.spent.tokens,
        "spent_picodollars": balance.spent.picodollars,
        "reserved_tokens": balance.reserved.tokens,
        "reserved_picodollars": balance.reserved.picodollars,
        "closed": balance.closed,
    }


def _new_call(call_id: str, reservation: Reservation, now: datetime) -> dict[str, Any]:
    named = (
        "request_key",
        "provider",
        "tier",
        "model_asked",
        "model",
        "purpose",
        "prompt_version",
        "conversation_id",
    )
    return {
        "call_id": call_id,
        **{
            name: getattr(reservation, name)
            for name in (*named, "run_id", "request_id", "day", "delivery")
        },
        "state": "reserved",
        "scopes": list(reservation.scopes),
        "owner": str(this_process()),
        "reserved_at": now,
        "lease_until": now + reservation.lease,
        "reserved_tokens": reservation.need.tokens,
        "reserved_picodollars": reservation.need.picodollars,
    }


def _reserved(row: sa.RowMapping) -> Amount:
    return Amount(row["reserved_tokens"], row["reserved_picodollars"])


def _counted(amount: Amount) -> dict[str, int]:
    return {"counted_tokens": amount.tokens, "cost_picodollars": amount.picodollars}


def _to_count(settlement: Settlement, reserved: Amount) -> Amount:
    """What a call counts as: what was used, where that is told;
    nothing, where nothing was charged.
    """
    outcome = settlement.outcome
    if outcome.charge == "released":
        return Amount()
    if outcome.charge == "charged" and outcome.usage is not None:
        return Amount(outcome.usage.total_tokens, settlement.cost)
    return reserved


def _may_be_lost(row: sa.RowMapping) -> bool:
    """Whether nobody but the process that made a call can tell how it ends: a vendor tells of what
    is in a batch.
    """
    return bool(row["state"] == "reserved" and row["batch_id"] is None)


def _failed_in_batch(
    equal: Sequence[sa.RowMapping], request_id: str | None
) -> FailureReason | None:
    """Why what a request has asked for in batches is not to be put into another one; None where it
    is.
    """
    failed = [
        row["failure"]
        for row in equal
        if row["request_id"] == request_id
        and row["state"] in _FAILED
        and row["delivery"] == "batch"
    ]
    over = failed and (failed[-1] in _NOT_AGAIN or len(failed) >= MOST_EXPIRED)
    return FailureReason(failed[-1]) if over else None


def _ending(settlement: Settlement, row: sa.RowMapping) -> dict[str, Any]:
    outcome = settlement.outcome
    if isinstance(outcome, Answer):
        became = {"failure": None, "stop": outcome.stop, "reply": storable(outcome.text)[0]}
    else:
        became = {"failure": outcome.reason.value, "stop": None, "reply": None}
    return {
        "state": STATES[outcome.charge],
        **became,
        # How long the vendor took for one of a batch nobody knows.
        "latency_ms": None if row["batch_id"] else round(outcome.seconds * 1000),
        "vendor_ref": outcome.vendor_ref,
        "run_id": settlement.run_id or row["run_id"],
        "ended_at": settlement.ended_at,
        **_tokens(outcome.usage),
    }


def _tokens(usage: TokenUsage | None) -> dict[str, int | None]:
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    return {name: None if usage is None else getattr(usage, name) for name in names}


def read_answer(row: sa.RowMapping) -> Answer:
    """The reply of a row of calls that has one."""
    told = row["output_tokens"] is not None
    return Answer(
        text=row["reply"],
        usage=TokenUsage(**{name: row[name] for name in _tokens(None)}) if told else None,
        stop=row["stop"],
        model=row["model"],
        vendor_ref=row["vendor_ref"],
        seconds=(row["latency_ms"] or 0) / 1000,
        stored=True,
        call_id=row["call_id"],
    )
