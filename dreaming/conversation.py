"""Conversations, their messages, and the part of a conversation that belongs to one local day.

Nothing here does I/O, and nothing here imports from above.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NewType, get_args

ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)

Role = Literal["user", "assistant", "system", "tool"]
"""Who a message is from."""

MessageKind = Literal["text", "tool_call", "tool_result", "thinking"]
"""What a message is: talk, a call of a tool, what the tool answered, or a model's thinking."""

ROLES: tuple[Role, ...] = get_args(Role)
MESSAGE_KINDS: tuple[MessageKind, ...] = get_args(MessageKind)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, exactly as it was said."""

    id: MessageId
    """Unique within its conversation, and the same on every import of it."""
    role: Role
    content: str
    """The text, stored as it came; only lone surrogates and NUL are replaced, by U+FFFD, on import.
    """
    kind: MessageKind = "text"
    name: str | None = None
    """The speaker's name, or the tool's for calls and results."""
    timestamp: datetime | None = None
    """When it was said, aware; None where the source does not say."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A whole conversation as a source gave it: the active branch, in order."""

    id: ConversationId
    """Unique over all sources: the importers put the format's name before the source's own id."""
    source: str
    """Where it came from: the name of the export format or of the source."""
    title: str | None
    started_at: datetime | None
    updated_at: datetime | None
    """The newer of two versions of a conversation wins."""
    messages: tuple[Message, ...]
    local_only: bool = False
    """True: never sent to a cloud provider."""


@dataclass(frozen=True, slots=True)
class ConversationDay:
    """The messages of a conversation on one local day: a row of `raw_conversations`."""

    conversation_id: ConversationId
    day: date
    source: str
    title: str | None
    started_at: datetime | None
    """The first timestamp among the day's messages."""
    ended_at: datetime | None
    """The last timestamp among the day's messages."""
    updated_at: datetime | None
    content_hash: str
    """Of the messages, see `hash_messages`: equal hashes need no new chunks."""
    local_only: bool
    messages: tuple[Message, ...]


_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Kept, because `json.dumps` with options makes an encoder for every call."""


def stable_hash(*parts: object) -> str:
    """Hash JSON-able parts to 32 hex digits: the one hash behind every id in the project.

    SHA-256 over compact UTF-8 JSON, cut to 128 bits. Frozen: ids that users have stored depend on
    it.
    """
    return hashlib.sha256(_ENCODE(parts).encode("utf-8")).hexdigest()[:32]


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> tuple[str, int]:
    """The text without what no store can hold, and how many characters were replaced.

    NUL and lone surrogates become U+FFFD.
    """
    return _UNSTORABLE.subn("\ufffd", text)


def hash_messages(messages: Sequence[Message]) -> str:
    """Hash everything of a run of messages that a chunk can depend on."""
    return stable_hash(
        [
            [
                m.id,
                m.role,
                m.kind,
                m.name,
                m.content,
                m.timestamp.isoformat() if m.timestamp else None,
            ]
            for m in messages
        ]
    )


def content_message_ids(messages: Iterable[tuple[Role, MessageKind, str]]) -> list[MessageId]:
    """Ids for messages whose source gives none: from what is said, not from where it stands.

    Takes (role, kind, content) in order. An inserted message leaves the ids of all others as they
    were; of messages that say the same, the first has occurrence 0, the second 1, and so on.
    """
    seen: Counter[tuple[Role, MessageKind, str]] = Counter()
    ids: list[MessageId] = []
    for key in messages:
        ids.append(MessageId("m-" + stable_hash(*key, seen[key])[:24]))
        seen[key] += 1
    return ids
