"""What all days hold, what they cost, and what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa

from dreaming.chunk import QUALITY_LEVELS
from dreaming.home import Home
from dreaming.page.addresses import day_address, search_address
from dreaming.page.charting import Chart, stack
from dreaming.reporting import home_status
from dreaming.storage.tables import indexed_chunks, queries

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
    held = sorted(home.index.days())
    earlier = [day for day in held if before is None or day < before]
    shown = earlier[-DAYS:]
    spending = {record["key"]: record for record in home.ledger.spending("day", limit=_ALL)}
    days = [_figures(day, quality, spending) for day, quality in _quality_of_days(home, shown).items()]
    status = home_status(home)
    return Overview(
        status=status,
        days=days[::-1],
        quality=_quality(home),
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
    """What was looked for last, each once, with the address of the same search; none where that is not remembered."""
    newest = sa.select(queries.c.query).order_by(queries.c.asked_at.desc()).limit(10 * RECENT)
    with home.ledger.database.read() as connection:
        asked = dict.fromkeys(connection.execute(newest).scalars())
    return [(query, search_address(query)) for query in islice(asked, RECENT)]


def _quality(home: Home) -> dict[str, int]:
    level = indexed_chunks.c.quality_level
    with home.index.database.read() as connection:
        counted = connection.execute(sa.select(level, sa.func.count()).group_by(level)).all()
    return dict.fromkeys(QUALITY_LEVELS, 0) | {name: int(count) for name, count in counted}


def _quality_of_days(home: Home, days: Sequence[date]) -> dict[date, dict[str, int]]:
    """How many chunks of each level days have, by day in order."""
    found: dict[date, dict[str, int]] = {day: dict.fromkeys(QUALITY_LEVELS, 0) for day in days}
    if not days:
        return found
    day, level = indexed_chunks.c.day, indexed_chunks.c.quality_level
    these = day.between(days[0].isoformat(), days[-1].isoformat())
    query = sa.select(day, level, sa.func.count()).where(these).group_by(day, level)
    with home.index.database.read() as connection:
        for name, of_level, count in connection.execute(query):
            if (own := date.fromisoformat(name)) in found:
                found[own][of_level] = int(count)
    return found


def _figures(day: date, quality: Mapping[str, int], spending: Mapping[str, Mapping[str, Any]]) -> DayFigures:
    spent = spending.get(day.isoformat(), {"tokens": 0, "cost_usd": "0"})
    return DayFigures(day, quality, int(spent["tokens"]), Decimal(spent["cost_usd"]), day_address(day))


def _told_quality(figures: DayFigures) -> str:
    levels = ", ".join(f"{count:,} {level}" for level, count in figures.quality.items() if count)
    return f"{figures.day}: {levels or 'no chunks'}"


def _spending_chart(days: Sequence[DayFigures]) -> Chart | None:
    if not any(each.tokens for each in days):
        return None
    return stack(
        [(f"{each.day}: {each.tokens:,} tokens, ${each.cost_usd:.6f}", {"spent": each.tokens}) for each in days]
    )
