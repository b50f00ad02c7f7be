"""Conversations as chat APIs take them: on each line `{"messages": [{"role", "content"}]}`."""

from collections.abc import Mapping

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, read_blocks
from dreaming.importing.draft import ConversationDraft, DraftMessage, MessagePart, split_message
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import (
    JsonObject,
    JsonValue,
    as_id,
    as_list,
    as_object,
    as_source_text,
    as_text,
)
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import read_time

_ROLES: Mapping[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}


def _recognises(entry: JsonObject) -> bool:
    return any(
        isinstance(message, dict) and "role" in message
        for message in as_list(entry.get("messages"))
    )


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    if not isinstance(entry.get("messages"), list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    tool_names: ToolNames = {}
    return ConversationDraft(
        source_id=as_id(entry.get("id")),
        title=as_text(entry.get("title")),
        started_at=read_time(entry.get("created_at"), report),
        updated_at=read_time(entry.get("updated_at"), report),
        messages=[
            draft
            for message in as_list(entry["messages"])
            for draft in _read_message(message, report, tool_names)
        ],
    )


def _read_message(
    message: JsonValue, report: FileReport, tool_names: ToolNames
) -> list[DraftMessage]:
    if not isinstance(message, dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return []
    role = _ROLES.get(as_text(message.get("role")) or "")
    if role is None:
        report.skip(SkipReason.UNKNOWN_ROLE)
        return []
    read = _read_tool_result if role == "tool" else _read_talk
    parts = read(message, report, tool_names)
    return split_message(
        parts,
        report,
        role=role,
        source_id=as_id(message.get("id")),
        timestamp=read_time(message.get("timestamp") or message.get("created_at"), report),
        name=as_text(message.get("name")),
    )


def _read_talk(message: JsonObject, report: FileReport, tool_names: ToolNames) -> list[MessagePart]:
    thinking = as_text(message.get("reasoning_content")) or as_text(message.get("reasoning"))
    parts = [MessagePart("thinking", thinking)] if thinking else []
    parts += read_blocks(message.get("content"), report, tool_names)
    refusal = as_text(message.get("refusal"))
    if refusal:
        parts.append(MessagePart("text", refusal))
    calls = [as_object(call) for call in as_list(message.get("tool_calls"))]
    # The older name of a single call.
    if "function_call" in message:
        calls.append({"function": message["function_call"]})
    for call in calls:
        parts += _read_call(call, tool_names)
    return parts


def _read_call(call: JsonObject, tool_names: ToolNames) -> list[MessagePart]:
    function = as_object(call.get("function")) or as_object(call.get("custom"))
    if not function:
        return []
    name = as_text(function.get("name"))
    call_id = as_id(call.get("id"))
    if name and call_id:
        tool_names[call_id] = name
    # Custom tools have an input, functions have arguments.
    arguments = function.get("arguments", function.get("input", {}))
    return [MessagePart("tool_call", as_source_text(arguments), name)]


def _read_tool_result(
    message: JsonObject, report: FileReport, tool_names: ToolNames
) -> list[MessagePart]:
    call_id = as_id(message.get("tool_call_id")) or ""
    name = as_text(message.get("name")) or tool_names.get(call_id)
    texts = [part.content for part in read_blocks(message.get("content"), report, tool_names)]
    return [MessagePart("tool_result", "\n\n".join(texts), name)]


OPENAI_MESSAGES = ExportFormat("openai_messages", _recognises, each_entry(_read_conversation))
