"""Codex's rollout files: a line an event; `response_item` holds what was said, `event_msg` repeats
it.

Oldest files have the items bare, one a line, after a first line with the session's id.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, read_blocks, read_texts
from dreaming.importing.draft import Draft, DraftMessage, Piece, split_message
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
# What Codex tells the model in the user's name.
_HIDDEN_BEGINNINGS = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "<turn_aborted>",
    "<INSTRUCTIONS>",
    "# AGENTS.md instructions",
)


@dataclass(slots=True)
class _Session:
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


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[Draft]:
    session = _Session()
    for line in entries:
        payload, kind = as_object(line.get("payload")), as_text(line.get("type"))
        if kind == "session_meta" or _is_bare_start(line):
            _start(session, payload or line, report)
        elif kind == "response_item":
            _read_item(session, payload, line, report)
        elif kind in _ITEMS:
            _read_item(session, line, line, report)
        else:
            report.skip(SkipReason.SESSION_EVENT)
    yield Draft(source_id=session.id, started_at=session.started_at, messages=session.messages)


def _start(session: _Session, start: JsonObject, report: FileReport) -> None:
    """Take the first start: a resumed session repeats the one that it goes on from."""
    if session.id is None:
        session.id = as_id(start.get("id"))
        session.started_at = read_time(start.get("timestamp"), report)


def _read_item(session: _Session, item: JsonObject, line: JsonObject, report: FileReport) -> None:
    kind = as_text(item.get("type")) or ("message" if "role" in item else "")
    said_as = as_text(item.get("role")) if kind == "message" else "assistant"
    role = _ROLES.get(said_as or "")
    if kind not in _ITEMS:
        report.skip(SkipReason.UNKNOWN_CONTENT)
    elif role is None:
        report.skip(
            SkipReason.SYSTEM_PROMPT if said_as in _PROMPT_ROLES else SkipReason.UNKNOWN_ROLE
        )
    elif (pieces := _ITEMS[kind](item, session, report)) is not None:
        session.messages += split_message(
            pieces,
            report,
            role=role,
            source_id=as_id(item.get("id")),
            timestamp=read_time(line.get("timestamp") or item.get("timestamp"), report),
        )


# A reader returns None for an item that it has counted as skipped.
_ReadItem: TypeAlias = Callable[[JsonObject, _Session, FileReport], list[Piece] | None]


def _read_message(item: JsonObject, session: _Session, report: FileReport) -> list[Piece] | None:
    pieces = read_blocks(item.get("content"), report, session.tool_names)
    shown = [piece for piece in pieces if not piece.content.lstrip().startswith(_HIDDEN_BEGINNINGS)]
    report.skip(SkipReason.HIDDEN, len(pieces) - len(shown))
    return shown if shown or not pieces else None


def _read_reasoning(item: JsonObject, _session: _Session, report: FileReport) -> list[Piece] | None:
    texts = read_texts(as_list(item.get("summary")) + as_list(item.get("content")), report)
    if not texts:
        report.skip(SkipReason.ENCRYPTED_THINKING)
        return None
    return [Piece("thinking", "\n\n".join(texts))]


def _read_call(key: str) -> _ReadItem:
    def read(item: JsonObject, session: _Session, _report: FileReport) -> list[Piece]:
        name = as_text(item.get("name")) or as_text(item.get("type"))
        call = as_id(item.get("call_id"))
        if call and name:
            session.tool_names[call] = name
        return [Piece("tool_call", as_source_text(item.get(key, {})), name)]

    return read


def _read_output(item: JsonObject, session: _Session, report: FileReport) -> list[Piece]:
    output = item.get("output")
    if isinstance(output, dict):
        output = output.get("content")
    texts = read_texts(output, report)
    name = session.tool_names.get(as_id(item.get("call_id")) or "")
    return [Piece("tool_result", "\n\n".join(texts), name)]


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
