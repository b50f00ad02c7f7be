"""The ledger: every call that may cost something, from its reservation to its end, in SQL.

What reservations and settlements decide is decided in one transaction over all scopes. Many calls are under way at
once, and a commit to disk takes as long for one as for fifty: so one thread a process writes what waits, together.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa

from dreaming.chunk import QualityLevel
from dreaming.conversation import ConversationId, storable
from dreaming.errors import StorageError, UsageError
from dreaming.model_call import Answer, Charge, FailureReason, Outcome, TokenUsage
from dreaming.processes import ProcessIdentity, this_process
from dreaming.spending.amount import Amount
from dreaming.spending.budgets import WINDOWS, Balance, Limit, Window, window_scope
from dreaming.storage.database import Database
from dreaming.storage.tables import budget_limits, calls, paid_chunks, scopes

_log = logging.getLogger(__name__)

CallState = Literal["reserved", "settled", "released", "unknown"]

STATES: dict[Charge, CallState] = {"charged": "settled", "released": "released", "unknown": "unknown"}

MOST_TOGETHER = 256
"""Operations in one transaction."""
GATHERING_SECONDS = 0.025
"""How long operations are gathered before they are written: nothing beside the time that a model takes."""
DEADLOCK_ATTEMPTS = 5
"""PostgreSQL ends one of two transactions that wait for each other; it is done again."""


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
    purpose: str
    prompt_version: str
    conversation_id: ConversationId
    run_id: str | None
    request_id: str | None = None
    day: str | None = None
    lease: timedelta
    """After so long it is surely over, whatever became of its process."""
    ask_again: bool = False
    """Whether an unusable reply to an equal call does not count."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The call may be made."""

    call_id: str


@dataclass(frozen=True, slots=True)
class AlreadyAsked:
    """An equal call is under way."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """It does not fit into a scope."""

    balance: Balance
    may_fit_later: bool
    """Whether others of that scope are under way that may leave enough."""


Reply = Answer
Reserving = Reserved | Reply | AlreadyAsked | NoRoom
"""What becomes of a reservation; an `Answer` where an equal call has had one."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A call that has ended."""

    call_id: str
    outcome: Outcome
    cost: int
    """In picodollars, of the usage that the vendor tells."""
    ended_at: datetime


