"""Open WebUI's chat export: each chat is a tree of messages, and `currentId` its active leaf.

A file may also be one chat object alone.
"""

from collections.abc import Mapping

from dreaming.conversation import Role
from dreaming.importing.blocks import count_attachments, read_blocks
from dreaming.importing.branches import Node, active_branch
from dreaming.importing.draft import ConversationDraft, DraftMessage, split_message
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_object, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import parse_time, read_time

_ROLES: Mapping[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
}


def _recognises(entry: JsonObject) -> bool:
    chat = entry.get("chat") if isinstance(entry.get("chat"), dict) else entry
    return "messages" in as_object(as_object(chat).get("history"))


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    chat = as_object(entry.get("chat")) or entry
    history = as_object(chat.get("history"))
    messages = history.get("messages")
    if not isinstance(messages, dict):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    active = _active(messages, as_text(history.get("currentId")), report)
    return ConversationDraft(
        source_id=as_id(entry.get("id")) or as_id(chat.get("id")),
        title=as_text(entry.get("title")) or as_text(chat.get("title")),
        started_at=read_time(entry.get("created_at") or chat.get("timestamp"), report),
        updated_at=read_time(entry.get("updated_at"), report),
        messages=[draft for key in active for draft in _read_message(key, messages[key], report)],
    )


def _active(messages: JsonObject, current: str | None, report: FileReport) -> list[str]:
    tree = []
    for key, value in messages.items():
        message = as_object(value)
        sent_at = parse_time(message.get("timestamp"))
        tree.append(Node(key, as_text(message.get("parentId")), sent_at))
    branch = active_branch(tree, current)
    report.skip(SkipReason.INACTIVE_BRANCH, len(messages) - len(branch))
    return branch


def _read_message(key: str, message: JsonValue, report: FileReport) -> list[DraftMessage]:
    if not isinstance(message, dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return []
    role = _ROLES.get(as_text(message.get("role")) or "")
    if role is None:
        report.skip(SkipReason.UNKNOWN_ROLE)
        return []
    count_attachments(message.get("files"), report)
    return split_message(
        read_blocks(message.get("content"), report, {}),
        report,
        role=role,
        source_id=as_id(message.get("id")) or key,
        timestamp=read_time(message.get("timestamp"), report),
    )


OPEN_WEBUI = ExportFormat("open_webui", _recognises, each_entry(_read_conversation))
