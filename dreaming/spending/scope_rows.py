"""Rows of the table of scopes: a budget's balance as SQL has it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from dreaming.money import Amount
from dreaming.spending.budgets import WINDOWS, Balance, Limit
from dreaming.storage.database import insert_new
from dreaming.storage.tables import budget_limits, scopes


def make_scopes(connection: sa.Connection, balances: Sequence[Balance]) -> None:
    """Insert the scopes that do not exist yet; the others stay as they are."""
    insert_new(connection, scopes, [_scope_row(balance) for balance in balances])


def standing_limit(connection: sa.Connection, scope_id: str) -> Limit:
    """The standing limit of a window's scope; no limit for other scopes.

    The scope of a request has a limit of its own, which it is made with.
    """
    window, *rest = scope_id.split("/")
    if window not in WINDOWS:
        return Limit()
    provider, tier, _ = rest
    limit = budget_limits.c
    query = sa.select(limit.limit_tokens, limit.limit_picodollars).where(
        limit.provider == provider,
        limit.tier == tier,
        limit.window == window,
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


def changing_cells(balance: Balance) -> dict[str, Any]:
    """The cells of a scope's row that calls change.

    The limit and what was spent elsewhere are a person's to change.
    """
    return {
        "spent_tokens": balance.spent.tokens,
        "spent_picodollars": balance.spent.picodollars,
        "reserved_tokens": balance.reserved.tokens,
        "reserved_picodollars": balance.reserved.picodollars,
        "closed": balance.closed,
    }


def _scope_row(balance: Balance) -> dict[str, Any]:
    return {
        "scope_id": balance.scope_id,
        "limit_tokens": balance.limit.tokens,
        "limit_picodollars": balance.limit.picodollars,
        "elsewhere_tokens": balance.elsewhere.tokens,
        "elsewhere_picodollars": balance.elsewhere.picodollars,
        **changing_cells(balance),
    }
