"""Claude.ai's `conversations.json`: each conversation is a list of messages.

In newer exports each message names its parent, and the list holds all branches.
"""

from collections.abc import Mapping, Sequence

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, count_attachments, read_blocks
from dreaming.importing.branches import Node, active_branch, link_orphans
from dreaming.importing.draft import ConversationDraft, DraftMessage, MessagePart, split_message
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_list, as_object, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import parse_time, read_time

_ROLES: Mapping[str, Role] = {"human": "user", "assistant": "assistant"}


def _recognises(entry: JsonObject) -> bool:
    return "chat_messages" in entry


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    listed = entry.get("chat_messages")
    if not isinstance(listed, list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    messages = [message for message in listed if isinstance(message, dict)]
    report.skip(SkipReason.NOT_A_MESSAGE, len(listed) - len(messages))
    active = _active(messages, entry)
    report.skip(SkipReason.INACTIVE_BRANCH, len(messages) - len(active))
    return ConversationDraft(
        source_id=as_id(entry.get("uuid")),
        title=as_text(entry.get("name")) or as_text(entry.get("title")),
        started_at=read_time(entry.get("created_at"), report),
        updated_at=read_time(entry.get("updated_at"), report),
        messages=_read_messages(active, report),
    )


def _active(messages: list[JsonObject], entry: JsonObject) -> list[JsonObject]:
    # An older export has no parents. It holds the active branch only, and its current leaf may be
    # out of date.
    if not any(as_text(message.get("parent_message_uuid")) for message in messages):
        return messages
    tree: list[Node] = []
    by_key: dict[str, JsonObject] = {}
    for position, message in enumerate(messages):
        key = as_id(message.get("uuid")) or f"#{position}"
        parent = as_text(message.get("parent_message_uuid"))
        tree.append(Node(key, parent, parse_time(message.get("created_at"))))
        # Of two messages with the same id the first counts, as in `active_branch`.
        by_key.setdefault(key, message)
    branch = active_branch(link_orphans(tree), as_text(entry.get("current_leaf_message_uuid")))
    return [by_key[key] for key in branch]


def _read_messages(messages: Sequence[JsonObject], report: FileReport) -> list[DraftMessage]:
    # Shared by the messages: a result is often in another message than its call.
    tool_names: ToolNames = {}
    drafts: list[DraftMessage] = []
    for message in messages:
        drafts += _read_message(message, report, tool_names)
    return drafts


def _read_message(
    message: JsonObject, report: FileReport, tool_names: ToolNames
) -> list[DraftMessage]:
    role = _ROLES.get(as_text(message.get("sender")) or "")
    if role is None:
        report.skip(SkipReason.UNKNOWN_ROLE)
        return []
    return split_message(
        _read_pieces(message, report, tool_names),
        report,
        role=role,
        source_id=as_id(message.get("uuid")),
        timestamp=read_time(message.get("created_at"), report),
    )


def _read_pieces(
    message: JsonObject, report: FileReport, tool_names: ToolNames
) -> list[MessagePart]:
    """The content's blocks, and the texts of attachments.

    The field `text` is read only where the blocks have no text: it has placeholders for some.
    """
    parts = read_blocks(message.get("content"), report, tool_names)
    if not any(part.content.strip() for part in parts):
        text = as_text(message.get("text"))
        parts = [MessagePart("text", text)] if text else []
    count_attachments(message.get("files"), report)
    for attached in as_list(message.get("attachments")):
        parts += _read_attachment(attached, report)
    return parts


def _read_attachment(attached: JsonValue, report: FileReport) -> list[MessagePart]:
    fields = as_object(attached)
    text = as_text(fields.get("extracted_content"))
    if text is None:
        report.skip(SkipReason.ATTACHMENT)
        return []
    return [MessagePart("tool_result", text, as_text(fields.get("file_name")))]


CLAUDE_AI = ExportFormat("claude_ai", _recognises, each_entry(_read_conversation))
