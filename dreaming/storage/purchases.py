"""Purchases: the chunks that were bought and not undone, and which days show them.

A day's row in `bought_days` counts how often purchases and undoing have changed it, and up to which
change it is published. Such a revision is noted in the transaction of the change, so that a day is
published again also when the run that bought for it died.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from dreaming.conversation import ConversationId, MessageId
from dreaming.money import cost_picodollars, to_usd
from dreaming.storage.database import Database, insert_new
from dreaming.storage.tables import bought_days, paid_chunks, undone, upgrade_spans
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic

DaysOf = Callable[[ConversationId], Collection[date]]
"""A conversation -> its days."""


class Purchases:
    """The bought chunks of a home."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def of_conversation(self, conversation_id: ConversationId) -> list[PaidChunk]:
        """The chunks that were bought for a conversation and not undone."""
        is_undone = paid_chunks.c.request_id.in_(sa.select(undone.c.request_id))
        is_own = paid_chunks.c.conversation_id == conversation_id
        query = sa.select(paid_chunks).where(
            is_own,
            ~is_undone,
        )
        with self._ledger.read() as connection:
            return [_paid_chunk(row) for row in connection.execute(query).mappings()]

    def is_undone(self, request_id: str) -> bool:
        """Whether a request was undone."""
        query = sa.select(undone).where(undone.c.request_id == request_id)
        with self._ledger.read() as connection:
            return connection.execute(query).first() is not None

    def undone(self) -> dict[ConversationId, list[PaidChunk]]:
        """The chunks that were bought and undone, by conversation."""
        is_undone = paid_chunks.c.request_id.in_(sa.select(undone.c.request_id))
        chunks_of: dict[ConversationId, list[PaidChunk]] = {}
        with self._ledger.read() as connection:
            for row in connection.execute(sa.select(paid_chunks).where(is_undone)).mappings():
                chunks = chunks_of.setdefault(row["conversation_id"], [])
                chunks.append(_paid_chunk(row))
        return chunks_of

    def undo(
        self,
        request_id: str,
        days_of: DaysOf,
        *,
        at: datetime,
    ) -> list[date]:
        """Undo what a request bought; returns the days that show it. May be repeated.

        `days_of` returns the present days of a conversation, which may be others than those that
        the chunks were bought for.
        """
        span = upgrade_spans.c
        is_bought = (span.request_id == request_id) & (span.state == "bought")
        days_query = sa.select(span.day).where(is_bought).distinct()
        is_own = paid_chunks.c.request_id == request_id
        conversations_query = sa.select(paid_chunks.c.conversation_id).where(is_own).distinct()
        with self._ledger.read() as connection:
            days_of_spans = connection.execute(days_query).scalars().all()
            conversation_ids = connection.execute(conversations_query).scalars().all()
        days = set(map(date.fromisoformat, days_of_spans))
        for conversation_id in conversation_ids:
            days.update(days_of(conversation_id))
        # In one transaction: what is undone and not yet published is found by its revision.
        with self._ledger.write() as connection:
            insert_new(connection, undone, [{"request_id": request_id, "undone_at": at}])
            note_change(connection, [day.isoformat() for day in days], at=at)
        return sorted(days)

    def bring_back(
        self, chunks: Sequence[PaidChunk], request_id: str, days_of: DaysOf, *, at: datetime
    ) -> None:
        """Copy undone chunks as bought by another request, which pays nothing for them."""
        # One copy of each: the same chunk may have been brought back and undone before.
        copies = {}
        days = set[date]()
        for chunk in chunks:
            copies[chunk.call_id, chunk.slices] = chunk.brought_back_by(request_id)
            days.update(days_of(chunk.conversation_id))
        with self._ledger.write() as connection:
            insert_paid(connection, list(copies.values()))
            note_change(connection, [day.isoformat() for day in days], at=at)

    def unpublished_days(self, *, before: datetime | None = None) -> list[date]:
        """The days whose newest change is not published, in order.

        With `before`, those whose newest change is older: a run may be about to publish the others.
        """
        column = bought_days.c
        query = sa.select(column.day).where(column.revision > column.published_revision)
        if before is not None:
            query = query.where(column.changed_at < before)
        with self._ledger.read() as connection:
            return sorted(map(date.fromisoformat, connection.execute(query).scalars()))

    def revision(self, day: date) -> int:
        """How often purchases and undoing have changed a day."""
        query = sa.select(bought_days.c.revision).where(bought_days.c.day == day.isoformat())
        with self._ledger.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def mark_published(self, day: date, revision: int) -> None:
        """Note that a day is published with the changes up to a revision."""
        # Revision 0: nothing was bought for the day, and it has no row.
        if not revision:
            return
        # Only forward: a slow run may publish an older revision after a newer one was noted.
        column = bought_days.c
        is_older = (column.day == day.isoformat()) & (column.published_revision < revision)
        update = bought_days.update().where(is_older)
        with self._ledger.write() as connection:
            connection.execute(update.values(published_revision=revision))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the chunks that were bought for a conversation; returns how many.

        The calls that paid for them stay in the ledger.
        """
        query = paid_chunks.delete().where(paid_chunks.c.conversation_id == conversation_id)
        with self._ledger.write() as connection:
            return connection.execute(query).rowcount


def note_change(
    connection: sa.Connection,
    days: Iterable[str],
    *,
    at: datetime,
) -> None:
    """Give days a new revision, which is to be published."""
    # Inserted in order: two transactions that insert the same days do not wait for each other.
    changed = sorted(set(days))
    rows = []
    for day in changed:
        row = {"day": day, "revision": 0, "published_revision": 0, "changed_at": at}
        rows.append(row)
    insert_new(connection, bought_days, rows)
    values: dict[str, Any] = {"revision": bought_days.c.revision + 1, "changed_at": at}
    connection.execute(bought_days.update().where(bought_days.c.day.in_(changed)).values(values))


def insert_paid(connection: sa.Connection, chunks: Sequence[PaidChunk]) -> None:
    """Insert bought chunks; those that exist already are left as they are."""
    insert_new(connection, paid_chunks, [_row(chunk) for chunk in chunks])


def _row(chunk: PaidChunk) -> dict[str, object]:
    cells: dict[str, object] = asdict(chunk)
    cells["slices"] = [[s.message_id, s.start, s.end, s.text_hash] for s in chunk.slices]
    cells["topics"] = [[t.message_id, t.start, t.score] for t in chunk.topics]
    cells["labels"] = list(chunk.labels)
    cells["entities"] = list(chunk.entities)
    # An integer: SQLite has no exact decimals.
    del cells["cost_usd"]
    cells["cost_picodollars"] = cost_picodollars(chunk.cost_usd)
    return cells


def _paid_chunk(row: sa.RowMapping) -> PaidChunk:
    slices = []
    for message_id, start, end, text_hash in row["slices"]:
        slices.append(PaidSlice(MessageId(message_id), start, end, text_hash))
    topics = []
    for message_id, start, score in row["topics"]:
        topics.append(PaidTopic(MessageId(message_id), start, score))
    cells = dict(row)
    cells["slices"] = tuple(slices)
    cells["topics"] = tuple(topics)
    cells["labels"] = tuple(row["labels"])
    cells["entities"] = tuple(row["entities"])
    cells["cost_usd"] = to_usd(cells.pop("cost_picodollars"))
    return PaidChunk(**cells)
