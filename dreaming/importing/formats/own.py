"""Our own JSONL, for sources without an exporter: a conversation a line (docs/importing.md)."""

from dreaming.conversation import MESSAGE_KINDS, ROLES, MessageKind, Role
from dreaming.importing.draft import ConversationDraft, DraftMessage
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import read_time

_ROLES: dict[JsonValue, Role] = {role: role for role in ROLES}
_KINDS: dict[JsonValue, MessageKind] = {kind: kind for kind in MESSAGE_KINDS}


def _recognises(entry: JsonObject) -> bool:
    return "conversation_id" in entry and isinstance(entry.get("messages"), list)


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    messages = entry.get("messages")
    if not isinstance(messages, list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    return ConversationDraft(
        source_id=as_id(entry.get("conversation_id")),
        title=as_text(entry.get("title")),
        started_at=read_time(entry.get("started_at"), report),
        updated_at=read_time(entry.get("updated_at"), report),
        messages=[draft for message in messages if (draft := _read_message(message, report))],
        local_only=entry.get("local_only") is True,
    )


def _read_message(message: JsonValue, report: FileReport) -> DraftMessage | None:
    if not isinstance(message, dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return None
    role = as_text(message.get("role"))
    kind = as_text(message.get("kind", "text"))
    content = message.get("content")
    if role not in _ROLES:
        report.skip(SkipReason.UNKNOWN_ROLE)
        return None
    if kind not in _KINDS or not isinstance(content, str):
        report.skip(SkipReason.UNKNOWN_CONTENT)
        return None
    return DraftMessage(
        role=_ROLES[role],
        content=content,
        kind=_KINDS[kind],
        name=as_text(message.get("name")),
        timestamp=read_time(message.get("timestamp"), report),
        source_id=as_id(message.get("id")),
    )


OWN = ExportFormat("dreaming", _recognises, each_entry(_read_conversation), keeps_ids=True)
