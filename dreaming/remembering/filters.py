"""Which chunks a search or a read is about."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from dreaming.chunk import CHUNK_KINDS, QUALITY_LEVELS, BChunk, ChunkKind, QualityLevel
from dreaming.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkFilter:
    """What chunks must satisfy; an empty field asks for nothing, several values in one are alternatives."""

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
                    raise UsageError(f"{value!r} is none of the {name.replace('_', ' ')} {', '.join(allowed)}.")
        for field in fields(self):
            if isinstance(getattr(self, field.name), str):
                raise UsageError(f"{field.name} takes several values: write ({getattr(self, field.name)!r},).")
        if self.first_day and self.last_day and self.first_day > self.last_day:
            raise UsageError(
                f"The range from {self.first_day} to {self.last_day} is empty: "
                "the first day must not be after the last."
            )

    def allows_day(self, day: date) -> bool:
        """Whether a day is within the range."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)

    def allows(self, chunk: BChunk) -> bool:
        """Whether a chunk satisfies everything asked for."""

        def among(value: object, wanted: Sequence[object]) -> bool:
            return not wanted or value in wanted

        return (
            self.allows_day(chunk.day)
            and among(chunk.kind, self.kinds)
            and among(chunk.language, self.languages)
            and among(chunk.quality_level, self.quality_levels)
            and among(chunk.conversation_id, self.conversations)
            and (not self.labels or not set(self.labels).isdisjoint(chunk.labels))
        )