class Ledger:
    """The ledger of a home. May be used from any thread; `close` ends its own."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.clock = clock
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._writer: Thread | None = None

    def close(self) -> None:
        """Write what waits, and end the writer."""
        if self._writer is not None:
            self._waiting.put(None)
            self._writer.join()
            self._writer = None

    def reserve(self, reservation: Reservation) -> Future[Reserving]:
        """Reserve the most that a call can come to, in all of its scopes or in none."""
        return self._submit(reservation)

    def settle(self, call_id: str, outcome: Outcome, *, cost: int = 0) -> Future[None]:
        """Write down how a call ended; what of its reservation was not used is free again.

        A call that was taken for lost is settled late, once; one that has ended is left as it is.
        """
        return self._submit(Settlement(call_id, outcome, cost, self.clock()))

    def _submit(self, work: "Reservation | Settlement") -> Future[Any]:
        if self._writer is None:
            self._writer = Thread(target=self._write_all, name="dreaming-ledger", daemon=True)
            self._writer.start()
        waiting = _Waiting(work)
        self._waiting.put(waiting)
        return waiting.future

    def _write_all(self) -> None:
        while (batch := self._next_batch()) is not None:
            batch = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            try:
                results = self._write(batch)
            except Exception:  # noqa: BLE001 # of one of them: alone, each succeeds or tells its own error
                self._write_each(batch)
            else:
                for waiting, result in zip(batch, results, strict=True):
                    waiting.future.set_result(result)

    def _next_batch(self) -> "list[_Waiting] | None":
        first = self._waiting.get()
        if first is None:
            return None
        time.sleep(GATHERING_SECONDS)
        batch = [first]
        while len(batch) < MOST_TOGETHER and not self._waiting.empty():
            following = self._waiting.get()
            if following is None:
                self._waiting.put(None)
                break
            batch.append(following)
        return batch

    def _write_each(self, batch: "Sequence[_Waiting]") -> None:
        for waiting in batch:
            try:
                result = self._write([waiting], attempts=DEADLOCK_ATTEMPTS)[0]
            except Exception as error:  # noqa: BLE001 # whoever waits for it is told
                waiting.future.set_exception(error)
            else:
                waiting.future.set_result(result)

    def _write(self, batch: "Sequence[_Waiting]", *, attempts: int = 1) -> list[Any]:
        try:
            with self.database.write() as connection:
                return _Entries(connection, self.clock()).make([waiting.work for waiting in batch])
        except StorageError as error:
            if attempts > 1 and "deadlock" in str(error):
                return self._write(batch, attempts=attempts - 1)
            raise

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
        return None if row is None else _answer(row)

    def answered_keys(self) -> set[str]:
        """The keys of all calls that have a reply."""
        query = sa.select(calls.c.request_key).where(calls.c.reply.is_not(None))
        with self.database.read() as connection:
            return {key for (key,) in connection.execute(query) if key is not None}

    def charged_for(self, call_ids: Collection[str], *, request_id: str) -> Amount:
        """What calls of a request came to that no chunk has been charged with yet.

        What an earlier request paid for is free to this one, and so is what another conversation with the same text
        paid for.
        """
        charged = sa.select(paid_chunks.c.call_id).where(paid_chunks.c.call_id == calls.c.call_id)
        return self._sum(calls.c.call_id.in_(call_ids), calls.c.request_id == request_id, ~charged.exists())

    def spent_in_run(self, run_id: str, *, day: date | None = None) -> Amount:
        """What the calls of a run, about one day or all, count as: charged, and what may have been."""
        of_day = sa.true() if day is None else calls.c.day == day.isoformat()
        return self._sum(calls.c.run_id == run_id, calls.c.purpose == "upgrade", of_day)

    def _sum(self, *where: sa.ColumnElement[bool]) -> Amount:
        query = sa.select(
            sa.func.coalesce(sa.func.sum(calls.c.counted_tokens), 0),
            sa.func.coalesce(sa.func.sum(calls.c.cost_picodollars), 0),
        ).where(*where)
        with self.database.read() as connection:
            tokens, picodollars = connection.execute(query).one()
        return Amount(int(tokens), int(picodollars))

    def mark_unusable(self, call_ids: Iterable[str]) -> None:
        """Note that nothing could be made of the replies to calls."""
        with self.database.write() as connection:
            connection.execute(calls.update().where(calls.c.call_id.in_(list(call_ids))).values(unusable=True))

    def give_up_dead(self) -> int:
        """Turn the reservations of processes that are gone, or whose time is over, into unknown ones.

        They stay counted: the vendor may have charged. Returns how many.
        """
        with self.database.read() as connection:
            query = sa.select(calls.c.call_id, calls.c.owner, calls.c.lease_until).where(calls.c.state == "reserved")
            open_calls = connection.execute(query).all()
        dead = [call_id for call_id, owner, until in open_calls if _is_over(owner, until, self.clock())]
        if dead:
            with self.database.write() as connection:
                _Entries(connection, self.clock()).give_up(dead)
        return len(dead)

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Say of an unknown call whether the vendor charged it; raises `UsageError` where that is not open."""
        with self.database.write() as connection:
            _Entries(connection, self.clock()).resolve(call_id, charged=charged)

    def balance(self, scope_id: str) -> Balance:
        """What a scope allows, and what is gone of it."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(scopes).where(scopes.c.scope_id == scope_id)).one_or_none()
            return Balance(scope_id, _standing(connection, scope_id)) if row is None else _balance(row)

    def window_balances(self, provider: str, tier: QualityLevel) -> dict[Window, Balance]:
        """The balances of a provider and tier in the current month and day."""
        at = self.clock()
        return {window: self.balance(window_scope(provider, tier, window, at)) for window in WINDOWS}

    def limited(self) -> list[tuple[str, QualityLevel]]:
        """The providers and tiers that have a standing limit."""
        query = sa.select(budget_limits.c.provider, budget_limits.c.tier).distinct().order_by(sa.text("1, 2"))
        with self.database.read() as connection:
            return [(provider, tier) for provider, tier in connection.execute(query)]

    def by_request(self, *, limit: int) -> list[dict[str, Any]]:
        """What each upgrade request has come to, the newest first."""
        asked_at = sa.func.min(calls.c.reserved_at, type_=calls.c.reserved_at.type)
        query = (
            sa.select(
                calls.c.request_id,
                asked_at.label("asked_at"),
                sa.func.min(calls.c.model).label("model"),
                sa.func.count().label("calls"),
                sa.func.sum(calls.c.counted_tokens).label("tokens"),
                sa.func.sum(calls.c.cost_picodollars).label("picodollars"),
                sa.func.sum(sa.case((calls.c.state == "unknown", 1), else_=0)).label("unknown"),
            )
            .where(calls.c.request_id.is_not(None))
            .group_by(calls.c.request_id)
            .order_by(asked_at.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [row | {"cost_usd": str(Amount(0, int(row.pop("picodollars"))).cost_usd)} for row in rows]

    def unknown_calls(self) -> list[dict[str, Any]]:
        """The calls of which nobody knows whether they were charged, the newest first."""
        query = (
            sa.select(calls.c.call_id, calls.c.model, calls.c.failure, calls.c.counted_tokens.label("tokens"))
            .where(calls.c.state == "unknown", calls.c.cost_picodollars > 0)
            .order_by(calls.c.reserved_at.desc())
        )
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def set_limit(self, provider: str, tier: QualityLevel, window: Window, limit: Limit) -> None:
        """Set a standing limit from now on, in the window under way too, which opens again if it was closed."""
        values: dict[str, Any] = {"limit_tokens": limit.tokens, "limit_picodollars": limit.picodollars}
        key = {"provider": provider, "tier": tier, "window": window}
        with self.database.write() as connection:
            connection.execute(budget_limits.delete().where(*(budget_limits.c[name] == key[name] for name in key)))
            connection.execute(budget_limits.insert().values(**key, **values))
            current = window_scope(provider, tier, window, self.clock())
            _Entries(connection, self.clock()).load([current])
            connection.execute(scopes.update().where(scopes.c.scope_id == current).values(**values, closed=None))

    def open_scope(self, scope_id: str, limit: Limit) -> None:
        """Make a scope with a limit; one that is there keeps the limit that it has."""
        with self.database.write() as connection:
            _make_scopes(connection, [Balance(scope_id, limit)])

    def declare_elsewhere(self, scope_id: str, spent: Amount) -> None:
        """Say what the same key has spent elsewhere in a window, in all."""
        with self.database.write() as connection:
            _Entries(connection, self.clock()).load([scope_id])
            values = {"elsewhere_tokens": spent.tokens, "elsewhere_picodollars": spent.picodollars}
            connection.execute(scopes.update().where(scopes.c.scope_id == scope_id).values(**values))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the replies about a conversation, and that they were about it; the figures stay. Returns how many."""
        mine = calls.update().where(calls.c.conversation_id == conversation_id)
        with self.database.write() as connection:
            return connection.execute(mine.values(reply=None, request_key=None, conversation_id=None)).rowcount


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Reservation | Settlement
    future: Future[Any] = field(default_factory=Future)


