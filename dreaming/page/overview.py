"""What all days hold, what they cost, and what waits."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dreaming.chunk import QUALITY_LEVELS
from dreaming.home import Home
from dreaming.page.addresses import day_address, search_address
from dreaming.page.charting import Chart, stack
from dreaming.showing.summaries import home_status

DAYS = 60
"""How many days are shown at once."""
RECENT = 8
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a day holds and what was spent on it."""

    day: date
    quality: Mapping[str, int]
    tokens: int
    cost_usd: Decimal
    address: str

    @property
    def chunks(self) -> int:
        """How many it has."""
        return sum(self.quality.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview as the page shows it."""

    status: Mapping[str, Any]
    """As `dreaming status --json` has it."""
    days: list[DayFigures]
    """The newest first."""
    quality: Mapping[str, int]
    """Of all days."""
    spent_tokens: int
    spent_usd: Decimal
    quality_chart: Chart
    spending_chart: Chart | None
    """None where nothing was spent on these days."""
    older: date | None
    """The day before which there are more."""
    is_newest: bool
    waiting: list[tuple[date, str]]
    requests: list[dict[str, Any]]
    unknown_calls: int
    searches: list[tuple[str, str]]
    """What was looked for last, and the address of that search."""


def read_overview(home: Home, *, before: date | None) -> Overview:
    """The overview, of the newest days or of those before a day."""
    held = home.index.quality_of_days()
    earlier = [day for day in held if before is None or day < before]
    shown = earlier[-DAYS:]
    spending = {record["key"]: record for record in home.ledger.spending("day", limit=_ALL)}
    days = [_figures(day, _by_level([held[day]]), spending) for day in shown]
    status = home_status(home)
    return Overview(
        status=status,
        days=days[::-1],
        quality=_by_level(held.values()),
        spent_tokens=sum(int(record["tokens"]) for record in spending.values()),
        spent_usd=sum((Decimal(record["cost_usd"]) for record in spending.values()), Decimal(0)),
        quality_chart=stack([(_told_quality(each), each.quality) for each in days]),
        spending_chart=_spending_chart(days),
        older=shown[0] if len(earlier) > len(shown) else None,
        is_newest=len(earlier) == len(held),
        waiting=[(day, day_address(day)) for day in status["days_waiting"]],
        requests=home.ledger.spending("request", limit=RECENT),
        unknown_calls=len(home.ledger.unknown_calls()),
        searches=recent_searches(home),
    )


def recent_searches(home: Home) -> list[tuple[str, str]]:
    """What was looked for last, each once, with the address of the same search; none where that is
    not remembered.
    """
    return [(query, search_address(query)) for query in home.memory.recent_queries(RECENT)]


def _by_level(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of some counts, with all levels from the lowest."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {level: total[level] for level in QUALITY_LEVELS}


def _figures(
    day: date, quality: Mapping[str, int], spending: Mapping[str, Mapping[str, Any]]
) -> DayFigures:
    spent = spending.get(day.isoformat(), {"tokens": 0, "cost_usd": "0"})
    return DayFigures(
        day, quality, int(spent["tokens"]), Decimal(spent["cost_usd"]), day_address(day)
    )


def _told_quality(figures: DayFigures) -> str:
    levels = ", ".join(f"{count:,} {level}" for level, count in figures.quality.items() if count)
    return f"{figures.day}: {levels or 'no chunks'}"


def _spending_chart(days: Sequence[DayFigures]) -> Chart | None:
    if not any(each.tokens for each in days):
        return None
    return stack(
        [
            (f"{each.day}: {each.tokens:,} tokens, ${each.cost_usd:.6f}", {"spent": each.tokens})
            for each in days
        ]
    )
