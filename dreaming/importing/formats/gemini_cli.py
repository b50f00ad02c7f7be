"""Gemini CLI's session files, with thoughts and tool calls inside the answers.

Older files are one document a session. Newer ones are JSONL: a line that opens the session, a line
a message (written again in full when it changes), `$set` for what changes in the session,
`$rewindTo` for going back to before a message.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dreaming.conversation import Role
from dreaming.importing.blocks import read_blocks
from dreaming.importing.draft import ConversationDraft, DraftMessage, MessagePart, split_message
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
class _GeminiSession:
    about: JsonObject
    messages: dict[str, JsonObject] = field(default_factory=dict)

    def add(self, message: JsonValue, report: FileReport) -> None:
        """Add a message, or replace its earlier state at the same place."""
        if not isinstance(message, dict):
            report.skip(SkipReason.NOT_A_MESSAGE)
            return
        key = as_id(message.get("id")) or f"#{len(self.messages)}"
        self.messages[key] = message

    def rewind(self, target: str, report: FileReport) -> None:
        """Remove a message and those after it; nothing where the message is not known."""
        keys = list(self.messages)
        removed = keys[keys.index(target) :] if target in keys else []
        report.skip(SkipReason.INACTIVE_BRANCH, len(removed))
        for key in removed:
            del self.messages[key]


def _recognises(entry: JsonObject) -> bool:
    is_document = isinstance(entry.get("messages"), list)
    return "sessionId" in entry and "type" not in entry and (is_document or "startTime" in entry)


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[ConversationDraft]:
    session: _GeminiSession | None = None
    for entry in entries:
        if "sessionId" in entry:
            if session:
                yield _read_session(session, report)
            session = _GeminiSession(entry)
            _add_all(session, entry, report)
        elif session is None:
            report.skip(SkipReason.NOT_A_CONVERSATION)
        else:
            _apply(entry, session, report)
    if session:
        yield _read_session(session, report)


def _apply(line: JsonObject, session: _GeminiSession, report: FileReport) -> None:
    if "$set" in line:
        report.skip(SkipReason.SESSION_EVENT)
        change = as_object(line["$set"])
        session.about = session.about | change
        # A compression replaces the model's messages; the earlier ones were still said, and stay.
        _add_all(session, change, report)
    elif "$rewindTo" in line:
        report.skip(SkipReason.SESSION_EVENT)
        session.rewind(as_id(line["$rewindTo"]) or "", report)
    else:
        session.add(line, report)


def _add_all(session: _GeminiSession, holder: JsonObject, report: FileReport) -> None:
    for message in as_list(holder.get("messages")):
        session.add(message, report)


def _read_session(session: _GeminiSession, report: FileReport) -> ConversationDraft:
    about = session.about
    return ConversationDraft(
        source_id=as_id(about.get("sessionId")),
        title=as_text(about.get("summary")),
        started_at=read_time(about.get("startTime"), report),
        updated_at=read_time(about.get("lastUpdated"), report),
        messages=_read_messages(session, report),
    )


def _read_messages(session: _GeminiSession, report: FileReport) -> list[DraftMessage]:
    drafts: list[DraftMessage] = []
    for message in session.messages.values():
        drafts += _read_message(message, report)
    return drafts


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


def _read_pieces(message: JsonObject, report: FileReport) -> list[MessagePart]:
    parts: list[MessagePart] = []
    for thought in map(as_object, as_list(message.get("thoughts"))):
        text = _join(thought.get("subject"), thought.get("description"))
        parts.append(MessagePart("thinking", text))
    content = message.get("content")
    # A content of one block may be written without a list.
    blocks: JsonValue = [content] if isinstance(content, dict) else content
    parts += read_blocks(blocks, report, {})
    for call in as_list(message.get("toolCalls")):
        parts += _read_call(as_object(call))
    return parts


def _read_call(call: JsonObject) -> list[MessagePart]:
    name = as_text(call.get("name"))
    result = call.get("result")
    results = result if isinstance(result, list) else [result]
    output = _join(*map(_read_output, results))
    # The text that the app showed replaces a result that the file does not have.
    output = output or as_text(call.get("resultDisplay")) or ""
    return [
        MessagePart("tool_call", as_source_text(call.get("args", {})), name),
        MessagePart("tool_result", output, name),
    ]


def _read_output(result: JsonValue) -> JsonValue:
    """The text in `{"functionResponse": {"response": {"output": ...}}}`, or in a plain part."""
    if not isinstance(result, dict):
        return result
    function_response = as_object(result.get("functionResponse"))
    response = as_object(function_response.get("response"))
    if not response:
        return result.get("text")
    return response.get("output") or as_source_text(response)


def _join(*texts: JsonValue) -> str:
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


GEMINI_CLI = ExportFormat("gemini_cli", _recognises, _read)
