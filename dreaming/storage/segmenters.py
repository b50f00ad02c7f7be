"""Segmenters that were learned here: every version, and which of them cuts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from dreaming.chunking.labels import grown_labels
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.segmenter import Segmenter
from dreaming.errors import UsageError
from dreaming.storage.database import Database
from dreaming.storage.tables import segmenters


@dataclass(frozen=True, slots=True)
class LearnedSegmenter:
    """A version that was learned and accepted."""

    number: int
    base: str
    """The version of the segmenter that it was moved from; it cuts only where dreaming comes with
    that one.
    """
    learned_at: datetime
    lessons_hash: str
    """Of the talks that it was learned from."""
    output: tuple[float, ...]
    bias: float
    labels: Mapping[str, Sequence[str]]
    """Labels that were learned, and the words that tell them."""
    report: Mapping[str, Any]
    """How it did on talks that were held out."""
    reverted_at: datetime | None

    @property
    def version(self) -> str:
        """What chunks say that it cut."""
        return learned_version(self.base, self.number)


class Segmenters:
    """The segmenters of a home: the one that comes with dreaming, and those that were learned from
    it.
    """

    def __init__(self, ledger: Database, shipped: Segmenter) -> None:
        self._ledger = ledger
        self.shipped = shipped

    def learned(self) -> list[LearnedSegmenter]:
        """Every version, the newest first."""
        query = sa.select(segmenters).order_by(segmenters.c.number.desc())
        with self._ledger.read() as connection:
            return [
                LearnedSegmenter(**{**row, "output": tuple(row["output"])})
                for row in connection.execute(query).mappings()
            ]

    def current(self) -> Segmenter:
        """What cuts: the newest that was learned from the shipped one and not reverted, else the
        shipped one.
        """
        return self._segmenter(self._newest())

    def labels(self) -> Mapping[str, Sequence[str]]:
        """The labels of the version that cuts, and the words that tell them, besides those that
        come with dreaming.
        """
        learned = self._newest()
        return learned.labels if learned else {}

    def chunker(self) -> RulesChunker:
        """The rules, with all that was learned."""
        learned = self._newest()
        return RulesChunker(
            self._segmenter(learned), grown_labels(learned.labels if learned else {})
        )

    def add(
        self,
        moved: Segmenter,
        labels: Mapping[str, Sequence[str]],
        *,
        lessons_hash: str,
        report: Mapping[str, Any],
        at: datetime,
    ) -> LearnedSegmenter:
        """Keep one that was moved from the shipped one, and labels, that were accepted; from now on
        it cuts.
        """
        output, bias = moved.weights.output, moved.weights.bias
        with self._ledger.write() as connection:
            number = 1 + (
                connection.execute(sa.select(sa.func.max(segmenters.c.number))).scalar() or 0
            )
            learned = LearnedSegmenter(
                number, self.shipped.version, at, lessons_hash, output, bias, labels, report, None
            )
            connection.execute(
                segmenters.insert().values(asdict(learned) | {"output": list(output)})
            )
        return learned

    def revert(self, *, at: datetime) -> LearnedSegmenter:
        """Take the newest back, so that the one before it cuts; raises `UsageError` where there is
        none.
        """
        learned = self._newest()
        if learned is None:
            raise UsageError(
                f"Nothing to revert: topics are found by {self.shipped.version}, which comes with "
                "dreaming."
            )
        mine = segmenters.c.number == learned.number
        with self._ledger.write() as connection:
            connection.execute(segmenters.update().where(mine).values(reverted_at=at))
        return learned

    def _segmenter(self, learned: LearnedSegmenter | None) -> Segmenter:
        if learned is None:
            return self.shipped
        return self.shipped.moved(np.array(learned.output), learned.bias, version=learned.version)

    def _newest(self) -> LearnedSegmenter | None:
        mine = (
            each
            for each in self.learned()
            if each.base == self.shipped.version and each.reverted_at is None
        )
        return next(mine, None)


def learned_version(base: str, number: int) -> str:
    """The version of a learned segmenter."""
    return f"{base}+{number}"
