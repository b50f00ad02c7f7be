"""Which conversations must not leave the machine: by the user's marks, exports, and sources."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from dreaming.conversation import ConversationDay, ConversationId
from dreaming.storage.tables import local_only_marks


@dataclass(frozen=True, slots=True)
class LocalOnlyRule:
    """The user's mark decides; without one, the export's flag or the source's."""

    marks: Mapping[str, bool]
    """The conversations that the user has marked: True must not leave, False may."""
    sources: Collection[str]
    """The sources whose conversations must not leave."""

    def holds(self, conversation_id: str, source: str, *, exported: bool) -> bool:
        """Whether a conversation is local only; `exported` is the flag of its export."""
        return self.marks.get(conversation_id, exported or source in self.sources)

    def holds_elsewhere(self, conversation_id: str) -> bool:
        """Whether a conversation that is not in the archive is local only."""
        # Its source keeps it, and nothing but the id is known here, which begins with that name.
        source, _, _ = conversation_id.partition(":")
        return self.holds(conversation_id, source, exported=False)

    def applied(self, day: ConversationDay) -> ConversationDay:
        """A conversation-day with the flag that this rule gives it."""
        local_only = self.holds(day.conversation_id, day.source, exported=day.local_only)
        return day if local_only == day.local_only else replace(day, local_only=local_only)


def read_marks(connection: sa.Connection, *only: ConversationId) -> dict[str, bool]:
    """The user's marks, of all conversations or of some."""
    query = sa.select(
        local_only_marks.c.conversation_id,
        local_only_marks.c.local_only,
    )
    if only:
        query = query.where(local_only_marks.c.conversation_id.in_(only))
    return {row.conversation_id: row.local_only for row in connection.execute(query)}


def set_mark(
    connection: sa.Connection, conversation_id: ConversationId, *, local_only: bool
) -> None:
    """Mark a conversation, in the place of an earlier mark."""
    clear_mark(connection, conversation_id)
    row = {"conversation_id": conversation_id, "local_only": local_only}
    connection.execute(local_only_marks.insert().values(row))


def clear_mark(connection: sa.Connection, conversation_id: ConversationId) -> None:
    """Delete the mark of a conversation."""
    is_own = local_only_marks.c.conversation_id == conversation_id
    connection.execute(local_only_marks.delete().where(is_own))