class _Entries:
    """Entries in the ledger within one transaction: what they touch is read once, and written once."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._balances: dict[str, Balance] = {}
        self._changed: set[str] = set()
        self._new: dict[str, dict[str, Any]] = {}
        self._ended: list[dict[str, Any]] = []

    def make(self, work: Sequence[Reservation | Settlement]) -> list[Any]:
        """Make entries in turn; returns what became of each."""
        reservations = [each for each in work if isinstance(each, Reservation)]
        rows = self._calls([each.call_id for each in work if isinstance(each, Settlement)])
        self.load(
            [*(s for each in reservations for s in each.scopes), *(s for row in rows.values() for s in row["scopes"])]
        )
        asked = self._asked(reservations)
        results: list[Any] = []
        for each in work:
            if isinstance(each, Reservation):
                results.append(self._reserve(each, asked))
            else:
                results.append(self._settle(each, rows.pop(each.call_id, None)))
        self._write()
        return results

    def load(self, scope_ids: Iterable[str]) -> None:
        """Read balances, making those that are not there, and let nobody else change them until the end."""
        wanted = sorted(set(scope_ids) - self._balances.keys())
        if not wanted:
            return
        query = sa.select(scopes).where(scopes.c.scope_id.in_(wanted)).order_by(scopes.c.scope_id).with_for_update()
        found = {row.scope_id: _balance(row) for row in self._connection.execute(query)}
        missing = [name for name in wanted if name not in found]
        if missing:
            _make_scopes(self._connection, [Balance(name, _standing(self._connection, name)) for name in missing])
            found |= {row.scope_id: _balance(row) for row in self._connection.execute(query)}
        self._balances |= found

    def give_up(self, call_ids: Sequence[str]) -> None:
        """Turn reservations into unknown calls: what they reserved is taken for spent."""
        rows = {call_id: row for call_id, row in self._calls(call_ids).items() if row["state"] == "reserved"}
        self.load(scope for row in rows.values() for scope in row["scopes"])
        for call_id, row in rows.items():
            self._count(row, reserved=True, counted=_reserved(row))
            ending = {"state": "unknown", "failure": FailureReason.LOST.value, "ended_at": self._now}
            self._ended.append({"of": call_id, **ending, **_counted(_reserved(row))})
        self._write()

    def resolve(self, call_id: str, *, charged: bool) -> None:
        """Settle an unknown call at what it reserved, or release it."""
        row = self._calls([call_id]).get(call_id)
        if row is None or row["state"] != "unknown":
            state = "not in the ledger" if row is None else row["state"]
            raise UsageError(f"The call {call_id!r} is {state}; only one that is unknown can be resolved.")
        self.load(row["scopes"])
        counted = _reserved(row) if charged else Amount()
        self._count(row, reserved=False, counted=counted)
        self._ended.append({"of": call_id, "state": "settled" if charged else "released", **_counted(counted)})
        self._write()

    def _calls(self, call_ids: Sequence[str]) -> dict[str, sa.RowMapping]:
        if not call_ids:
            return {}
        query = sa.select(calls).where(calls.c.call_id.in_(call_ids)).with_for_update()
        return {row["call_id"]: row for row in self._connection.execute(query).mappings()}

    def _asked(self, reservations: Sequence[Reservation]) -> dict[str, list[sa.RowMapping]]:
        """The calls, by key, that are equal to those about to be made and open or answered, the oldest first."""
        keys = [each.request_key for each in reservations]
        asked: dict[str, list[sa.RowMapping]] = {}
        if keys:
            relevant = (calls.c.state == "reserved") | calls.c.reply.is_not(None)
            query = sa.select(calls).where(calls.c.request_key.in_(keys), relevant).order_by(calls.c.ended_at)
            for row in self._connection.execute(query).mappings():
                asked.setdefault(row["request_key"], []).append(row)
        return asked

    def _reserve(self, reservation: Reservation, asked: dict[str, list[sa.RowMapping]]) -> Reserving:
        equal = asked.get(reservation.request_key, [])
        if reservation.request_key in self._new or any(row["state"] == "reserved" for row in equal):
            return AlreadyAsked()
        replies = [row for row in equal if not (reservation.ask_again and row["unusable"])]
        if replies:
            return _answer(replies[-1])
        for scope_id in reservation.scopes:
            balance = self._balances[scope_id]
            if not balance.fits(reservation.need):
                return NoRoom(balance, balance.may_fit_later(reservation.need))
        call_id = uuid4().hex
        self._new[reservation.request_key] = _new_call(call_id, reservation, self._now)
        for scope_id in reservation.scopes:
            self._balances[scope_id].reserved += reservation.need
            self._changed.add(scope_id)
        return Reserved(call_id)

    def _settle(self, settlement: Settlement, row: sa.RowMapping | None) -> bool:
        """Settle a call that is open or was taken for lost; returns whether it was one."""
        if row is None or row["state"] not in ("reserved", "unknown"):
            return False
        counted = _to_count(settlement, _reserved(row))
        self._count(row, reserved=row["state"] == "reserved", counted=counted)
        if counted.exceeds(_reserved(row)):
            self._close(row, counted)
        self._ended.append({"of": settlement.call_id, **_ending(settlement), **_counted(counted)})
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
        reason = f"The call {row['call_id']} to {row['model']} used {counted}, more than the {_reserved(row)} reserved."
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
            self._update(scopes.c.scope_id, [{"of": each.scope_id, **_what_calls_change(each)} for each in balances])

    def _update(self, key: sa.Column[str], rows: Sequence[dict[str, Any]]) -> None:
        """Update the rows of a table whose key is `of`; all name the same columns."""
        values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in rows[0] if name != "of"}
        update = sa.update(key.table).where(key == sa.bindparam("of")).values(values)
        renamed = [{name if name == "of" else f"new_{name}": cell for name, cell in row.items()} for row in rows]
        self._connection.execute(update, renamed)


def _make_scopes(connection: sa.Connection, balances: Sequence[Balance]) -> None:
    """Insert scopes that are not there; another process may do so at the same time."""
    from sqlalchemy.dialects import postgresql, sqlite

    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(scopes)
    connection.execute(insert.on_conflict_do_nothing(), [_scope_row(balance) for balance in balances])


def _standing(connection: sa.Connection, scope_id: str) -> Limit:
    """The standing limit of a window's scope; none for a request's, which is made with its own."""
    window, *of = scope_id.split("/")
    if window not in WINDOWS:
        return Limit()
    provider, tier, _ = of
    query = sa.select(budget_limits.c.limit_tokens, budget_limits.c.limit_picodollars).where(
        budget_limits.c.provider == provider, budget_limits.c.tier == tier, budget_limits.c.window == window
    )
    row = connection.execute(query).one_or_none()
    return Limit() if row is None else Limit(*row)


def _balance(row: sa.Row[Any]) -> Balance:
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
    named = ("request_key", "provider", "model_asked", "model", "purpose", "prompt_version", "conversation_id")
    return {
        "call_id": call_id,
        **{name: getattr(reservation, name) for name in (*named, "run_id", "request_id", "day")},
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
    """What a call counts as: what was used, where that is told; nothing, where nothing was charged."""
    outcome = settlement.outcome
    if outcome.charge == "released":
        return Amount()
    if outcome.charge == "charged" and outcome.usage is not None:
        return Amount(outcome.usage.total_tokens, settlement.cost)
    return reserved


def _ending(settlement: Settlement) -> dict[str, Any]:
    outcome = settlement.outcome
    if isinstance(outcome, Answer):
        became = {"failure": None, "stop": outcome.stop, "reply": storable(outcome.text)[0]}
    else:
        became = {"failure": outcome.reason.value, "stop": None, "reply": None}
    return {
        "state": STATES[outcome.charge],
        **became,
        "latency_ms": round(outcome.seconds * 1000),
        "vendor_ref": outcome.vendor_ref,
        "ended_at": settlement.ended_at,
        **_tokens(outcome.usage),
    }


def _tokens(usage: TokenUsage | None) -> dict[str, int | None]:
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    return {name: None if usage is None else getattr(usage, name) for name in names}


def _answer(row: sa.RowMapping) -> Answer:
    told = row["output_tokens"] is not None
    return Answer(
        text=row["reply"],
        usage=TokenUsage(**{name: row[name] for name in _tokens(None)}) if told else None,
        stop=row["stop"],
        model=row["model"],
        vendor_ref=row["vendor_ref"],
        seconds=row["latency_ms"] / 1000,
        stored=True,
        call_id=row["call_id"],
    )


def _is_over(owner: str | None, until: datetime | None, now: datetime) -> bool:
    expired = until is not None and until < now
    return expired or (owner is not None and ProcessIdentity.parse(owner).is_alive() is False)
