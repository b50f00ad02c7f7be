"""Rows of the table of calls: made from a reservation, ended by a settlement, summed, read."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from dreaming.conversation import storable
from dreaming.model_call import Answer, Charge, FailureReason, Outcome, TokenUsage
from dreaming.money import Amount
from dreaming.processes import this_process
from dreaming.spending.reservations import Reservation, Settlement
from dreaming.storage.tables import calls

CallState = Literal["reserved", "settled", "released", "unknown"]

STATES: dict[Charge, CallState] = {
    "charged": "settled",
    "released": "released",
    "unknown": "unknown",
}
"""The state of an ended call, by whether the vendor charged for it."""

# Columns of `calls` that have the name of the reservation's field.
_RESERVATION_COLUMNS = (
    "request_key",
    "provider",
    "tier",
    "model_asked",
    "model",
    "purpose",
    "prompt_version",
    "conversation_id",
    "run_id",
    "request_id",
    "day",
    "delivery",
)

# Columns of `calls` that have the name of the field of `TokenUsage`.
_USAGE_COLUMNS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")


def new_call(call_id: str, reservation: Reservation, now: datetime) -> dict[str, Any]:
    """The row of a call that is reserved for, owned by this process."""
    copied = {name: getattr(reservation, name) for name in _RESERVATION_COLUMNS}
    return {
        "call_id": call_id,
        **copied,
        "state": "reserved",
        "scopes": list(reservation.scopes),
        # The owner says whether the call may still be under way after a crash; the lease says so
        # to other machines, which cannot look the process up.
        "owner": str(this_process()),
        "reserved_at": now,
        "lease_until": now + reservation.lease,
        "reserved_tokens": reservation.need.tokens,
        "reserved_picodollars": reservation.need.picodollars,
    }


def ending_cells(settlement: Settlement, row: sa.RowMapping) -> dict[str, Any]:
    """The cells of a call's row that its settlement changes."""
    outcome = settlement.outcome
    # A batch's reply comes hours after the request: how long the vendor worked on it is unknown.
    latency_ms = None if row["batch_id"] else round(outcome.seconds * 1000)
    return {
        "state": STATES[outcome.charge],
        **_reply_cells(outcome),
        "latency_ms": latency_ms,
        "vendor_ref": outcome.vendor_ref,
        "run_id": settlement.run_id or row["run_id"],
        "ended_at": settlement.ended_at,
        **_usage_cells(outcome.usage),
    }


def _reply_cells(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Answer):
        reply, _ = storable(outcome.text)
        return {"failure": None, "stop": outcome.stop, "reply": reply}
    return {"failure": outcome.reason.value, "stop": None, "reply": None}


def _usage_cells(usage: TokenUsage | None) -> dict[str, int | None]:
    if usage is None:
        return dict.fromkeys(_USAGE_COLUMNS)
    return {name: getattr(usage, name) for name in _USAGE_COLUMNS}


def counted_cells(amount: Amount) -> dict[str, int]:
    """The cells that hold what a call counts as in its scopes."""
    return {"counted_tokens": amount.tokens, "cost_picodollars": amount.picodollars}


def reserved_amount(row: sa.RowMapping) -> Amount:
    """The amount that a call reserved."""
    return Amount(row["reserved_tokens"], row["reserved_picodollars"])


def counted_amount(row: sa.RowMapping) -> Amount:
    """The amount that an ended call counts as."""
    return Amount(row["counted_tokens"], row["cost_picodollars"])


def read_answer(row: sa.RowMapping) -> Answer:
    """The reply in a row of calls that has one."""
    usage = None
    # A vendor that does not report its usage leaves all four columns empty.
    if row["output_tokens"] is not None:
        usage = TokenUsage(**{name: row[name] for name in _USAGE_COLUMNS})
    return Answer(
        text=row["reply"],
        usage=usage,
        stop=row["stop"],
        model=row["model"],
        vendor_ref=row["vendor_ref"],
        seconds=(row["latency_ms"] or 0) / 1000,
        stored=True,
        call_id=row["call_id"],
    )


def find_unknown() -> sa.Select[Any]:
    """A query of the calls whose cost is unknown.

    These are calls that may have been charged, and calls that were charged an amount that the
    vendor did not report, unless a person has resolved them.
    """
    # "is distinct from", not "!=": `failure` is NULL in a call that got a reply, and NULL != x is
    # not true in SQL.
    without_usage = sa.and_(
        calls.c.state == "settled",
        calls.c.output_tokens.is_(None),
        calls.c.failure.is_distinct_from(FailureReason.RESOLVED.value),
    )
    return sa.select(calls).where((calls.c.state == "unknown") | without_usage)


def attribute(connection: sa.Connection, call_ids: Collection[str], *, request_id: str) -> Amount:
    """Attribute calls to the chunks that are made from their replies; returns their cost.

    Only calls of the request that were not attributed before cost it something: a reply that an
    earlier request paid for is free, and so is one paid for another conversation of equal text.
    """
    is_named = calls.c.call_id.in_(call_ids)
    # Summed before the mark is set: the sum has the calls that do not bear it yet.
    cost = sum_calls(connection, is_named, calls.c.request_id == request_id, ~calls.c.attributed)
    connection.execute(calls.update().where(is_named).values(attributed=True))
    return cost


def sum_calls(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Amount:
    """The sum of what some calls count as: what was charged, and what may have been."""
    # SUM over no rows is NULL.
    tokens = sa.func.coalesce(sa.func.sum(calls.c.counted_tokens), 0)
    picodollars = sa.func.coalesce(sa.func.sum(calls.c.cost_picodollars), 0)
    row = connection.execute(sa.select(tokens, picodollars).where(*where)).one()
    # PostgreSQL sums BIGINT as NUMERIC, which arrives as a Decimal.
    return Amount(int(row[0]), int(row[1]))


def mark_unusable(connection: sa.Connection, call_ids: Collection[str]) -> None:
    """Mark calls whose replies no chunk could be made from."""
    is_named = calls.c.call_id.in_(list(call_ids))
    connection.execute(calls.update().where(is_named).values(unusable=True))
