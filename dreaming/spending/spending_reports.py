"""Sums over the ledger for people and planners: spending by key, and what upgrades used."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dreaming.money import Amount
from dreaming.storage.tables import calls, upgrade_spans

_WHOLE = ("calls", "text_tokens", "tokens", "picodollars", "latency_ms")
"""The columns of `measured_by_model` that are whole numbers."""


def cost_by(
    connection: sa.Connection,
    key: sa.Column[Any],
    condition: sa.ColumnElement[bool],
    *,
    limit: int,
) -> list[dict[str, Any]]:
    """The calls that meet a condition, summed by a column of theirs, the newest first."""
    # With its type: the maximum of the stored number is read as an instant, as the column is.
    asked_at = sa.func.max(calls.c.reserved_at, type_=calls.c.reserved_at.type)
    is_unknown = sa.case((calls.c.state == "unknown", 1), else_=0)
    query = (
        sa.select(
            key.label("key"),
            asked_at.label("asked_at"),
            sa.func.min(calls.c.model).label("model"),
            sa.func.count().label("calls"),
            sa.func.sum(calls.c.counted_tokens).label("tokens"),
            sa.func.sum(calls.c.cost_picodollars).label("picodollars"),
            sa.func.sum(is_unknown).label("unknown"),
        )
        .where(condition)
        .group_by(key)
        .order_by(asked_at.desc())
        .limit(limit)
    )
    spending = []
    for row in connection.execute(query).mappings():
        cells = dict(row)
        cost = Amount(0, int(cells.pop("picodollars")))
        cells["cost_usd"] = str(cost.cost_usd)
        spending.append(cells)
    return spending


def measured_by_model(connection: sa.Connection, *, since: datetime) -> list[dict[str, Any]]:
    """What upgrades used since a moment by model: calls, text, tokens, cost and latency."""
    charged = _charged_by_request(since)
    bought = _bought_by_request()
    # An inner join: a request that bought nothing has no text to compare its tokens with.
    query = (
        sa.select(
            charged.c.provider,
            charged.c.model,
            sa.func.sum(bought.c.calls).label("calls"),
            sa.func.sum(bought.c.text_tokens).label("text_tokens"),
            sa.func.sum(charged.c.tokens).label("tokens"),
            sa.func.sum(charged.c.picodollars).label("picodollars"),
            sa.func.avg(charged.c.latency_ms).label("latency_ms"),
        )
        .join_from(charged, bought, charged.c.request_id == bought.c.request_id)
        .group_by(charged.c.provider, charged.c.model)
    )
    measured = []
    for row in connection.execute(query).mappings():
        cells = dict(row)
        # PostgreSQL returns sums and averages as Decimal; an average over no value is NULL.
        for name in _WHOLE:
            cells[name] = int(cells[name] or 0)
        measured.append(cells)
    return measured


def _charged_by_request(since: datetime) -> sa.Subquery:
    return (
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


def _bought_by_request() -> sa.Subquery:
    span = upgrade_spans.c
    return (
        sa.select(
            span.request_id,
            sa.func.sum(span.tokens).label("text_tokens"),
            sa.func.count().label("calls"),
        )
        .where(span.state == "bought")
        .group_by(span.request_id)
        .subquery()
    )
