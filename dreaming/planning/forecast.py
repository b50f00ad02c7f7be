"""A forecast of an upgrade with a model: its calls in their order, added up within limits."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from dreaming.money import format_usd, to_usd
from dreaming.upgrading.grouping import Groups, Integers
from dreaming.upgrading.terms import UpgradeTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most that an upgrade may take; None is no limit."""

    tokens: int | None = None
    picodollars: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, terms: UpgradeTerms) -> "Limits":
        """The limits in terms."""
        return cls(
            tokens=terms.max_tokens,
            picodollars=terms.max_picodollars,
            seconds=terms.max_duration_seconds,
        )

    @property
    def is_bound(self) -> bool:
        """Whether tokens or money are bounded."""
        return self.tokens is not None or self.picodollars is not None

    def within(self, other: "Limits") -> "Limits":
        """The narrower limit of each kind."""
        return Limits(
            tokens=_least(self.tokens, other.tokens),
            picodollars=_least(self.picodollars, other.picodollars),
            seconds=_least(self.seconds, other.seconds),
        )

    def as_json(self) -> dict[str, Any]:
        """In tokens, dollars and seconds."""
        return {
            "max_tokens": self.tokens,
            "max_cost_usd": format_usd(self.picodollars),
            "max_duration_seconds": self.seconds,
        }


def _least(left: Any, right: Any) -> Any:
    if left is None:
        return right
    if right is None:
        return left
    return min(left, right)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The expected sums over some of the calls."""

    calls: int = 0
    chunks: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    minutes: float = 0.0
    gain: float = 0.0
    """In tokens of text that the rules are unsure of; what was searched for counts for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The calls of an upgrade with one model."""

    groups: Groups
    tokens: Integers
    """The expected tokens of each call."""
    picodollars: Integers
    seconds_per_call: float
    at_once: int
    """The number of calls that are under way together."""

    def within(self, limits: Limits) -> Outlook:
        """The sums over the first calls that stay within limits."""
        calls = len(self.groups)
        if limits.tokens is not None:
            calls = min(calls, _count_within(self.tokens, limits.tokens))
        if limits.picodollars is not None:
            calls = min(calls, _count_within(self.picodollars, limits.picodollars))
        if limits.seconds is not None:
            rounds = int(limits.seconds / self.seconds_per_call)
            calls = min(calls, rounds * self.at_once)
        first = slice(calls)
        # Calls are made in rounds of `at_once`; the last round may be smaller, and takes as long.
        rounds = -(-calls // self.at_once)
        return Outlook(
            calls=calls,
            chunks=int(self.groups.chunks[first].sum()),
            tokens=int(self.tokens[first].sum()),
            cost_usd=to_usd(int(self.picodollars[first].sum())),
            minutes=round(rounds * self.seconds_per_call / 60, 2),
            gain=round(float(self.groups.worth[first].sum()), 1),
        )


def _count_within(amounts: Integers, most: int) -> int:
    """The number of first amounts whose sum is at most `most`."""
    return int(np.searchsorted(np.cumsum(amounts), most, side="right"))
