"""Which chunks a search or a read is about."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date

from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, ChunkKind, QualityLevel
from dreaming.errors import UsageError
from dreaming.upgrading.filtering.expression import (
    And,
    Comparison,
    Contains,
    Expression,
    Membership,
    Or,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFilter:
    """Conditions that chunks must satisfy.

    An empty field is no condition; several values of one field are alternatives.
    """

    first_day: date | None = None
    last_day: date | None = None
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    quality_levels: tuple[QualityLevel, ...] = ()
    conversations: tuple[str, ...] = ()
    kinds: tuple[ChunkKind, ...] = ("text",)
    """Tool results and thinking are left out by default."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for a value that no chunk can have, and for an empty range of days."""
        # Refused here: a filter that no chunk satisfies would find nothing, without saying why.
        _require_allowed("quality_levels", self.quality_levels, tuple(QUALITY_LEVELS))
        _require_allowed("kinds", self.kinds, CHUNK_KINDS)
        for field in fields(self):
            value = getattr(self, field.name)
            # A string is a sequence too: of its characters, each of which would be an alternative.
            if isinstance(value, str):
                raise UsageError(f"{field.name} takes several values: write ({value!r},).")
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise UsageError(
                f"The range from {self.first_day} to {self.last_day} is empty: "
                "the first day must not be after the last."
            )

    def expression(self) -> Expression | None:
        """The same in the filter language; None without a condition."""
        conditions: list[Expression] = []
        if self.first_day is not None:
            conditions.append(Comparison("day", ">=", self.first_day))
        if self.last_day is not None:
            conditions.append(Comparison("day", "<=", self.last_day))
        for column, values in (
            ("kind", self.kinds),
            ("language", self.languages),
            ("quality_level", self.quality_levels),
            ("conversation_id", self.conversations),
        ):
            if values:
                conditions.append(Membership(column, tuple(values)))
        if self.labels:
            conditions.append(_any_label(self.labels))
        if len(conditions) > 1:
            return And(tuple(conditions))
        return conditions[0] if conditions else None


def _require_allowed(
    name: str,
    values: Collection[str],
    allowed: Collection[str],
) -> None:
    for value in values:
        if value not in allowed:
            plural = name.replace("_", " ")
            raise UsageError(f"{value!r} is none of the {plural} {', '.join(allowed)}.")


def _any_label(labels: Collection[str]) -> Expression:
    operands = [Contains("labels", label) for label in labels]
    # The language has no Or of a single operand.
    return operands[0] if len(operands) == 1 else Or(tuple(operands))
