"""Templates filled in, with every text escaped and without control characters."""

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
    """A page from a template and its values."""
    html = _environment().get_template(template).render(**values)
    return HTMLResponse(html, status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dreaming.page"),
        autoescape=True,
        # A misspelt name in a template is an error, not an empty text.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Runs on every value that a template prints, so that no template can leave it out.
        finalize=harmless,
    )
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "dollars": format_dollars,
        "language": format_language,
        "limit": format_limit,
        "many": format_many,
        "marking": mark_words,
        "percent": lambda share: f"{share:.0%}",
        "spoken_day": format_day,
    }
    return environment


def harmless(value: Any) -> Any:
    """The value without control characters, those that reverse the direction of text included."""
    # `Markup` is a template's own output, which was made harmless part by part.
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    # Line breaks stay: they are not printable either.
    lines = value.replace("\r\n", "\n").split("\n")
    return "\n".join(line if line.isprintable() else printable(line) for line in lines)


def format_many(number: int, noun: str) -> str:
    """A number and its noun, in the plural where needed."""
    plural = "" if number == 1 else "s"
    return f"{number:,} {noun}{plural}"


def format_limit(limit: int | str | None) -> str:
    """A limit of a budget, in tokens or in dollars."""
    if limit is None:
        return "no limit"
    if isinstance(limit, int):
        return f"{limit:,}"
    return limit


def format_dollars(cost: Decimal | str) -> str:
    """A cost, with as many decimals as a small one needs to differ from zero."""
    cost = Decimal(cost)
    if cost == 0 or cost >= 1:
        return f"${cost:,.2f}"
    if cost >= Decimal("0.001"):
        return f"${cost:.4f}"
    return f"${cost:.6f}"


def format_language(language: str) -> str:
    """A chunk's language as HTML names it; empty, which is unknown, for mixed and undetermined."""
    is_known = _LANGUAGE.fullmatch(language) and language != "und"
    return language if is_known else ""


def format_day(day: date | datetime) -> str:
    """A day as people write it."""
    return f"{day:%A}, {day.day} {day:%B %Y}"
