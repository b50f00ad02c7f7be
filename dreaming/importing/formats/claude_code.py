"""Claude Code's session files: a line is an event, and events are linked by `parentUuid`.

A file may also be one document, `{"loglines": [...]}`. The active branch ends with the latest
message. Compaction starts a new root, whose `logicalParentUuid` leads to what came before. Parallel
tool calls branch as well: each result is linked to its own call, and all of them are active.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dreaming.conversation import Role
from dreaming.importing.blocks import ToolNames, read_blocks
from dreaming.importing.branches import Node, active_branch
from dreaming.importing.draft import ConversationDraft, DraftMessage, split_message
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
    """The uuid, or a number within the session; only for links, never stored."""
    uuid: str | None
    parent: str | None
    role: Role | None
    """None for an event, which is kept because messages may be linked through it."""
    content: JsonValue
    sent_at: datetime | None
    answer_id: str | None
    """The API's message, which may span lines."""
    hidden: bool
    follows_compaction: bool


@dataclass(slots=True)
class _ClaudeCodeSession:
    id: str | None
    lines: dict[str, _Line] = field(default_factory=dict)
    title: str | None = None


def _recognises(entry: JsonObject) -> bool:
    if isinstance(entry.get("loglines"), list):
        return True
    kind = as_text(entry.get("type"))
    if kind in _ROLES:
        return isinstance(entry.get("message"), dict)
    is_snapshot = {"messageId", "snapshot"} <= entry.keys()
    is_event = is_snapshot or "leafUuid" in entry or "sessionId" in entry
    return kind is not None and is_event and "messages" not in entry


def _read(entries: Iterable[JsonObject], report: FileReport) -> Iterator[ConversationDraft]:
    sessions: dict[str | None, _ClaudeCodeSession] = {}
    titles: dict[str, str] = {}
    for entry in _lines_of(entries, report):
        title = _title_of(entry)
        if title:
            report.skip(SkipReason.SESSION_EVENT)
            # A title names the session, or a line of it: files may have titles of other sessions.
            key = as_text(entry.get("leafUuid")) or as_text(entry.get("sessionId")) or ""
            titles[key] = title
        elif entry.get("isSidechain") is True:
            report.skip(SkipReason.SIDECHAIN)
        else:
            _add_line(entry, sessions, report)
    for session in sessions.values():
        keys = [session.id or "", *session.lines]
        # The title of the latest line wins.
        session_titles = [titles[key] for key in keys if key in titles]
        session.title = session_titles[-1] if session_titles else None
        yield _read_session(session, report)


def _title_of(entry: JsonObject) -> str | None:
    field_name = _TITLES.get(as_text(entry.get("type")) or "", "")
    return as_text(entry.get(field_name))


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


def _add_line(
    entry: JsonObject, sessions: dict[str | None, _ClaudeCodeSession], report: FileReport
) -> None:
    uuid = as_text(entry.get("uuid"))
    role = _ROLES.get(as_text(entry.get("type")) or "")
    if role is None:
        report.skip(SkipReason.SESSION_EVENT)
        # No message can be linked through an event without an id.
        if uuid is None:
            return
    elif not isinstance(entry.get("message"), dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
        return
    # A line that names no session belongs to the first one of its file.
    session_id = as_id(entry.get("sessionId")) or next(iter(sessions), None)
    session = sessions.setdefault(session_id, _ClaudeCodeSession(session_id))
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
        sent_at=read_time(entry.get("timestamp"), report),
        answer_id=as_text(message.get("id")) if role == "assistant" else None,
        hidden=entry.get("isMeta") is True or entry.get("isCompactSummary") is True,
        follows_compaction=entry.get("subtype") == "compact_boundary",
    )


def _read_session(session: _ClaudeCodeSession, report: FileReport) -> ConversationDraft:
    active = _active_lines(session.lines)
    messages = sum(1 for line in session.lines.values() if line.role)
    report.skip(SkipReason.INACTIVE_BRANCH, messages - len(active))
    tool_names: ToolNames = {}
    drafts: list[DraftMessage] = []
    for line in active:
        drafts += _read_message(line, report, tool_names)
    return ConversationDraft(source_id=session.id, title=session.title, messages=drafts)


def _active_lines(lines: Mapping[str, _Line]) -> list[_Line]:
    messages = [line for line in lines.values() if line.role]
    # Without any link, the messages are one branch in the file's order.
    if not any(line.parent in lines for line in lines.values()):
        return messages
    tree = _link(lines)
    parents = {node.id: node.parent for node in tree}
    branch = active_branch(tree, _latest_message(messages))
    branch = _with_parallel_calls(lines, parents, branch)
    return [lines[key] for key in branch if lines[key].role]


def _link(lines: Mapping[str, _Line]) -> list[Node]:
    """Link lines to their parents, or to the line before where the parent is missing."""
    nodes: list[Node] = []
    for line in lines.values():
        parent = line.parent
        # A line without a parent is a root, unless a compaction cut it from what came before.
        if parent not in lines and (parent is not None or line.follows_compaction):
            parent = nodes[-1].id if nodes else None
        nodes.append(Node(line.key, parent))
    return nodes


def _latest_message(messages: Sequence[_Line]) -> str | None:
    """The message with the latest time; one without a time has that of the one before it."""
    latest_key: str | None = None
    latest_time = _LONG_AGO
    time = _LONG_AGO
    for line in messages:
        time = line.sent_at or time
        # Of equal times, the later line is the later message.
        if time >= latest_time:
            latest_key = line.key
            latest_time = time
    return latest_key


def _with_parallel_calls(
    lines: Mapping[str, _Line], parents: Mapping[str, str | None], branch: Sequence[str]
) -> list[str]:
    """The branch with all lines of its answers and all results of their calls.

    Each added line comes after its parent.
    """
    active = set(branch)
    # An answer with parallel calls is written as several lines, and the branch has one of them.
    answers = {lines[key].answer_id for key in branch} - {None}
    active |= {line.key for line in lines.values() if line.answer_id in answers}
    calls: set[str] = set()
    for key in active:
        calls.update(_ids(lines[key].content, "tool_use", "id"))
    for line in lines.values():
        if not calls.isdisjoint(_ids(line.content, "tool_result", "tool_use_id")):
            active.add(line.key)
    added_children: dict[str | None, list[str]] = {}
    for key in lines:
        if key in active and key not in branch:
            added_children.setdefault(parents[key], []).append(key)
    # Depth first, by a stack: a conversation may be deeper than Python's recursion limit.
    ordered: list[str] = []
    pending = list(reversed(branch))
    while pending:
        key = pending.pop()
        ordered.append(key)
        # `pop`: links may form a cycle, which must not be followed twice.
        pending.extend(reversed(added_children.pop(key, [])))
    return ordered


def _ids(content: JsonValue, kind: str, key: str) -> list[str]:
    """The ids under `key` in the blocks of a kind."""
    ids = []
    for block in as_list(content):
        if isinstance(block, dict) and block.get("type") == kind:
            block_id = as_id(block.get(key))
            if block_id:
                ids.append(block_id)
    return ids


def _read_message(line: _Line, report: FileReport, tool_names: ToolNames) -> list[DraftMessage]:
    if line.hidden or line.role is None:
        report.skip(SkipReason.HIDDEN)
        return []
    parts = read_blocks(line.content, report, tool_names)
    return split_message(parts, report, role=line.role, source_id=line.uuid, timestamp=line.sent_at)


CLAUDE_CODE = ExportFormat("claude_code", _recognises, _read)
