"""Claude Code's session files: a line an event, linked by `parentUuid`; also `{"loglines": [...]}`
as one document.

The active branch ends in what was said last. Compaction starts a new root, whose
`logicalParentUuid` leads on to what came before. Parallel tool calls branch too: their results hang
off their own calls, and all of them are active.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, read_blocks
from dreaming.importing.branches import Node, active_branch
from dreaming.importing.draft import Draft, DraftMessage, split_message
from dreaming.importing.export_format import ExportFormat
from dreaming.importing.json_values import JsonObject, JsonValue, as_id, as_list, as_object, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import read_time

_ROLES: Mapping[str, Role] = {"user": "user", "assistant": "assistant"}
_TITLES = {"summary": "summary", "custom-title": "customTitle", "ai-title": "aiTitle"}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Line:
    key: str
    """The uuid, or the place in the session where there is none; only linked by, never stored."""
    uuid: str | None
    parent: str | None
    role: Role | None
    """None for an event, which is kept because messages are linked through it."""
    content: JsonValue
    said_at: datetime | None
    answer_id: str | None
    """The API's message, which may span lines."""
    hidden: bool
    follows_compaction: bool


@dataclass(slots=True)
class _Session:
    id: str | None
    lines: dict[str, _Line] = field(default_factory=dict)
    title: str | None = None


def _recognises(entry: JsonObject) -> bool:
    if isinstance(entry.get("loglines"), list):
        return True
    kind = as_text(entry.get("type"))
    if kind in _ROLES:
        return isinstance(entry.get("message"), dict)
    is_event = (
        {"messageId", "snapshot"} <= entry.keys() or "leafUuid" in entry or "sessionId" in entry
    )
    return kind is not None and is_event and "messages" not in entry


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[Draft]:
    sessions: dict[str | None, _Session] = {}
    titles: dict[str, str] = {}
    for entry in _lines_of(entries, report):
        title = as_text(entry.get(_TITLES.get(as_text(entry.get("type")) or "", "")))
        if title:
            report.skip(SkipReason.SESSION_EVENT)
            titles[as_text(entry.get("leafUuid")) or as_text(entry.get("sessionId")) or ""] = title
        elif entry.get("isSidechain") is True:
            report.skip(SkipReason.SIDECHAIN)
        else:
            _add_line(entry, sessions, report)
    for session in sessions.values():
        known = [titles[key] for key in (session.id or "", *session.lines) if key in titles]
        session.title = known[-1] if known else None
        yield _read_session(session, report)


def _lines_of(entries: Iterable[JsonObject], report: FileReport) -> Iterator[JsonObject]:
    for entry in entries:
        if "loglines" not in entry:
            yield entry
            continue
        if not entry["loglines"]:
            report.skip(SkipReason.EMPTY_CONVERSATION)
        for line in as_list(entry["loglines"]):
            if isinstance(line, dict):
                yield line
            else:
                report.skip(SkipReason.NOT_A_MESSAGE)


def _add_line(entry: JsonObject, sessions: dict[str | None, _Session], report: FileReport) -> None:
    uuid = as_text(entry.get("uuid"))
    role = _ROLES.get(as_text(entry.get("type")) or "")
    if role is None:
        report.skip(SkipReason.SESSION_EVENT)
        if uuid is None:
            return
    elif not isinstance(entry.get("message"), dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return
    # A line that names no session belongs to the first one of its file.
    session_id = as_id(entry.get("sessionId")) or next(iter(sessions), None)
    session = sessions.setdefault(session_id, _Session(session_id))
    key = uuid or f"#{len(session.lines)}"
    if key in session.lines:
        report.skip(SkipReason.DUPLICATE_MESSAGE)
    else:
        session.lines[key] = _read_line(entry, key, uuid, role, report)


def _read_line(
    entry: JsonObject, key: str, uuid: str | None, role: Role | None, report: FileReport
) -> _Line:
    message = as_object(entry.get("message"))
    return _Line(
        key=key,
        uuid=uuid,
        parent=as_text(entry.get("parentUuid")) or as_text(entry.get("logicalParentUuid")),
        role=role,
        content=message.get("content"),
        said_at=read_time(entry.get("timestamp"), report),
        answer_id=as_text(message.get("id")) if role == "assistant" else None,
        hidden=entry.get("isMeta") is True or entry.get("isCompactSummary") is True,
        follows_compaction=entry.get("subtype") == "compact_boundary",
    )


def _read_session(session: _Session, report: FileReport) -> Draft:
    active = _active_lines(session.lines)
    messages = sum(1 for line in session.lines.values() if line.role)
    report.skip(SkipReason.INACTIVE_BRANCH, messages - len(active))
    tool_names: ToolNames = {}
    return Draft(
        source_id=session.id,
        title=session.title,
        messages=[draft for line in active for draft in _read_message(line, report, tool_names)],
    )


def _active_lines(lines: Mapping[str, _Line]) -> list[_Line]:
    messages = [line for line in lines.values() if line.role]
    if not any(line.parent in lines for line in lines.values()):
        return messages  # no links at all: one line of talk, in the file's order
    tree = _link(lines)
    branch = active_branch(tree, _said_last(messages))
    branch = _with_parallel_calls(lines, {node.id: node.parent for node in tree}, branch)
    return [lines[key] for key in branch if lines[key].role]


def _link(lines: Mapping[str, _Line]) -> list[Node]:
    """Link lines to their parents, and to the line before where the parent is lost."""
    nodes: list[Node] = []
    for line in lines.values():
        parent = line.parent
        if parent not in lines and (parent is not None or line.follows_compaction):
            parent = nodes[-1].id if nodes else None
        nodes.append(Node(line.key, parent))
    return nodes


def _said_last(messages: Sequence[_Line]) -> str | None:
    """The message with the latest time; one without a time was said with the one before it."""
    last: str | None = None
    latest = now = _LONG_AGO
    for line in messages:
        now = line.said_at or now
        if now >= latest:
            last, latest = line.key, now
    return last


def _with_parallel_calls(
    lines: Mapping[str, _Line], parents: Mapping[str, str | None], branch: Sequence[str]
) -> list[str]:
    """Add the other lines of the branch's answers, and the results of all their calls, each after
    its parent.
    """
    active = set(branch)
    answers = {lines[key].answer_id for key in branch} - {None}
    active |= {line.key for line in lines.values() if line.answer_id in answers}
    calls = {call for key in active for call in _ids(lines[key].content, "tool_use", "id")}
    active |= {
        line.key
        for line in lines.values()
        if calls & set(_ids(line.content, "tool_result", "tool_use_id"))
    }
    children: dict[str | None, list[str]] = {}
    for key in lines:
        if key in active and key not in branch:
            children.setdefault(parents[key], []).append(key)
    ordered: list[str] = []
    waiting = list(reversed(branch))
    while waiting:
        key = waiting.pop()
        ordered.append(key)
        waiting.extend(reversed(children.pop(key, [])))
    return ordered


def _ids(content: JsonValue, kind: str, key: str) -> list[str]:
    blocks = [
        block for block in as_list(content) if isinstance(block, dict) and block.get("type") == kind
    ]
    return [found for block in blocks if (found := as_id(block.get(key)))]


def _read_message(line: _Line, report: FileReport, tool_names: ToolNames) -> list[DraftMessage]:
    if line.hidden or line.role is None:
        report.skip(SkipReason.HIDDEN)
        return []
    pieces = read_blocks(line.content, report, tool_names)
    return split_message(
        pieces, report, role=line.role, source_id=line.uuid, timestamp=line.said_at
    )


CLAUDE_CODE = ExportFormat("claude_code", _recognises, _read)
