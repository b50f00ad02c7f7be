"""A clock that is set, settings, and conversations in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dreaming.conversation import (
    Conversation,
    ConversationDay,
    ConversationId,
    Message,
    MessageKind,
    Role,
    content_message_ids,
    hash_messages,
)
from dreaming.days import time_bounds
from dreaming.settings import Settings

Said = str | tuple[Role, str] | tuple[Role, str, MessageKind]
"""What is said in a test: a text by alternating user and assistant, or a role, a text and a kind.
"""


@dataclass(slots=True)
class FixedClock:
    """A clock that stands until it is moved."""

    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    def move(self, by: timedelta) -> None:
        """Move it."""
        self.now += by


def make_settings(
    home: Path, *, database_url: str | None = None, time_zone: str = "UTC"
) -> Settings:
    """Settings for a home of a test."""
    environment = {"DREAMING_HOME": str(home), "DREAMING_TIMEZONE": time_zone}
    if database_url:
        environment["DREAMING_DATABASE_URL"] = database_url
    return Settings.from_environment(environment)


def make_conversation(
    said: Sequence[Said],
    *,
    conversation_id: str = "test:1",
    at: datetime | None = datetime(2026, 3, 1, 9, tzinfo=UTC),
    step: timedelta = timedelta(minutes=1),
    updated_at: datetime | None = None,
    title: str | None = None,
) -> Conversation:
    """A conversation: its first message at a time, each next one a step later; undated with `at`
    None.
    """
    spoken = [_spoken(one, index) for index, one in enumerate(said)]
    ids = content_message_ids((role, kind, content) for role, content, kind in spoken)
    times = [None if at is None else at + step * index for index in range(len(spoken))]
    messages = tuple(
        Message(id=own_id, role=role, content=content, kind=kind, timestamp=moment)
        for (role, content, kind), own_id, moment in zip(spoken, ids, times, strict=True)
    )
    updated = updated_at or time_bounds(messages)[1]
    return Conversation(ConversationId(conversation_id), "test", title, at, updated, messages)


def make_day(conversation: Conversation, day: date = date(2026, 3, 1)) -> ConversationDay:
    """A whole conversation as a conversation-day."""
    started_at, ended_at = time_bounds(conversation.messages)
    return ConversationDay(
        conversation_id=conversation.id,
        day=day,
        source=conversation.source,
        title=conversation.title,
        started_at=started_at,
        ended_at=ended_at,
        updated_at=conversation.updated_at,
        content_hash=hash_messages(conversation.messages),
        local_only=conversation.local_only,
        messages=conversation.messages,
    )


def _spoken(said: Said, index: int) -> tuple[Role, str, MessageKind]:
    if isinstance(said, str):
        return ("assistant" if index % 2 else "user", said, "text")
    if len(said) == 2:
        return (said[0], said[1], "text")
    return said
