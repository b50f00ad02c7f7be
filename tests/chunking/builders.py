"""Conversation-days for the tests of chunking."""

from datetime import UTC, date, datetime

from dreaming.conversation import (
    ConversationDay,
    ConversationId,
    Message,
    MessageId,
    MessageKind,
    Role,
    content_message_ids,
    hash_messages,
)

CREATED_AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def build_day(messages: list[Message]) -> ConversationDay:
    """A conversation-day of these messages."""
    times = [message.timestamp for message in messages if message.timestamp is not None]
    return ConversationDay(
        conversation_id=ConversationId("test:1"),
        day=date(2026, 3, 1),
        source="test",
        title=None,
        started_at=min(times, default=None),
        ended_at=max(times, default=None),
        updated_at=None,
        content_hash=hash_messages(messages),
        local_only=False,
        messages=tuple(messages),
    )


def build_message(
    number: int,
    content: str,
    *,
    role: Role | None = None,
    kind: MessageKind = "text",
    name: str | None = None,
    timestamp: datetime | None = None,
) -> Message:
    """Message `number`; without a role, even numbers are the
    user's and odd ones the assistant's.
    """
    speaker: Role = role or ("user" if number % 2 == 0 else "assistant")
    return Message(MessageId(f"m{number}"), speaker, content, kind, name, timestamp)


def build_talk(*contents: str) -> ConversationDay:
    """A day in which user and assistant say these in turn."""
    return build_day([build_message(number, content) for number, content in enumerate(contents)])


def named_day(conversation_id: str, said: list[tuple[Role, str]]) -> ConversationDay:
    """A day of (role, content) pairs, its messages named as the importers would."""
    ids = content_message_ids([(role, "text", content) for role, content in said])
    day = build_day(
        [Message(id, role, content) for id, (role, content) in zip(ids, said, strict=True)]
    )
    return ConversationDay(
        conversation_id=ConversationId(conversation_id),
        day=day.day,
        source=day.source,
        title=day.title,
        started_at=None,
        ended_at=None,
        updated_at=None,
        content_hash=day.content_hash,
        local_only=False,
        messages=day.messages,
    )
