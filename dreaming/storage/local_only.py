"""Which conversations must not leave the machine: by the user's marks, their exports, and their
sources.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from dreaming.conversation import ConversationDay, ConversationId
from dreaming.storage.tables import local_only_marks


@dataclass(frozen=True, slots=True)
class LocalOnlyRule:
    """What is local only: first what the user marked, else what its export says so of, or its
    source is kept here.
    """

    marks: Mapping[str, bool]
    sources: Collection[str]

    def holds(self, conversation_id: str, source: str, *, exported: bool) -> bool:
        """Whether a conversation is local only; `exported` is what its export says."""
        return self.marks.get(conversation_id, exported or source in self.sources)

    def holds_elsewhere(self, conversation_id: str) -> bool:
        """The same for one of a source that keeps its conversations:
        their ids begin with its name.
        """
        return self.holds(conversation_id, conversation_id.partition(":")[0], exported=False)

    def applied(self, day: ConversationDay) -> ConversationDay:
        """A conversation-day that says whether it is local only."""
        local_only = self.holds(day.conversation_id, day.source, exported=day.local_only)
        return day if local_only == day.local_only else replace(day, local_only=local_only)


def read_marks(connection: sa.Connection, *only: ConversationId) -> dict[str, bool]:
    """What the user marked, of all conversations or some."""
    query = sa.select(local_only_marks.c.conversation_id, local_only_marks.c.local_only)
    rows = connection.execute(
        query.where(local_only_marks.c.conversation_id.in_(only)) if only else query
    )
    return {row.conversation_id: row.local_only for row in rows}


def set_mark(
    connection: sa.Connection, conversation_id: ConversationId, *, local_only: bool
) -> None:
    """Mark a conversation, in the place of an earlier mark."""
    clear_mark(connection, conversation_id)
    connection.execute(
        local_only_marks.insert().values(conversation_id=conversation_id, local_only=local_only)
    )


def clear_mark(connection: sa.Connection, conversation_id: ConversationId) -> None:
    """Forget the mark of a conversation."""
    connection.execute(
        local_only_marks.delete().where(local_only_marks.c.conversation_id == conversation_id)
    )
