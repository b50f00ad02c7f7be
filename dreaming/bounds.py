"""How much may be asked for: numbers that somebody can mean."""

from collections.abc import Mapping
from decimal import Decimal

from dreaming.errors import UsageError

MOST: Mapping[str, int] = {
    "limit": 10**12,
    "max_tokens": 10**15,
    "max_cost_usd": 10**6,
    "max_duration_seconds": 10**9,
}
"""More than these nobody means; sums and moments within them stay within what databases and clocks
hold.
"""


def require_bounds(asked: Mapping[str, int | float | Decimal | None]) -> None:
    """Raise `UsageError` for a limit that allows nothing, is not a number or is far too large.

    None is no limit.
    """
    for name, value in asked.items():
        if value is None:
            continue
        # What is no number is not equal to itself.
        if value != value or value <= 0:
            raise UsageError(
                f"{name} = {value} allows nothing. Give more than 0, or leave it out for no limit."
            )
        if value > MOST[name]:
            shown = (
                "a number of more than 40 digits"
                if isinstance(value, int) and value >= 10**40
                else value
            )
            raise UsageError(
                f"{name} = {shown} is over {MOST[name]:,}. Give less, or leave it out for no limit."
            )
