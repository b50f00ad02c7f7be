"""Claude.ai's `conversations.json`: a list of messages a conversation, in newer exports linked to
their parents.
"""

from collections.abc import Mapping

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, count_attachments, read_blocks
from dreaming.importing.branches import Node, active_branch, link_orphans
from dreaming.importing.draft import Draft, DraftMessage, Piece, split_message
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_list, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import parse_time, read_time

_ROLES: Mapping[str, Role] = {"human": "user", "assistant": "assistant"}


def _recognises(entry: JsonObject) -> bool:
    return "chat_messages" in entry


def _read_conversation(entry: JsonObject, report: FileReport) -> Draft | None:
    listed = entry.get("chat_messages")
    if not isinstance(listed, list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    messages = [message for message in listed if isinstance(message, dict)]
    report.skip(SkipReason.NOT_A_MESSAGE, len(listed) - len(messages))
    active = _active(messages, entry)
    report.skip(SkipReason.INACTIVE_BRANCH, len(messages) - len(active))
    tool_names: ToolNames = {}
    return Draft(
        source_id=as_id(entry.get("uuid")),
        title=as_text(entry.get("name")) or as_text(entry.get("title")),
        started_at=read_time(entry.get("created_at"), report),
        updated_at=read_time(entry.get("updated_at"), report),
        messages=[
            draft for message in active for draft in _read_message(message, report, tool_names)
        ],
    )


def _active(messages: list[JsonObject], entry: JsonObject) -> list[JsonObject]:
    if not any(as_text(message.get("parent_message_uuid")) for message in messages):
        # an older export: the active branch only, and a current leaf that may be stale
        return messages
    keys = [
        as_id(message.get("uuid")) or f"#{position}" for position, message in enumerate(messages)
    ]
    tree = [
        Node(
            key, as_text(message.get("parent_message_uuid")), parse_time(message.get("created_at"))
        )
        for key, message in zip(keys, messages, strict=True)
    ]
    branch = active_branch(link_orphans(tree), as_text(entry.get("current_leaf_message_uuid")))
    by_key = dict(zip(reversed(keys), reversed(messages), strict=True))
    return [by_key[key] for key in branch]


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


def _read_pieces(message: JsonObject, report: FileReport, tool_names: ToolNames) -> list[Piece]:
    """The content's blocks; `text`, which flattens them with placeholders, only where they give
    nothing.
    """
    pieces = read_blocks(message.get("content"), report, tool_names)
    if not any(piece.content.strip() for piece in pieces):
        text = as_text(message.get("text"))
        pieces = [Piece("text", text)] if text else []
    count_attachments(message.get("files"), report)
    return pieces + [
        piece
        for attached in as_list(message.get("attachments"))
        for piece in _read_attachment(attached, report)
    ]


def _read_attachment(attached: JsonValue, report: FileReport) -> list[Piece]:
    text = as_text(attached.get("extracted_content")) if isinstance(attached, dict) else None
    if text is None or not isinstance(attached, dict):
        report.skip(SkipReason.ATTACHMENT)
        return []
    return [Piece("tool_result", text, as_text(attached.get("file_name")))]


CLAUDE_AI = ExportFormat("claude_ai", _recognises, each_entry(_read_conversation))
