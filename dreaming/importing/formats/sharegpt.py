"""ShareGPT: conversations `{"conversations": [{"from": "human", "value": "..."}]}`.

A file has one on each line, or is a list of them.
"""

from collections.abc import Mapping

from dreaming.conversation import MessageKind, Role
from dreaming.importing.draft import ConversationDraft, DraftMessage
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_list, as_text
from dreaming.importing.report import FileReport, SkipReason

_SPEAKERS: Mapping[str, tuple[Role, MessageKind]] = {
    "human": ("user", "text"),
    "user": ("user", "text"),
    "gpt": ("assistant", "text"),
    "chatgpt": ("assistant", "text"),
    "assistant": ("assistant", "text"),
    "bing": ("assistant", "text"),
    "bard": ("assistant", "text"),
    "system": ("system", "text"),
    "function_call": ("assistant", "tool_call"),
    "observation": ("tool", "tool_result"),
    "tool": ("tool", "tool_result"),
}


def _recognises(entry: JsonObject) -> bool:
    return any(
        isinstance(turn, dict) and "from" in turn for turn in as_list(entry.get("conversations"))
    )


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    turns = entry.get("conversations")
    if not isinstance(turns, list):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    messages: list[DraftMessage] = []
    for turn in turns:
        message = _read_turn(turn, report)
        if message is not None:
            messages.append(message)
    return ConversationDraft(
        source_id=as_id(entry.get("id")), title=as_text(entry.get("title")), messages=messages
    )


def _read_turn(turn: JsonValue, report: FileReport) -> DraftMessage | None:
    if not isinstance(turn, dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return None
    speaker = _SPEAKERS.get(as_text(turn.get("from")) or "")
    text = turn.get("value")
    if speaker is None or not isinstance(text, str):
        report.skip(SkipReason.UNKNOWN_CONTENT if speaker else SkipReason.UNKNOWN_ROLE)
        return None
    role, kind = speaker
    return DraftMessage(role, text, kind)


SHAREGPT = ExportFormat("sharegpt", _recognises, each_entry(_read_conversation))
