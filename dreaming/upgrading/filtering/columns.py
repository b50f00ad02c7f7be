"""The columns of a chunk that a filter can name, and how their values are written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, get_args

from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, Speaker
from dreaming.money import read_usd

Scalar = str | int | float | Decimal | bool | date | datetime
Value = Scalar | None

ColumnKind = Literal[
    "text", "choice", "whole", "number", "money", "truth", "day", "instant", "list"
]

ALIASES: Mapping[str, str] = {"text": "content"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and how a value of it is written."""

    name: str
    kind: ColumnKind
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What a value looks like, for people."""
        return f"one of {', '.join(self.choices)}" if self.choices else _EXPECTED[self.kind]

    @property
    def is_text(self) -> bool:
        """Whether a value is text as it is written, whatever it looks like."""
        return self.kind in ("text", "choice", "list")

    def read(self, value: Scalar) -> Scalar:
        """A value of the column from a parsed one; raises `ValueError` where it is none."""
        typed = _READ[self.kind](value)
        if self.choices and typed not in self.choices:
            raise ValueError(f"{typed!r} is none of them")
        return typed


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _whole(value: Scalar) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        raise ValueError("not a whole number")  # one error for all that is no value
    return int(value)


def _number(value: Scalar) -> float:
    return float(_money(value))


def _money(value: Scalar) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("not a number")  # noqa: TRY004
    amount = read_usd(value)
    if not amount.is_finite():
        raise ValueError("not a number")
    return amount


def _truth(value: Scalar) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")  # noqa: TRY004
    return value


def _day(value: Scalar) -> date:
    # Every `datetime` is a `date` too, but an instant is no day.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return date.fromisoformat(str(value))


def _instant(value: Scalar) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


_READ: Mapping[ColumnKind, Callable[[Scalar], Scalar]] = {
    "text": _text,
    "choice": _text,
    "whole": _whole,
    "number": _number,
    "money": _money,
    "truth": _truth,
    "day": _day,
    "instant": _instant,
    "list": _text,
}

_EXPECTED: Mapping[ColumnKind, str] = {
    "text": "text in quotes",
    "choice": "a word",
    "whole": "a whole number",
    "number": "a number",
    "money": "a number of dollars",
    "truth": "true or false",
    "day": "a day as YYYY-MM-DD",
    "instant": "an instant as YYYY-MM-DDTHH:MM:SS+00:00, or a day",
    "list": "text in quotes",
}


def _columns() -> dict[str, Column]:
    named: dict[ColumnKind, str] = {
        "text": "chunk_id conversation_id content language summary segmenter_version llm_provider "
        "llm_used "
        "request_id prompt_version source_hash",
        "whole": "ordinal token_count tokens_used input_tokens output_tokens processing_time_ms",
        "number": "confidence",
        "money": "cost_usd",
        "truth": "needs_upgrade",
        "day": "day",
        "instant": "started_at ended_at created_at",
        "list": "labels entities speakers supersedes",
    }
    choices = {
        "kind": CHUNK_KINDS,
        "quality_level": tuple(QUALITY_LEVELS),
        "speaker": get_args(Speaker),
    }
    columns = {name: Column(name, kind) for kind, names in named.items() for name in names.split()}
    return columns | {name: Column(name, "choice", allowed) for name, allowed in choices.items()}


COLUMNS: Mapping[str, Column] = _columns()
"""The columns by name, without `spans` and `topics`, which are places in a text."""
