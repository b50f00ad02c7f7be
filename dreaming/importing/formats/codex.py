"""Codex's rollout files: a line is an event; `response_item` has a message, `event_msg` repeats it.

The oldest files have the items alone, one a line, after a first line with the session's id.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, read_blocks, read_texts
from dreaming.importing.draft import ConversationDraft, DraftMessage, MessagePart, split_message
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.json_values import (
    JsonObject,
    as_id,
    as_list,
    as_object,
    as_source_text,
    as_text,
)
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import read_time

_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant"}
_PROMPT_ROLES = ("system", "developer")
_LINE_TYPES = frozenset({"session_meta", "response_item", "event_msg", "turn_context", "compacted"})
# Beginnings of the messages that Codex writes to the model in the user's name.
_HIDDEN_BEGINNINGS = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<turn_aborted>",
    "<INSTRUCTIONS>",
    "# AGENTS.md instructions",
)


@dataclass(slots=True)
class _CodexSession:
    id: str | None = None
    started_at: datetime | None = None
    messages: list[DraftMessage] = field(default_factory=list)
    tool_names: ToolNames = field(default_factory=dict)


def _recognises(entry: JsonObject) -> bool:
    if as_text(entry.get("type")) in _LINE_TYPES and isinstance(entry.get("payload"), dict):
        return True
    return "record_type" in entry or _is_bare_start(entry)


def _is_bare_start(entry: JsonObject) -> bool:
    return "type" not in entry and {"id", "timestamp", "instructions"} <= entry.keys()


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[ConversationDraft]:
    session = _CodexSession()
    for line in entries:
        payload = as_object(line.get("payload"))
        kind = as_text(line.get("type"))
        if kind == "session_meta" or _is_bare_start(line):
            _start(session, payload or line, report)
        elif kind == "response_item":
            _read_item(session, payload, line, report)
        elif kind in _ITEMS:
            # The oldest files: the line is the item.
            _read_item(session, line, line, report)
        else:
            report.skip(SkipReason.SESSION_EVENT)
    yield ConversationDraft(
        source_id=session.id, started_at=session.started_at, messages=session.messages
    )


def _start(session: _CodexSession, start: JsonObject, report: FileReport) -> None:
    """Read the first start only: a resumed session repeats the start of the one it continues."""
    if session.id is None:
        session.id = as_id(start.get("id"))
        session.started_at = read_time(start.get("timestamp"), report)


def _read_item(
    session: _CodexSession, item: JsonObject, line: JsonObject, report: FileReport
) -> None:
    default_kind = "message" if "role" in item else ""
    kind = as_text(item.get("type")) or default_kind
    # Calls, results and reasoning name no role: they are the assistant's.
    role_name = as_text(item.get("role")) if kind == "message" else "assistant"
    role = _ROLES.get(role_name or "")
    if kind not in _ITEMS:
        report.skip(SkipReason.UNKNOWN_CONTENT)
        return
    if role is None:
        is_prompt = role_name in _PROMPT_ROLES
        report.skip(SkipReason.SYSTEM_PROMPT if is_prompt else SkipReason.UNKNOWN_ROLE)
        return
    parts = _ITEMS[kind](item, session, report)
    if parts is None:
        return
    session.messages += split_message(
        parts,
        report,
        role=role,
        source_id=as_id(item.get("id")),
        timestamp=read_time(line.get("timestamp") or item.get("timestamp"), report),
    )


# A reader returns None for an item that it has counted as skipped.
_ReadItem: TypeAlias = Callable[[JsonObject, _CodexSession, FileReport], list[MessagePart] | None]


def _read_message(
    item: JsonObject, session: _CodexSession, report: FileReport
) -> list[MessagePart] | None:
    parts = read_blocks(item.get("content"), report, session.tool_names)
    shown = [part for part in parts if not part.content.lstrip().startswith(_HIDDEN_BEGINNINGS)]
    report.skip(SkipReason.HIDDEN, len(parts) - len(shown))
    # A message whose parts are all hidden is counted as hidden, and not as empty too.
    is_hidden = bool(parts) and not shown
    return None if is_hidden else shown


def _read_reasoning(
    item: JsonObject, _session: _CodexSession, report: FileReport
) -> list[MessagePart] | None:
    blocks = as_list(item.get("summary")) + as_list(item.get("content"))
    texts = read_texts(blocks, report)
    if not texts:
        report.skip(SkipReason.ENCRYPTED_THINKING)
        return None
    return [MessagePart("thinking", "\n\n".join(texts))]


def _read_call(key: str) -> _ReadItem:
    def read(item: JsonObject, session: _CodexSession, _report: FileReport) -> list[MessagePart]:
        name = as_text(item.get("name")) or as_text(item.get("type"))
        call = as_id(item.get("call_id"))
        if call and name:
            session.tool_names[call] = name
        return [MessagePart("tool_call", as_source_text(item.get(key, {})), name)]

    return read


def _read_output(item: JsonObject, session: _CodexSession, report: FileReport) -> list[MessagePart]:
    output = item.get("output")
    if isinstance(output, dict):
        output = output.get("content")
    texts = read_texts(output, report)
    call_id = as_id(item.get("call_id")) or ""
    name = session.tool_names.get(call_id)
    return [MessagePart("tool_result", "\n\n".join(texts), name)]


_ITEMS: Mapping[str, _ReadItem] = {
    "message": _read_message,
    "reasoning": _read_reasoning,
    "function_call": _read_call("arguments"),
    "custom_tool_call": _read_call("input"),
    "local_shell_call": _read_call("action"),
    "web_search_call": _read_call("action"),
    "function_call_output": _read_output,
    "custom_tool_call_output": _read_output,
    "local_shell_call_output": _read_output,
}

CODEX = ExportFormat("codex", _recognises, _read)
