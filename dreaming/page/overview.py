"""All days: their chunks, their cost, and those that wait for a run."""

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
"""How many of the last searches and requests are shown."""
_ALL_DAYS = 1_000_000
"""A limit that no ledger reaches: the totals need every day."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The chunks of a day, and what was spent on it."""

    day: date
    quality: Mapping[str, int]
    tokens: int
    cost_usd: Decimal
    address: str

    @property
    def chunks(self) -> int:
        """The count of its chunks."""
        return sum(self.quality.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """The overview as the page shows it."""

    status: Mapping[str, Any]
    """The record of `dreaming status --json`."""
    days: list[DayFigures]
    """The newest first."""
    quality: Mapping[str, int]
    """The chunks of each level, over all days."""
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
    """The last queries, and the addresses of their searches."""


def read_overview(home: Home, *, before: date | None) -> Overview:
    """The overview, of the newest days or of those before a day."""
    quality_of_days = home.index.quality_of_days()
    earlier = [day for day in quality_of_days if before is None or day < before]
    shown = earlier[-DAYS:]
    spending_records = home.ledger.spending("day", limit=_ALL_DAYS)
    spending = {record["key"]: record for record in spending_records}
    days = [_figures(day, quality_of_days[day], spending.get(day.isoformat())) for day in shown]
    status = home_status(home)
    costs = [Decimal(record["cost_usd"]) for record in spending.values()]
    return Overview(
        status=status,
        days=days[::-1],
        quality=_by_level(quality_of_days.values()),
        spent_tokens=sum(int(record["tokens"]) for record in spending.values()),
        spent_usd=sum(costs, Decimal(0)),
        quality_chart=_quality_chart(days),
        spending_chart=_spending_chart(days),
        older=shown[0] if len(earlier) > len(shown) else None,
        is_newest=len(earlier) == len(quality_of_days),
        waiting=[(day, day_address(day)) for day in status["days_waiting"]],
        requests=home.ledger.spending("request", limit=RECENT),
        unknown_calls=len(home.ledger.unknown_calls()),
        searches=recent_searches(home),
    )


def recent_searches(home: Home) -> list[tuple[str, str]]:
    """The last queries, each once, and the addresses of their searches.

    Empty where queries are not remembered.
    """
    return [(query, search_address(query)) for query in home.memory.recent_queries(RECENT)]


def _by_level(day_counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sums of counts of chunks; every level is there, from the lowest."""
    total: Counter[str] = Counter()
    for counts in day_counts:
        total.update(counts)
    return {level: total[level] for level in QUALITY_LEVELS}


def _figures(
    day: date, counts: Mapping[str, int], spending: Mapping[str, Any] | None
) -> DayFigures:
    """The figures of a day; `spending` is None where nothing was spent on it."""
    return DayFigures(
        day=day,
        quality=_by_level([counts]),
        tokens=int(spending["tokens"]) if spending else 0,
        cost_usd=Decimal(spending["cost_usd"]) if spending else Decimal(0),
        address=day_address(day),
    )


def _quality_chart(days: Sequence[DayFigures]) -> Chart:
    return stack([(_quality_caption(figures), figures.quality) for figures in days])


def _quality_caption(figures: DayFigures) -> str:
    counts = [f"{count:,} {level}" for level, count in figures.quality.items() if count]
    return f"{figures.day}: {', '.join(counts) or 'no chunks'}"


def _spending_chart(days: Sequence[DayFigures]) -> Chart | None:
    if not any(figures.tokens for figures in days):
        return None
    bars: list[tuple[str, Mapping[str, float]]] = []
    for figures in days:
        caption = f"{figures.day}: {figures.tokens:,} tokens, ${figures.cost_usd:.6f}"
        bars.append((caption, {"spent": figures.tokens}))
    return stack(bars)
