"""Budgets: scopes that calls count against, their limits, and whether a reservation fits.

A call reserves the most that it can come to in all of its scopes at once, and gives back what it
did not use. So for every scope, at every instant, spent + reserved + spent elsewhere <= limit.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from dreaming.chunk import QualityLevel
from dreaming.money import Amount, format_usd

Window = Literal["month", "day"]

WINDOWS: tuple[Window, ...] = ("month", "day")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a scope allows; None is no limit."""

    tokens: int | None = None
    picodollars: int | None = None

    def __bool__(self) -> bool:
        return self.tokens is not None or self.picodollars is not None


def request_scope(request_id: str) -> str:
    """The scope of one upgrade request."""
    return f"request/{request_id}"


def window_scope(provider: str, tier: QualityLevel, window: Window, at: datetime) -> str:
    """The scope of a provider and tier for the month or the day, in UTC, that an instant is in."""
    return f"{window}/{provider}/{tier}/{at:{_SPELLED[window]}}"


def window_starts(at: datetime) -> dict[Window, datetime]:
    """When the month and the day, in UTC, began that an instant is in."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"month": day.replace(day=1), "day": day}


_SPELLED: dict[Window, str] = {"month": "%Y-%m", "day": "%Y-%m-%d"}


@dataclass(slots=True)
class Balance:
    """What a scope allows, and what is gone of it."""

    scope_id: str
    limit: Limit = field(default_factory=Limit)
    spent: Amount = field(default_factory=Amount)
    """Settled and unknown calls: these may have been charged, and count as they were reserved."""
    reserved: Amount = field(default_factory=Amount)
    """Calls that may be under way."""
    elsewhere: Amount = field(default_factory=Amount)
    """What the user says the same key has spent elsewhere."""
    closed: str | None = None
    """Why nothing more may be reserved: a call used more than it had reserved."""

    @property
    def used(self) -> Amount:
        """All that counts against the limit."""
        return self.spent + self.reserved + self.elsewhere

    @property
    def room(self) -> Limit:
        """What may still be reserved now."""
        used = self.used
        return Limit(
            _left(self.limit.tokens, used.tokens), _left(self.limit.picodollars, used.picodollars)
        )

    def as_json(self) -> dict[str, Any]:
        """Limit, used and left, in tokens and dollars; None is no limit."""
        room, used = self.room, self.used
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
        within = (room.tokens is None or need.tokens <= room.tokens) and (
            room.picodollars is None or need.picodollars <= room.picodollars
        )
        return within and self.closed is None

    def may_fit_later(self, need: Amount) -> bool:
        """Whether it could be made when those under way give back what they do not use."""
        freed = Balance(
            self.scope_id, self.limit, self.spent, Amount(), self.elsewhere, self.closed
        )
        return self.reserved != Amount() and freed.fits(need)


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(limit - used, 0)
