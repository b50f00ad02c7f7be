"""Which chunks an upgrade may take, and why it does not take others: of millions, a column at a
time.
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
from dreaming.upgrading.filtering.expression import columns_of
from dreaming.upgrading.filtering.selecting import Rows, select_rows
from dreaming.upgrading.importance import Numbers
from dreaming.upgrading.paid import PaidChunk
from dreaming.upgrading.terms import UpgradeTerms

Mask = npt.NDArray[np.bool_]

CHOSEN_BY = ("day", "conversation_id", "kind", "quality_level", "token_count", "confidence")
"""The columns that choosing needs, besides those that a filter asks about."""

_EPOCH = date(1970, 1, 1).toordinal()


def columns_to_choose_by(terms: UpgradeTerms, *further: str) -> list[str]:
    """The columns of chunks that are needed to find candidates, and further ones."""
    return sorted({*CHOSEN_BY, *columns_of(terms.expression()), *further})


@dataclass(slots=True)
class Candidates:
    """The chunks of some days that an upgrade may take."""

    table: pa.Table
    """All chunks of the days, in the order of days and as they were written: a conversation's stand
    together.
    """
    rows: Rows
    """Those of the table that are candidates."""
    importance: Numbers | None = None
    """Of each row of the table; None where nobody has searched."""
    skipped: dict[date, Counter[str]] = field(default_factory=dict)
    """Chunks that were asked for and are left out, by day and reason."""
    undone: list[PaidChunk] = field(default_factory=list)
    """What had been bought for some of them, and is to be brought back."""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """A column of the candidates."""
        return self.table.column(name).take(pa.array(self.rows))

    def leave_out(self, which: Mask, reason: str) -> None:
        """Leave some out (a truth for each candidate), and count them."""
        self.skip(self.rows[which], reason)
        self.rows = self.rows[~which]

    def skip(self, rows: Rows, reason: str) -> None:
        """Count rows of the table as left out."""
        for day, count in zip(*np.unique(self._days()[rows], return_counts=True), strict=True):
            self.skipped.setdefault(date.fromordinal(_EPOCH + int(day)), Counter())[reason] += int(
                count
            )

    def of_conversations(self, conversation_ids: Collection[str]) -> Mask:
        """Which candidates are of some conversations."""
        wanted = pa.array(sorted(conversation_ids), pa.string())
        return np.asarray(pc.is_in(self.column("conversation_id"), value_set=wanted))

    def on_days(
        self, positions: npt.NDArray[np.int64]
    ) -> Iterator[tuple[date, npt.NDArray[np.int64], Rows]]:
        """For each day of some candidates: their positions among all, and their rows counted from
        the day's first.
        """
        days = self._days()
        of_each = days[self.rows[positions]]
        for number in np.unique(of_each):
            here = positions[of_each == number]
            first = np.searchsorted(days, number)
            yield date.fromordinal(_EPOCH + int(number)), here, self.rows[here] - first

    def _days(self) -> npt.NDArray[np.int32]:
        """Of each row of the table, in days since 1970."""
        days: npt.NDArray[np.int32] = self.table.column("day").cast(pa.int32()).to_numpy()
        return days


def find_candidates(table: pa.Table, terms: UpgradeTerms) -> Candidates:
    """The chunks of talk that a filter asks for, and that are below the target quality."""
    found = Candidates(table, select_rows(terms.expression(), table))
    found.leave_out(np.asarray(pc.not_equal(found.column("kind"), "text")), "not_talk")
    for level in QUALITY_LEVELS:
        if not terms.improves(level):
            found.leave_out(
                np.asarray(pc.equal(found.column("quality_level"), level)), f"already_{level}"
            )
    return found
