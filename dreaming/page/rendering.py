"""Templates filled in: every text escaped, and without what would steer what shows it."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from dreaming.page.highlighting import mark_words
from dreaming.showing.harmless import printable

_LANGUAGE = re.compile("[a-z]{2,3}")


def render(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(_environment().get_template(template).render(**values), status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dreaming.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "dollars": tell_dollars,
        "language": tell_language,
        "limit": tell_limit,
        "many": tell_many,
        "marking": mark_words,
        "percent": lambda share: f"{share:.0%}",
        "spoken_day": tell_day,
    }
    return environment


def harmless(value: Any) -> Any:
    """A value as it is shown: text without control characters, not even those that reverse its
    reading.
    """
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    lines = value.replace("\r\n", "\n").split("\n")
    return "\n".join(line if line.isprintable() else printable(line) for line in lines)


def tell_many(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def tell_limit(figure: int | str | None) -> str:
    """A figure of a budget."""
    return "no limit" if figure is None else f"{figure:,}" if isinstance(figure, int) else figure


def tell_dollars(cost: Decimal | str) -> str:
    """A cost to a hundredth of a cent or finer, as it needs."""
    cost = Decimal(cost)
    return (
        f"${cost:,.2f}"
        if cost == 0 or cost >= 1
        else f"${cost:.4f}"
        if cost >= Decimal("0.001")
        else f"${cost:.6f}"
    )


def tell_language(language: str) -> str:
    """What HTML calls a chunk's language; empty, which is unknown,
    for mixed and undetermined text.
    """
    return language if _LANGUAGE.fullmatch(language) and language != "und" else ""


def tell_day(day: date | datetime) -> str:
    """A day as people write it."""
    return f"{day:%A}, {day.day} {day:%B %Y}"
