"""Candidates: the chunks that an upgrade may take, and why it leaves others out.

There may be millions of chunks, so they are chosen a column at a time.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.chunk import QUALITY_LEVELS
from dreaming.upgrading.arrow_arrays import (
    boolean_values,
    equals,
    integer_array,
    number_values,
    string_array,
)
from dreaming.upgrading.filtering.expression import columns_of
from dreaming.upgrading.filtering.selecting import Rows, select_rows
from dreaming.upgrading.importance import Numbers
from dreaming.upgrading.paid import PaidChunk
from dreaming.upgrading.terms import UpgradeTerms

Mask = npt.NDArray[np.bool_]

CHOSEN_BY = ("day", "conversation_id", "kind", "quality_level", "token_count", "confidence")
"""The columns that choosing needs, besides those of the filter."""

_EPOCH = date(1970, 1, 1).toordinal()


def columns_to_choose_by(terms: UpgradeTerms, *further: str) -> list[str]:
    """The columns of chunks that are needed to find candidates, and further ones."""
    return sorted({*CHOSEN_BY, *columns_of(terms.expression()), *further})


@dataclass(slots=True)
class Candidates:
    """The chunks of some days that an upgrade may take."""

    table: pa.Table
    """All chunks of the days, by day, and in a day as written: those of a conversation together."""
    rows: Rows
    """The rows of the table that are candidates."""
    importance: Numbers | None = None
    """The importance of each row of the table; None before the first search."""
    skipped: dict[date, Counter[str]] = field(default_factory=dict)
    """The number of chunks that the filter asks for and that are left out, by day and reason."""
    undone: list[PaidChunk] = field(default_factory=list)
    """Chunks that were bought for some candidates and undone, and are to be brought back."""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the candidates."""
        return self.table.column(name).take(integer_array(self.rows))

    def leave_out(self, which: Mask, reason: str) -> None:
        """Leave out and count the candidates that a mask is true for."""
        self.skip(self.rows[which], reason)
        self.rows = self.rows[~which]

    def skip(self, rows: Rows, reason: str) -> None:
        """Count rows of the table as left out."""
        numbers, counts = np.unique(self._days()[rows], return_counts=True)
        for number, count in zip(numbers, counts, strict=True):
            day = date.fromordinal(_EPOCH + int(number))
            reasons = self.skipped.setdefault(day, Counter())
            reasons[reason] += int(count)

    def of_conversations(self, conversation_ids: Collection[str]) -> Mask:
        """A mask of the candidates that are of some conversations."""
        wanted = string_array(sorted(conversation_ids))
        return boolean_values(pc.is_in(self.column("conversation_id"), value_set=wanted))

    def on_days(
        self, positions: npt.NDArray[np.int64]
    ) -> Iterator[tuple[date, npt.NDArray[np.int64], Rows]]:
        """Some candidates by day: their positions among all, and their rows within the day."""
        days = self._days()
        day_of_position = days[self.rows[positions]]
        for number in np.unique(day_of_position):
            of_day = positions[day_of_position == number]
            # The table is ordered by day, so the first row of a day is found by bisection.
            first_row = np.searchsorted(days, number)
            yield date.fromordinal(_EPOCH + int(number)), of_day, self.rows[of_day] - first_row

    def _days(self) -> npt.NDArray[np.int32]:
        """The day of each row of the table, in days since 1970."""
        days: npt.NDArray[np.int32] = number_values(self.table.column("day").cast(pa.int32()))
        return days


def find_candidates(table: pa.Table, terms: UpgradeTerms) -> Candidates:
    """The chunks of talk that a filter asks for, and that are below the target quality."""
    candidates = Candidates(table, select_rows(terms.expression(), table))
    is_talk = equals(candidates.column("kind"), "text")
    candidates.leave_out(~is_talk, "not_talk")
    for level in QUALITY_LEVELS:
        if not terms.improves(level):
            has_level = equals(candidates.column("quality_level"), level)
            candidates.leave_out(has_level, f"already_{level}")
    return candidates
