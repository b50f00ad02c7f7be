"""Amounts: tokens and money, exact. The one place that converts, splits and prints them.

Inside, money is an integer of picodollars: prices are in millionths of a dollar a token, and halved
in batches, so sums are exact and columns add up to the ledger. At the edges (run config, JSON,
reports) it is a `Decimal` of dollars, or its text. A float is never computed with: only read, as a
person writes `1.5`, and written where its shortest form is the same amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

PICODOLLAR_EXPONENT = -12


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens of every kind together, and their cost: what a call used or reserved."""

    tokens: int = 0
    picodollars: int = 0

    @property
    def cost_usd(self) -> Decimal:
        """The cost in dollars, exact."""
        return to_usd(self.picodollars)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.picodollars + other.picodollars)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, self.picodollars - other.picodollars)

    def exceeds(self, other: "Amount") -> bool:
        """Whether it is more in tokens or in money."""
        return self.tokens > other.tokens or self.picodollars > other.picodollars

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens (${self.cost_usd:.6f})"


def to_usd(picodollars: int) -> Decimal:
    """Picodollars as dollars, exact."""
    return Decimal(picodollars).scaleb(PICODOLLAR_EXPONENT)


def cost_picodollars(usd: Decimal) -> int:
    """A cost in picodollars, rounded up: what a call costs is never booked too low."""
    return _whole_picodollars(usd, ROUND_CEILING)


def limit_picodollars(usd: Decimal) -> int:
    """A limit in picodollars, rounded down: a limit never allows more than was said."""
    return _whole_picodollars(usd, ROUND_FLOOR)


def _whole_picodollars(usd: Decimal, rounding: str) -> int:
    return int(usd.scaleb(-PICODOLLAR_EXPONENT).to_integral_value(rounding))


def read_usd(value: object) -> Decimal:
    """Dollars as a person or a program wrote them: a number or its text, read by its digits.

    A float is read by its shortest form: 0.1 is one tenth. Raises `ValueError` for anything else.
    """
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount of dollars, such as 2.50") from None


def write_usd(usd: Decimal) -> float | str:
    """Dollars for a config that people read: a number where it is exact, else the text."""
    number = float(usd)
    return number if read_usd(number) == usd else str(usd)


def format_usd(picodollars: int | None) -> str | None:
    """Dollars as the shortest exact text without an exponent; None is no limit."""
    return None if picodollars is None else format(to_usd(picodollars).normalize(), "f")


def split_exactly(amount: int, weights: Sequence[int]) -> list[int]:
    """Split a whole amount by weights so that the parts add up to it.

    By the method of the largest remainder; of equal remainders the first gets more.
    """
    total = sum(weights)
    shares = [amount * weight // total for weight in weights]
    remainders = [amount * weight % total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    left_over = amount - sum(shares)
    for place in by_remainder[:left_over]:
        shares[place] += 1
    return shares
