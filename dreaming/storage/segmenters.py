"""Learned segmenters: every version that was accepted, and which one is used."""

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
    """The version of the segmenter that it was learned from. It is used only while dreaming
    comes with that version.
    """
    learned_at: datetime
    lessons_hash: str
    """The hash of the conversations that it was learned from."""
    output: tuple[float, ...]
    bias: float
    labels: Mapping[str, Sequence[str]]
    """Learned labels, each with the words that lead to it."""
    report: Mapping[str, Any]
    """Its scores on conversations that were held out."""
    reverted_at: datetime | None

    @property
    def version(self) -> str:
        """The version that is stored with the chunks that it cuts."""
        return learned_version(self.base, self.number)


class Segmenters:
    """The segmenters of a home: the one that comes with dreaming, and those learned from it."""

    def __init__(self, ledger: Database, shipped: Segmenter) -> None:
        self._ledger = ledger
        self.shipped = shipped

    def learned(self) -> list[LearnedSegmenter]:
        """Every version, the newest first."""
        query = sa.select(segmenters).order_by(segmenters.c.number.desc())
        with self._ledger.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [_learned_segmenter(row) for row in rows]

    def current(self) -> Segmenter:
        """The segmenter in use: the newest learned one that was not reverted, or the shipped one.

        One that was learned from another version of the shipped one is not used.
        """
        return self._segmenter(self._newest())

    def labels(self) -> Mapping[str, Sequence[str]]:
        """The learned labels in use, each with its words, besides those that come with dreaming."""
        learned = self._newest()
        return learned.labels if learned else {}

    def chunker(self) -> RulesChunker:
        """The chunker by rules, with everything that was learned."""
        # Looked up once, so that the segmenter and the labels are of the same version.
        learned = self._newest()
        labels = learned.labels if learned else {}
        return RulesChunker(self._segmenter(learned), grown_labels(labels))

    def add(
        self,
        moved: Segmenter,
        labels: Mapping[str, Sequence[str]],
        *,
        lessons_hash: str,
        report: Mapping[str, Any],
        at: datetime,
    ) -> LearnedSegmenter:
        """Store an accepted segmenter and its labels, which are used from now on."""
        highest = sa.select(sa.func.max(segmenters.c.number))
        with self._ledger.write() as connection:
            # Reverted versions count too: a number is never given twice, as chunks have it.
            number = (connection.execute(highest).scalar() or 0) + 1
            learned = LearnedSegmenter(
                number=number,
                base=self.shipped.version,
                learned_at=at,
                lessons_hash=lessons_hash,
                output=moved.weights.output,
                bias=moved.weights.bias,
                labels=labels,
                report=report,
                reverted_at=None,
            )
            row = asdict(learned) | {"output": list(learned.output)}
            connection.execute(segmenters.insert().values(row))
        return learned

    def revert(self, *, at: datetime) -> LearnedSegmenter:
        """Revert the newest segmenter, so that the one before it is used.

        Raises `UsageError` where none is in use.
        """
        learned = self._newest()
        if learned is None:
            raise UsageError(
                f"Nothing to revert: topics are found by {self.shipped.version}, which comes with "
                "dreaming."
            )
        update = segmenters.update().where(segmenters.c.number == learned.number)
        with self._ledger.write() as connection:
            connection.execute(update.values(reverted_at=at))
        return learned

    def _segmenter(self, learned: LearnedSegmenter | None) -> Segmenter:
        if learned is None:
            return self.shipped
        return self.shipped.moved(
            np.array(learned.output),
            learned.bias,
            version=learned.version,
        )

    def _newest(self) -> LearnedSegmenter | None:
        for learned in self.learned():
            # With the other weights of another base, its regression would mean something else.
            is_of_shipped = learned.base == self.shipped.version
            if is_of_shipped and learned.reverted_at is None:
                return learned
        return None


def _learned_segmenter(row: sa.RowMapping) -> LearnedSegmenter:
    cells = dict(row)
    cells["output"] = tuple(cells["output"])
    return LearnedSegmenter(**cells)


def learned_version(base: str, number: int) -> str:
    """The version of a learned segmenter."""
    return f"{base}+{number}"
