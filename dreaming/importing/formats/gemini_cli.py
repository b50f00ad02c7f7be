"""Gemini CLI's session files, with thoughts and tool calls inside the answers.

Older files are one document a session. Newer ones are JSONL: a line that opens the session, a line
a message (written again in full when it changes), `$set` for what changes in the session,
`$rewindTo` for going back to before a message.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dreaming.conversation import Role
from dreaming.importing.blocks import read_blocks
from dreaming.importing.draft import Draft, DraftMessage, Piece, split_message
from dreaming.importing.export_format import ExportFormat
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

_ROLES: Mapping[str, Role] = {"user": "user", "gemini": "assistant"}
_EVENTS = frozenset({"info", "warning", "error"})


@dataclass(slots=True)
class _Session:
    about: JsonObject
    messages: dict[str, JsonObject] = field(default_factory=dict)

    def add(self, message: JsonValue, report: FileReport) -> None:
        """Add a message, or put its newer state where it stood."""
        if isinstance(message, dict):
            self.messages[as_id(message.get("id")) or f"#{len(self.messages)}"] = message
        else:
            report.skip(SkipReason.NOT_A_MESSAGE)

    def rewind(self, target: str, report: FileReport) -> None:
        """Go back to before a message."""
        keys = list(self.messages)
        gone = keys[keys.index(target) :] if target in keys else []
        report.skip(SkipReason.INACTIVE_BRANCH, len(gone))
        for key in gone:
            del self.messages[key]


def _recognises(entry: JsonObject) -> bool:
    is_document = isinstance(entry.get("messages"), list)
    return "sessionId" in entry and "type" not in entry and (is_document or "startTime" in entry)


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[Draft]:
    session: _Session | None = None
    for entry in entries:
        if "sessionId" in entry:
            if session:
                yield _read_session(session, report)
            session = _Session(entry)
            _add_all(session, entry, report)
        elif session is None:
            report.skip(SkipReason.NOT_A_CONVERSATION)
        else:
            _apply(entry, session, report)
    if session:
        yield _read_session(session, report)


def _apply(line: JsonObject, session: _Session, report: FileReport) -> None:
    if "$set" in line:
        report.skip(SkipReason.SESSION_EVENT)
        change = as_object(line["$set"])
        session.about = session.about | change
        # A compression sets the messages anew for the model; what was said before stays said.
        _add_all(session, change, report)
    elif "$rewindTo" in line:
        report.skip(SkipReason.SESSION_EVENT)
        session.rewind(as_id(line["$rewindTo"]) or "", report)
    else:
        session.add(line, report)


def _add_all(session: _Session, holder: JsonObject, report: FileReport) -> None:
    for message in as_list(holder.get("messages")):
        session.add(message, report)


def _read_session(session: _Session, report: FileReport) -> Draft:
    about = session.about
    return Draft(
        source_id=as_id(about.get("sessionId")),
        title=as_text(about.get("summary")),
        started_at=read_time(about.get("startTime"), report),
        updated_at=read_time(about.get("lastUpdated"), report),
        messages=[
            draft
            for message in session.messages.values()
            for draft in _read_message(message, report)
        ],
    )


def _read_message(message: JsonObject, report: FileReport) -> list[DraftMessage]:
    kind = as_text(message.get("type")) or ""
    role = _ROLES.get(kind)
    if role is None:
        report.skip(SkipReason.SESSION_EVENT if kind in _EVENTS else SkipReason.UNKNOWN_ROLE)
        return []
    return split_message(
        _read_pieces(message, report),
        report,
        role=role,
        source_id=as_id(message.get("id")),
        timestamp=read_time(message.get("timestamp"), report),
    )


def _read_pieces(message: JsonObject, report: FileReport) -> list[Piece]:
    thoughts = [as_object(thought) for thought in as_list(message.get("thoughts"))]
    pieces = [
        Piece("thinking", _join(thought.get("subject"), thought.get("description")))
        for thought in thoughts
    ]
    content = message.get("content")
    pieces += read_blocks([content] if isinstance(content, dict) else content, report, {})
    for call in as_list(message.get("toolCalls")):
        pieces += _read_call(as_object(call))
    return pieces


def _read_call(call: JsonObject) -> list[Piece]:
    name = as_text(call.get("name"))
    results = call.get("result") if isinstance(call.get("result"), list) else [call.get("result")]
    outputs = [_read_output(result) for result in as_list(results)]
    return [
        Piece("tool_call", as_source_text(call.get("args", {})), name),
        Piece("tool_result", _join(*outputs) or as_text(call.get("resultDisplay")) or "", name),
    ]


def _read_output(result: JsonValue) -> JsonValue:
    """The text in `{"functionResponse": {"response": {"output": ...}}}`, or in a plain part."""
    if not isinstance(result, dict):
        return result
    response = as_object(as_object(result.get("functionResponse")).get("response"))
    return response.get("output") or (as_source_text(response) if response else result.get("text"))


def _join(*texts: JsonValue) -> str:
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


GEMINI_CLI = ExportFormat("gemini_cli", _recognises, _read)
