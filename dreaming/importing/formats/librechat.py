"""LibreChat's export: a conversation is a list of messages, or a tree of `children`.

It has one branch or all.
"""

from collections.abc import Iterator

from dreaming.conversation import Role
from dreaming.importing.blocks import count_attachments, read_blocks
from dreaming.importing.branches import Node, active_branch, link_orphans
from dreaming.importing.draft import ConversationDraft, DraftMessage, MessagePart, split_message
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_list, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import parse_time, read_time


def _recognises(entry: JsonObject) -> bool:
    return "conversationId" in entry and ("messages" in entry or "messagesTree" in entry)


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    listed = entry.get("messages") or entry.get("messagesTree")
    if not isinstance(listed, list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    tree: list[Node] = []
    messages: dict[str, JsonObject] = {}
    for key, message, parent in _flatten(listed, report):
        tree.append(Node(key, parent, parse_time(message.get("createdAt"))))
        # Of two messages with the same id the first counts, as in `active_branch`.
        messages.setdefault(key, message)
    branch = active_branch(link_orphans(tree))
    report.skip(SkipReason.INACTIVE_BRANCH, len(tree) - len(branch))
    return ConversationDraft(
        source_id=as_id(entry.get("conversationId")),
        title=as_text(entry.get("title")),
        updated_at=read_time(entry.get("updatedAt"), report),
        messages=[draft for key in branch for draft in _read_message(messages[key], report)],
    )


def _flatten(
    listed: list[JsonValue], report: FileReport
) -> Iterator[tuple[str, JsonObject, str | None]]:
    """Yield (key, message, parent) of every message, parents first."""
    # A stack and not recursion: the tree may be deeper than Python's recursion limit.
    pending: list[tuple[JsonValue, str | None]] = [(message, None) for message in reversed(listed)]
    position = 0
    while pending:
        message, parent_key = pending.pop()
        if not isinstance(message, dict):
            report.skip(SkipReason.NOT_A_MESSAGE)
            continue
        key = as_id(message.get("messageId")) or f"#{position}"
        position += 1
        yield key, message, as_text(message.get("parentMessageId")) or parent_key
        pending += [(child, key) for child in reversed(as_list(message.get("children")))]


def _read_message(message: JsonObject, report: FileReport) -> list[DraftMessage]:
    role = _role_of(message)
    if role is None:
        report.skip(SkipReason.UNKNOWN_ROLE)
        return []
    count_attachments(message.get("files"), report)
    parts = read_blocks(message.get("content"), report, {})
    if not any(part.content.strip() for part in parts):
        parts = [MessagePart("text", as_text(message.get("text")) or "")]
    return split_message(
        parts,
        report,
        role=role,
        source_id=as_id(message.get("messageId")),
        timestamp=read_time(message.get("createdAt"), report),
    )


def _role_of(message: JsonObject) -> Role | None:
    by_user = message.get("isCreatedByUser")
    if isinstance(by_user, bool):
        return "user" if by_user else "assistant"
    # Without the flag, only the messages of the user can be recognised.
    sender = as_text(message.get("sender")) or ""
    return "user" if sender.lower() == "user" else None


LIBRECHAT = ExportFormat("librechat", _recognises, each_entry(_read_conversation))
