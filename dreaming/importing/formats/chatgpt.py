"""ChatGPT's `conversations.json`: each conversation is a tree of messages.

`current_node` is the last message of its active branch.
"""

from collections.abc import Callable, Mapping, Sequence

from dreaming.conversation import MessageKind, Role
from dreaming.importing.blocks import is_attachment
from dreaming.importing.branches import Node, active_branch
from dreaming.importing.draft import ConversationDraft, DraftMessage
from dreaming.importing.export_format import ExportFormat, each_entry
from dreaming.importing.json_values import JsonObject, as_id, as_list, as_object, as_text
from dreaming.importing.report import FileReport, SkipReason
from dreaming.importing.times import parse_time, read_time

_ROLES: Mapping[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "system": "system",
}
_HIDDEN_TYPES = frozenset({"user_editable_context", "model_editable_context"})


def _recognises(entry: JsonObject) -> bool:
    return "mapping" in entry


def _read_conversation(entry: JsonObject, report: FileReport) -> ConversationDraft | None:
    mapping = entry.get("mapping")
    if not isinstance(mapping, dict):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    nodes = {key: node for key, node in mapping.items() if isinstance(node, dict)}
    report.skip(SkipReason.NOT_A_MESSAGE, len(mapping) - len(nodes))
    messages = {key: _message_of(node, report) for key, node in nodes.items()}
    tree = []
    for key, node in nodes.items():
        # Parsed without counting: a time that cannot be read is counted with its message.
        sent_at = parse_time(messages[key].get("create_time"))
        tree.append(Node(key, as_text(node.get("parent")), sent_at))
    branch = active_branch(tree, as_text(entry.get("current_node")))
    inactive = messages.keys() - set(branch)
    report.skip(SkipReason.INACTIVE_BRANCH, sum(1 for key in inactive if messages[key]))
    return ConversationDraft(
        source_id=as_id(entry.get("conversation_id")) or as_id(entry.get("id")),
        title=as_text(entry.get("title")),
        started_at=read_time(entry.get("create_time"), report),
        updated_at=read_time(entry.get("update_time"), report),
        messages=_read_branch(branch, messages, report),
    )


def _read_branch(
    branch: Sequence[str], messages: Mapping[str, JsonObject], report: FileReport
) -> list[DraftMessage]:
    drafts: list[DraftMessage] = []
    for key in branch:
        # The root of a tree has no message, and a damaged node may have lost its own.
        if messages[key]:
            drafts += _read_message(key, messages[key], report)
    return drafts


def _message_of(node: JsonObject, report: FileReport) -> JsonObject:
    """The node's message; the root of a tree has none."""
    message = node.get("message")
    if message is not None and not isinstance(message, dict):
        report.skip(SkipReason.NOT_A_MESSAGE)
    return as_object(message)


def _read_message(key: str, message: JsonObject, report: FileReport) -> list[DraftMessage]:
    author = as_object(message.get("author"))
    role = _ROLES.get(as_text(author.get("role")) or "")
    reason = _reason_to_skip(message, role)
    if role is None or reason:
        report.skip(reason or SkipReason.UNKNOWN_ROLE)
        return []
    content = as_object(message.get("content"))
    kind = _kind_of(message, content, role)
    texts = [text for text in _read_texts(content, report) if text.strip()]
    if not texts:
        report.skip(SkipReason.EMPTY_MESSAGE)
        return []
    # The name of a call is the tool that it is addressed to.
    name = message.get("recipient") if kind == "tool_call" else author.get("name")
    draft = DraftMessage(
        role=role,
        content="\n\n".join(texts),
        kind=kind,
        name=as_text(name),
        timestamp=read_time(message.get("create_time"), report),
        source_id=as_id(message.get("id")) or key,
    )
    return [draft]


def _reason_to_skip(message: JsonObject, role: Role | None) -> SkipReason | None:
    content = as_object(message.get("content"))
    metadata = as_object(message.get("metadata"))
    content_type = as_text(content.get("content_type"))
    if metadata.get("is_visually_hidden_from_conversation") or content_type in _HIDDEN_TYPES:
        return SkipReason.HIDDEN
    # "Thought for 12 seconds": the thoughts themselves are messages of their own.
    if content_type == "reasoning_recap":
        return SkipReason.SESSION_EVENT
    return SkipReason.SYSTEM_PROMPT if role == "system" else None


def _kind_of(message: JsonObject, content: JsonObject, role: Role) -> MessageKind:
    if role == "tool":
        return "tool_result"
    if content.get("content_type") == "thoughts":
        return "thinking"
    # A message of the assistant that is not addressed to all is addressed to a tool.
    is_addressed_to_all = message.get("recipient", "all") in ("all", None)
    if role == "assistant" and not is_addressed_to_all:
        return "tool_call"
    return "text"


def _read_texts(content: JsonObject, report: FileReport) -> list[str]:
    read = _READERS.get(as_text(content.get("content_type")) or "text")
    if read:
        return read(content, report)
    # A content type that is newer than this code: most have their text in the same place.
    if isinstance(content.get("parts"), list):
        return _read_parts(content, report)
    report.skip(SkipReason.UNKNOWN_CONTENT)
    return []


def _read_parts(content: JsonObject, report: FileReport) -> list[str]:
    texts: list[str] = []
    for part in as_list(content.get("parts")):
        # A part that is an object has its text in a field, as transcriptions of audio do.
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            texts.append(text)
        elif isinstance(part, dict) and is_attachment(part):
            report.skip(SkipReason.ATTACHMENT)
        else:
            report.skip(SkipReason.UNKNOWN_CONTENT)
    return texts


def _read_thoughts(content: JsonObject, _report: FileReport) -> list[str]:
    texts: list[str] = []
    for thought in as_list(content.get("thoughts")):
        for key in ("summary", "content"):
            text = as_text(as_object(thought).get(key))
            if text:
                texts.append(text)
    return texts


def _field(name: str) -> Callable[[JsonObject, FileReport], list[str]]:
    def read(content: JsonObject, _report: FileReport) -> list[str]:
        text = as_text(content.get(name))
        return [text] if text else []

    return read


# The reader of each content type.
_READERS: Mapping[str, Callable[[JsonObject, FileReport], list[str]]] = {
    "text": _read_parts,
    "multimodal_text": _read_parts,
    "code": _field("text"),
    "execution_output": _field("text"),
    "system_error": _field("text"),
    "sonic_webpage": _field("text"),
    "tether_quote": _field("text"),
    "tether_browsing_display": _field("result"),
    "thoughts": _read_thoughts,
}

CHATGPT = ExportFormat("chatgpt", _recognises, each_entry(_read_conversation))
