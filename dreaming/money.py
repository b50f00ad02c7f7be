"""Tokens and money: what a call uses, reserves or may use, always both."""

from dataclasses import dataclass
from decimal import Decimal

PICODOLLARS_PER_USD = 10**12
"""Prices are in millionths of a dollar a token, halved in batches, so sums of picodollars are exact
integers.
"""


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens of every kind together, and their cost."""

    tokens: int = 0
    picodollars: int = 0

    @property
    def cost_usd(self) -> Decimal:
        """The cost in dollars, exact."""
        return Decimal(self.picodollars).scaleb(-12)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.picodollars + other.picodollars)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, self.picodollars - other.picodollars)

    def exceeds(self, other: "Amount") -> bool:
        """Whether it is more in tokens or in money."""
        return self.tokens > other.tokens or self.picodollars > other.picodollars

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens (${self.cost_usd:.6f})"


def to_picodollars(usd: Decimal) -> int:
    """Dollars as whole picodollars, rounded up: a cost is never told too low."""
    scaled = usd.scaleb(12)
    whole = int(scaled)
    return whole if whole == scaled else whole + 1
