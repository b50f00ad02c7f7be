"""What an upgrade with a model would come to: its calls in the order in which they would be made,
added up.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from dreaming.money import format_usd, to_usd
from dreaming.upgrading.grouping import Groups, Integers
from dreaming.upgrading.terms import UpgradeTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an upgrade may take; None is no limit."""

    tokens: int | None = None
    picodollars: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, terms: UpgradeTerms) -> "Limits":
        """What terms allow."""
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
        """The narrower of both in each."""
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


def _least(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else min(one, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What some of the calls are expected to come to."""

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
    """Expected, of each call."""
    picodollars: Integers
    seconds_per_call: float
    at_once: int
    """Calls under way together."""

    def within(self, limits: Limits) -> Outlook:
        """The first calls that stay within limits."""
        reached = len(self.groups)
        for amounts, most in ((self.tokens, limits.tokens), (self.picodollars, limits.picodollars)):
            if most is not None:
                reached = min(reached, int(np.searchsorted(np.cumsum(amounts), most, side="right")))
        if limits.seconds is not None:
            reached = min(reached, int(limits.seconds / self.seconds_per_call) * self.at_once)
        first = slice(reached)
        return Outlook(
            calls=reached,
            chunks=int(self.groups.chunks[first].sum()),
            tokens=int(self.tokens[first].sum()),
            cost_usd=to_usd(int(self.picodollars[first].sum())),
            minutes=round(-(-reached // self.at_once) * self.seconds_per_call / 60, 2),
            gain=round(float(self.groups.worth[first].sum()), 1),
        )
