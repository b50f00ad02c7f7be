"""Drafts: conversations as read from a source, before they get ids and storable characters."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from dreaming.conversation import MessageKind, Role
from dreaming.importing.report import FileReport, SkipReason


class MessagePart(NamedTuple):
    """One block of a source message: its kind and its text."""

    kind: MessageKind
    content: str
    name: str | None = None


class DraftMessage(NamedTuple):
    """A message as read from a source; a tuple, because an import may have millions."""

    role: Role
    content: str
    kind: MessageKind = "text"
    name: str | None = None
    timestamp: datetime | None = None
    source_id: str | None = None
    """None where the source gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationDraft:
    """A conversation as read from a source: the messages of its active branch, in order."""

    source_id: str | None
    """None where the source gives none."""
    messages: Sequence[DraftMessage]
    title: str | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    local_only: bool = False


def split_message(
    parts: Iterable[MessagePart],
    report: FileReport,
    *,
    role: Role,
    source_id: str | None,
    timestamp: datetime | None,
    name: str | None = None,
) -> list[DraftMessage]:
    """The messages of one source message: one for each part, adjacent texts joined by a blank line.

    The first text keeps the source's id. The others get `{id}/{kind}/{n}`, with n counted from 1
    within the message and kind, so that ids stay the same when the message grows. Blank parts are
    left out; a message that has no other is counted as empty.
    """
    counts: Counter[MessageKind] = Counter()
    messages: list[DraftMessage] = []
    for part in _join_texts(part for part in parts if part.content.strip()):
        counts[part.kind] += 1
        number = counts[part.kind]
        is_first_text = part.kind == "text" and number == 1
        part_id = source_id
        if source_id is not None and not is_first_text:
            part_id = f"{source_id}/{part.kind}/{number}"
        speaker: Role = "tool" if part.kind == "tool_result" else role
        message = DraftMessage(
            role=speaker,
            content=part.content,
            kind=part.kind,
            name=part.name or name,
            timestamp=timestamp,
            source_id=part_id,
        )
        messages.append(message)
    if not messages:
        report.skip(SkipReason.EMPTY_MESSAGE)
    return messages


def _join_texts(parts: Iterable[MessagePart]) -> Iterator[MessagePart]:
    texts: list[str] = []
    for part in parts:
        if part.kind == "text":
            texts.append(part.content)
            continue
        if texts:
            yield MessagePart("text", "\n\n".join(texts))
            texts = []
        yield part
    if texts:
        yield MessagePart("text", "\n\n".join(texts))
