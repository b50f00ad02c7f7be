"""What an upgrade is asked to do, and within what limits."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args

from dreaming.bounds import MOST, require_bounds
from dreaming.chunk import QUALITY_RANKS, QualityLevel
from dreaming.errors import UsageError
from dreaming.model_call import Delivery
from dreaming.money import limit_picodollars, read_usd
from dreaming.settings import parse_day
from dreaming.upgrading.filtering.expression import And, Comparison, Expression
from dreaming.upgrading.filtering.parsing import parse_filter

PaidLevel = Literal["good", "premium"]

DEFAULT_FILTER: Mapping[QualityLevel, str] = {
    "good": "quality_level = basic AND needs_upgrade = true",
    "premium": "quality_level != premium",
}
"""The filter of an upgrade that has none of its own."""
DEFAULT_EXPRESSION: Mapping[QualityLevel, Expression] = {
    "good": And(
        (Comparison("quality_level", "=", "basic"), Comparison("needs_upgrade", "=", True))
    ),
    "premium": Comparison("quality_level", "!=", "premium"),
}
"""The same, parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeTerms:
    """The terms of one upgrade; None is no limit.

    Raises `UsageError` for values that no upgrade can have.
    """

    target_quality: QualityLevel
    filter: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    limit: int | None = None
    """The most chunks that are upgraded."""
    provider: str | None = None
    """None: the default of the target quality."""
    providers: tuple[str, ...] = ()
    """Instead of one provider, several in order of preference: the next if one gives nothing."""
    model: str | None = None
    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None
    max_duration_seconds: float | None = None
    """The time in which calls are made; replies of batches are taken later too."""
    delivery: Delivery | None = None
    """At once, or within a day at half the price; None is now, unless a planner chooses."""
    account: str | None = None
    """The id of a further scope in which the upgrade counts."""
    include_undone: bool = False
    retry_failed: bool = False

    def __post_init__(self) -> None:
        if self.target_quality not in get_args(PaidLevel):
            raise UsageError(
                f"target_quality = {self.target_quality!r} is nothing to upgrade to. Choose good "
                "or premium; basic "
                "chunks are made for free by `dreaming run`."
            )
        if self.delivery not in (None, *get_args(Delivery)):
            raise UsageError(
                f"delivery = {self.delivery!r} is none. Choose now, or batch: within a day, at "
                "half price."
            )
        if self.providers and (self.provider or self.model):
            raise UsageError(
                "Give one provider, or several in order of preference without a model: each then "
                "has its own model of the level."
            )
        if len(self.providers) > 1 and self.delivery == "batch":
            # A batch is answered a day later, when no run is left to ask the next provider.
            raise UsageError("Several providers are asked now, not in batches: leave delivery out.")
        require_bounds({name: getattr(self, name) for name in MOST})
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise UsageError(
                f"The range from {self.first_day} to {self.last_day} has no day: turn it round."
            )
        self.expression()

    def expression(self) -> Expression:
        """The filter, parsed; raises `FilterError`."""
        if self.filter:
            return parse_filter(self.filter)
        # Not parsed: to build the parser takes longer than all else that most upgrades look at.
        return DEFAULT_EXPRESSION[self.target_quality]

    @property
    def default_filter(self) -> str:
        """The filter of an upgrade to this quality that has none of its own."""
        return DEFAULT_FILTER[self.target_quality]

    @property
    def max_picodollars(self) -> int | None:
        """`max_cost_usd` as budgets count it."""
        return None if self.max_cost_usd is None else limit_picodollars(self.max_cost_usd)

    def allows_day(self, day: date) -> bool:
        """Whether a day is within the range."""
        is_early = self.first_day is not None and day < self.first_day
        is_late = self.last_day is not None and self.last_day < day
        return not (is_early or is_late)

    def improves(self, level: QualityLevel) -> bool:
        """Whether a level is below the target quality."""
        return QUALITY_RANKS[level] < QUALITY_RANKS[self.target_quality]

    def as_json(self) -> dict[str, Any]:
        """The terms for JSON, with days and dollars as text; empty terms are left out."""
        # Left out, not null: rows of earlier versions, which lack a term, stay equal to new ones.
        given = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {name: _plain(value) for name, value in given.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "UpgradeTerms":
        """The terms from JSON or run config, where an empty text means None too.

        Other names are ignored: rows of later versions and run configs have further fields.
        Raises `UsageError` for values that no upgrade can have.
        """
        terms = {}
        for field in fields(cls):
            value = values.get(field.name)
            if value in (None, "", []):
                continue
            read = _READ.get(field.name)
            terms[field.name] = read(value) if read else value
        return cls(**terms)


def _read_day(value: Any) -> date:
    return value if isinstance(value, date) else parse_day(value)


def _read_dollars(value: Any) -> Decimal:
    try:
        return read_usd(value)
    except ValueError as error:
        raise UsageError(f"max_cost_usd: {error}.") from None


_READ: Mapping[str, Callable[[Any], Any]] = {
    "first_day": _read_day,
    "last_day": _read_day,
    "max_cost_usd": _read_dollars,
    "providers": tuple,
}
"""Readers of the terms that JSON has no type for."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Decimal | date) else value
