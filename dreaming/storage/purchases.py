"""What was bought and not undone, as the ledger holds it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from dreaming.conversation import ConversationId, MessageId
from dreaming.storage.database import Database, insert_new
from dreaming.storage.tables import bought_days, paid_chunks, undone, upgrade_spans
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic

DaysOf = Callable[[ConversationId], Collection[date]]
"""Tells the days that a conversation is on."""


class Purchases:
    """The `paid_chunks` that still count."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def of_conversation(self, conversation_id: ConversationId) -> list[PaidChunk]:
        """What was bought for a conversation, less what was undone."""
        query = sa.select(paid_chunks).where(
            paid_chunks.c.conversation_id == conversation_id,
            paid_chunks.c.request_id.not_in(sa.select(undone.c.request_id)),
        )
        with self._ledger.read() as connection:
            return [_paid_chunk(row) for row in connection.execute(query).mappings()]

    def is_undone(self, request_id: str) -> bool:
        """Whether a request was taken back."""
        with self._ledger.read() as connection:
            return (
                connection.execute(
                    sa.select(undone).where(undone.c.request_id == request_id)
                ).first()
                is not None
            )

    def undone(self) -> dict[ConversationId, list[PaidChunk]]:
        """What was bought and undone, by conversation."""
        query = sa.select(paid_chunks).where(
            paid_chunks.c.request_id.in_(sa.select(undone.c.request_id))
        )
        found: dict[ConversationId, list[PaidChunk]] = {}
        with self._ledger.read() as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(row["conversation_id"], []).append(_paid_chunk(row))
        return found

    def undo(self, request_id: str, days_of: DaysOf, *, at: datetime) -> list[date]:
        """Count what a request bought as undone, and return the days that show it; may be repeated.

        `days_of` tells the days that a conversation is on now, which may be others than it was
        bought for.
        """
        ended = (upgrade_spans.c.request_id == request_id) & (upgrade_spans.c.state == "bought")
        mine = (
            sa.select(paid_chunks.c.conversation_id)
            .where(paid_chunks.c.request_id == request_id)
            .distinct()
        )
        with self._ledger.read() as connection:
            bought_for = (
                connection.execute(sa.select(upgrade_spans.c.day).where(ended).distinct())
                .scalars()
                .all()
            )
            conversation_ids = connection.execute(mine).scalars().all()
        days = set(map(date.fromisoformat, bought_for)).union(*map(days_of, conversation_ids))
        with self._ledger.write() as connection:
            insert_new(connection, undone, [{"request_id": request_id, "undone_at": at}])
            note_change(connection, [day.isoformat() for day in days], at=at)
        return sorted(days)

    def bring_back(
        self, chunks: Sequence[PaidChunk], request_id: str, days_of: DaysOf, *, at: datetime
    ) -> None:
        """Count chunks that were undone as bought again, by another request, which pays nothing for
        them.
        """
        copies = {
            (chunk.call_id, chunk.slices): chunk.brought_back_by(request_id) for chunk in chunks
        }
        days: set[date] = set().union(*(days_of(chunk.conversation_id) for chunk in chunks))
        with self._ledger.write() as connection:
            insert_paid(connection, list(copies.values()))
            note_change(connection, [day.isoformat() for day in days], at=at)

    def unpublished_days(self, *, before: datetime | None = None) -> list[date]:
        """The days that purchases have changed, the last time before a moment, and that do not show
        it yet.
        """
        pending = sa.select(bought_days.c.day).where(
            bought_days.c.revision > bought_days.c.published_revision
        )
        if before is not None:
            pending = pending.where(bought_days.c.changed_at < before)
        with self._ledger.read() as connection:
            return sorted(map(date.fromisoformat, connection.execute(pending).scalars()))

    def revision(self, day: date) -> int:
        """How often purchases have changed a day."""
        query = sa.select(bought_days.c.revision).where(bought_days.c.day == day.isoformat())
        with self._ledger.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def mark_published(self, day: date, revision: int) -> None:
        """Note that a day is published as it was at a revision."""
        if revision:
            older = (bought_days.c.day == day.isoformat()) & (
                bought_days.c.published_revision < revision
            )
            with self._ledger.write() as connection:
                connection.execute(
                    bought_days.update().where(older).values(published_revision=revision)
                )

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete what was bought for a conversation; returns how many chunks. The ledger's figures
        stay.
        """
        query = paid_chunks.delete().where(paid_chunks.c.conversation_id == conversation_id)
        with self._ledger.write() as connection:
            return connection.execute(query).rowcount


def note_change(connection: sa.Connection, days: Iterable[str], *, at: datetime) -> None:
    """Note that days are not published as they are any more."""
    changed = sorted(set(days))
    insert_new(
        connection,
        bought_days,
        [{"day": day, "revision": 0, "published_revision": 0, "changed_at": at} for day in changed],
    )
    values: dict[str, Any] = {"revision": bought_days.c.revision + 1, "changed_at": at}
    connection.execute(bought_days.update().where(bought_days.c.day.in_(changed)).values(values))


def insert_paid(connection: sa.Connection, chunks: Sequence[PaidChunk]) -> None:
    """Add chunks that were bought; those that are there stay as they are."""
    insert_new(connection, paid_chunks, [_row(chunk) for chunk in chunks])


def _row(chunk: PaidChunk) -> dict[str, object]:
    cells: dict[str, object] = asdict(chunk)
    cells["slices"] = [[s.message_id, s.start, s.end, s.text_hash] for s in chunk.slices]
    cells["topics"] = [[t.message_id, t.start, t.score] for t in chunk.topics]
    cells["labels"], cells["entities"] = list(chunk.labels), list(chunk.entities)
    del cells["cost_usd"]
    return cells | {"cost_picodollars": int(chunk.cost_usd.scaleb(12))}


def _paid_chunk(row: sa.RowMapping) -> PaidChunk:
    cells = dict(row)
    cells["slices"] = tuple(
        PaidSlice(MessageId(m), start, end, digest) for m, start, end, digest in row["slices"]
    )
    cells["topics"] = tuple(
        PaidTopic(MessageId(m), start, score) for m, start, score in row["topics"]
    )
    cells["labels"], cells["entities"] = tuple(row["labels"]), tuple(row["entities"])
    cells["cost_usd"] = Decimal(cells.pop("cost_picodollars")).scaleb(-12)
    return PaidChunk(**cells)
