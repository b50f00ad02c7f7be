"""ChatGPT's `conversations.json`: a tree of messages a conversation, of which `current_node` ends
the active branch.
"""

from collections.abc import Callable, Mapping

from dreaming.conversation import MessageKind, Role
from dreaming.importing.blocks import is_attachment
from dreaming.importing.branches import Node, active_branch
from dreaming.importing.draft import Draft, DraftMessage
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


def _read_conversation(entry: JsonObject, report: FileReport) -> Draft | None:
    mapping = entry.get("mapping")
    if not isinstance(mapping, dict):
        report.skip(SkipReason.NOT_A_CONVERSATION)
        return None
    nodes = {key: node for key, node in mapping.items() if isinstance(node, dict)}
    report.skip(SkipReason.NOT_A_MESSAGE, len(mapping) - len(nodes))
    messages = {key: _message_of(node, report) for key, node in nodes.items()}
    tree = [
        Node(key, as_text(node.get("parent")), parse_time(messages[key].get("create_time")))
        for key, node in nodes.items()
    ]
    branch = active_branch(tree, as_text(entry.get("current_node")))
    inactive = messages.keys() - set(branch)
    report.skip(SkipReason.INACTIVE_BRANCH, sum(1 for key in inactive if messages[key]))
    return Draft(
        source_id=as_id(entry.get("conversation_id")) or as_id(entry.get("id")),
        title=as_text(entry.get("title")),
        started_at=read_time(entry.get("create_time"), report),
        updated_at=read_time(entry.get("update_time"), report),
        messages=[
            draft
            for key in branch
            if messages[key]
            for draft in _read_message(key, messages[key], report)
        ],
    )


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
    text = "\n\n".join(text for text in _read_texts(content, report) if text.strip())
    if not text:
        report.skip(SkipReason.EMPTY_MESSAGE)
        return []
    name = as_text(message.get("recipient")) if kind == "tool_call" else as_text(author.get("name"))
    source_id = as_id(message.get("id")) or key
    return [
        DraftMessage(
            role, text, kind, name, read_time(message.get("create_time"), report), source_id
        )
    ]


def _reason_to_skip(message: JsonObject, role: Role | None) -> SkipReason | None:
    content_type = as_text(as_object(message.get("content")).get("content_type"))
    if (
        as_object(message.get("metadata")).get("is_visually_hidden_from_conversation")
        or content_type in _HIDDEN_TYPES
    ):
        return SkipReason.HIDDEN
    if content_type == "reasoning_recap":  # "Thought for 12 seconds"
        return SkipReason.SESSION_EVENT
    return SkipReason.SYSTEM_PROMPT if role == "system" else None


def _kind_of(message: JsonObject, content: JsonObject, role: Role) -> MessageKind:
    if role == "tool":
        return "tool_result"
    if content.get("content_type") == "thoughts":
        return "thinking"
    # The assistant speaks to a tool when it does not speak to all.
    is_call = role == "assistant" and message.get("recipient", "all") not in ("all", None)
    return "tool_call" if is_call else "text"


def _read_texts(content: JsonObject, report: FileReport) -> list[str]:
    read = _READERS.get(as_text(content.get("content_type")) or "text")
    if read:
        return read(content, report)
    if isinstance(content.get("parts"), list):  # a type that came after this was written
        return _read_parts(content, report)
    report.skip(SkipReason.UNKNOWN_CONTENT)
    return []


def _read_parts(content: JsonObject, report: FileReport) -> list[str]:
    texts: list[str] = []
    for part in as_list(content.get("parts")):
        text = (
            part.get("text") if isinstance(part, dict) else part
        )  # audio transcriptions carry their text
        if isinstance(text, str):
            texts.append(text)
        else:
            known = isinstance(part, dict) and is_attachment(part)
            report.skip(SkipReason.ATTACHMENT if known else SkipReason.UNKNOWN_CONTENT)
    return texts


def _read_thoughts(content: JsonObject, _report: FileReport) -> list[str]:
    thoughts = [as_object(thought) for thought in as_list(content.get("thoughts"))]
    texts = [as_text(thought.get(key)) for thought in thoughts for key in ("summary", "content")]
    return [text for text in texts if text]


def _field(name: str) -> Callable[[JsonObject, FileReport], list[str]]:
    def read(content: JsonObject, _report: FileReport) -> list[str]:
        text = as_text(content.get(name))
        return [text] if text else []

    return read


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
