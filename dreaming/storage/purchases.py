"""What was bought and not undone, as the ledger holds it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from dreaming.conversation import ConversationId, MessageId
from dreaming.storage.database import Database
from dreaming.storage.tables import paid_chunks, undone
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic


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

    def undone_of_conversation(self, conversation_id: ConversationId) -> list[PaidChunk]:
        """What was bought for a conversation and undone."""
        query = sa.select(paid_chunks).where(
            paid_chunks.c.conversation_id == conversation_id,
            paid_chunks.c.request_id.in_(sa.select(undone.c.request_id)),
        )
        with self._ledger.read() as connection:
            return [_paid_chunk(row) for row in connection.execute(query).mappings()]

    def conversations_of(self, request_id: str) -> set[ConversationId]:
        """The conversations that a request bought chunks for."""
        query = sa.select(paid_chunks.c.conversation_id).where(paid_chunks.c.request_id == request_id).distinct()
        with self._ledger.read() as connection:
            return {ConversationId(found) for (found,) in connection.execute(query)}

    def undo(self, request_id: str, *, at: datetime) -> None:
        """Count what a request bought as undone; done again, nothing changes."""
        with self._ledger.write() as connection:
            if connection.execute(sa.select(undone).where(undone.c.request_id == request_id)).one_or_none() is None:
                connection.execute(undone.insert().values(request_id=request_id, undone_at=at))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete what was bought for a conversation; returns how many chunks. The ledger's figures stay."""
        query = paid_chunks.delete().where(paid_chunks.c.conversation_id == conversation_id)
        with self._ledger.write() as connection:
            return connection.execute(query).rowcount


def insert_paid(connection: sa.Connection, chunks: Sequence[PaidChunk]) -> None:
    """Add chunks that were bought; those that are there stay as they are."""
    ids = [chunk.paid_chunk_id for chunk in chunks]
    known = set(
        connection.execute(sa.select(paid_chunks.c.paid_chunk_id).where(paid_chunks.c.paid_chunk_id.in_(ids))).scalars()
    )
    rows = [_row(chunk) for chunk in chunks if chunk.paid_chunk_id not in known]
    if rows:
        connection.execute(paid_chunks.insert(), rows)


def _row(chunk: PaidChunk) -> dict[str, object]:
    cells: dict[str, object] = asdict(chunk)
    cells["slices"] = [[s.message_id, s.start, s.end, s.text_hash] for s in chunk.slices]
    cells["topics"] = [[t.message_id, t.start, t.score] for t in chunk.topics]
    cells["labels"], cells["entities"] = list(chunk.labels), list(chunk.entities)
    del cells["cost_usd"]
    return cells | {"cost_picodollars": int(chunk.cost_usd.scaleb(12))}


def _paid_chunk(row: sa.RowMapping) -> PaidChunk:
    cells = dict(row)
    cells["slices"] = tuple(PaidSlice(MessageId(m), start, end, digest) for m, start, end, digest in row["slices"])
    cells["topics"] = tuple(PaidTopic(MessageId(m), start, score) for m, start, score in row["topics"])
    cells["labels"], cells["entities"] = tuple(row["labels"]), tuple(row["entities"])
    cells["cost_usd"] = Decimal(cells.pop("cost_picodollars")).scaleb(-12)
    return PaidChunk(**cells)
