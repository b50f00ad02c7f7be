"""Which chunks a search or a read is about."""

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
    """What chunks must satisfy; an empty field asks for nothing, several values in one are
    alternatives.
    """

    first_day: date | None = None
    last_day: date | None = None
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    quality_levels: tuple[QualityLevel, ...] = ()
    conversations: tuple[str, ...] = ()
    kinds: tuple[ChunkKind, ...] = ("text",)
    """Tool results and thinking are left out unless asked for."""

    def __post_init__(self) -> None:
        """Raise `UsageError` for a value that no chunk can have, and for a range without a day."""
        for name, allowed in (("quality_levels", tuple(QUALITY_LEVELS)), ("kinds", CHUNK_KINDS)):
            for value in getattr(self, name):
                if value not in allowed:
                    raise UsageError(
                        f"{value!r} is none of the {name.replace('_', ' ')} {', '.join(allowed)}."
                    )
        for field in fields(self):
            if isinstance(getattr(self, field.name), str):
                raise UsageError(
                    f"{field.name} takes several values: write ({getattr(self, field.name)!r},)."
                )
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise UsageError(
                f"The range from {self.first_day} to {self.last_day} is empty: "
                "the first day must not be after the last."
            )

    def expression(self) -> Expression | None:
        """The same in the filter language; None where it asks for nothing."""
        asked: list[Expression] = []
        if self.first_day is not None:
            asked.append(Comparison("day", ">=", self.first_day))
        if self.last_day is not None:
            asked.append(Comparison("day", "<=", self.last_day))
        for column, values in (
            ("kind", self.kinds),
            ("language", self.languages),
            ("quality_level", self.quality_levels),
            ("conversation_id", self.conversations),
        ):
            if values:
                asked.append(Membership(column, tuple(values)))
        if self.labels:
            asked.append(_any([Contains("labels", label) for label in self.labels]))
        return None if not asked else asked[0] if len(asked) == 1 else And(tuple(asked))


def _any(operands: list[Contains]) -> Expression:
    return operands[0] if len(operands) == 1 else Or(tuple(operands))
