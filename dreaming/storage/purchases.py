"""What was bought and not undone, as the ledger holds it."""

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

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete what was bought for a conversation; returns how many chunks. The ledger's figures stay."""
        query = paid_chunks.delete().where(paid_chunks.c.conversation_id == conversation_id)
        with self._ledger.write() as connection:
            return connection.execute(query).rowcount


def _paid_chunk(row: sa.RowMapping) -> PaidChunk:
    cells = dict(row)
    cells["slices"] = tuple(PaidSlice(MessageId(m), start, end, digest) for m, start, end, digest in row["slices"])
    cells["topics"] = tuple(PaidTopic(MessageId(m), start, score) for m, start, score in row["topics"])
    cells["labels"], cells["entities"] = tuple(row["labels"]), tuple(row["entities"])
    cells["cost_usd"] = Decimal(cells.pop("cost_picodollars")).scaleb(-12)
    return PaidChunk(**cells)
