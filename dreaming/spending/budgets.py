"""Budgets: scopes in which calls count, their limits, and whether a reservation fits.

A call reserves the most that it can cost in all of its scopes at once, and gives back what it did
not use. So for every scope, at every instant, spent + reserved + spent elsewhere <= limit.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from dreaming.chunk import QualityLevel
from dreaming.money import Amount, format_usd

Window = Literal["month", "day"]

WINDOWS: tuple[Window, ...] = ("month", "day")


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a scope allows, in tokens and in money; None is no limit."""

    tokens: int | None = None
    picodollars: int | None = None

    def __bool__(self) -> bool:
        return self.tokens is not None or self.picodollars is not None


def request_scope(request_id: str) -> str:
    """The scope of one upgrade request."""
    return f"request/{request_id}"


def window_scope(provider: str, tier: QualityLevel, window: Window, at: datetime) -> str:
    """The scope of a provider and tier in the UTC month or day of an instant."""
    return f"{window}/{provider}/{tier}/{at:{_WINDOW_FORMATS[window]}}"


def window_starts(at: datetime) -> dict[Window, datetime]:
    """The starts of the UTC month and the UTC day of an instant."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"month": day.replace(day=1), "day": day}


# The ids of scopes in the ledger are made with these: another spelling would start every budget
# anew.
_WINDOW_FORMATS: dict[Window, str] = {"month": "%Y-%m", "day": "%Y-%m-%d"}


@dataclass(slots=True)
class Balance:
    """The limit of a scope, and what is spent and reserved of it."""

    scope_id: str
    limit: Limit = field(default_factory=Limit)
    spent: Amount = field(default_factory=Amount)
    """The cost of settled calls, and the reservations of unknown ones, which may be charged."""
    reserved: Amount = field(default_factory=Amount)
    """Calls that may be under way."""
    elsewhere: Amount = field(default_factory=Amount)
    """What the same key has spent elsewhere, as the user declared."""
    closed: str | None = None
    """Why nothing more may be reserved: a call used more than it reserved. Else None."""

    @property
    def used(self) -> Amount:
        """The sum that counts against the limit."""
        return self.spent + self.reserved + self.elsewhere

    @property
    def room(self) -> Limit:
        """The most that may still be reserved now."""
        used = self.used
        tokens = _left(self.limit.tokens, used.tokens)
        picodollars = _left(self.limit.picodollars, used.picodollars)
        return Limit(tokens, picodollars)

    def as_json(self) -> dict[str, Any]:
        """Limit, used and left, in tokens and dollars; None is no limit."""
        room = self.room
        used = self.used
        return {
            "limit_tokens": self.limit.tokens,
            "used_tokens": used.tokens,
            "left_tokens": room.tokens,
            "limit_usd": format_usd(self.limit.picodollars),
            "used_usd": format_usd(used.picodollars),
            "left_usd": format_usd(room.picodollars),
            "closed": self.closed,
        }

    def fits(self, need: Amount) -> bool:
        """Whether a reservation can be made now."""
        room = self.room
        if self.closed is not None:
            return False
        tokens_fit = room.tokens is None or need.tokens <= room.tokens
        money_fits = room.picodollars is None or need.picodollars <= room.picodollars
        return tokens_fit and money_fits

    def may_fit_later(self, need: Amount) -> bool:
        """Whether a reservation could be made if no call were under way."""
        # When no call is, waiting changes nothing.
        if self.reserved == Amount():
            return False
        without_reserved = replace(self, reserved=Amount())
        return without_reserved.fits(need)


def _left(limit: int | None, used: int) -> int | None:
    # Never negative: a limit may be lowered below what is spent, and a call may cost more than it
    # reserved.
    return None if limit is None else max(limit - used, 0)
