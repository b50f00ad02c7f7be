"""Content blocks: the lists of text, thinking, tool calls, tool results and attachments that
vendors' APIs share.

Anthropic's names and OpenAI's do not collide, so one table reads both.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from dreaming.importing.draft import Piece
from dreaming.importing.json_values import (
    JsonObject,
    JsonValue,
    as_id,
    as_list,
    as_source_text,
    as_text,
)
from dreaming.importing.report import FileReport, SkipReason

ToolNames: TypeAlias = dict[str, str]
"""The name of the tool by the id of its call; results carry only the id."""

_ATTACHMENT_WORDS = ("image", "audio", "video", "file", "document", "asset", "inlinedata", "voice")
_REASONING_KEYS = ("thinking", "reasoning", "think")


def read_blocks(content: JsonValue, report: FileReport, tool_names: ToolNames) -> list[Piece]:
    """Read a message's content: a text, or a list of texts and
    blocks. What has no text is counted.
    """
    if isinstance(content, str):
        return [Piece("text", content)]
    if content is not None and not isinstance(content, list):
        report.skip(SkipReason.UNKNOWN_CONTENT)
    return [piece for block in as_list(content) for piece in _read_block(block, report, tool_names)]


def read_texts(content: JsonValue, report: FileReport) -> list[str]:
    """Read only the texts of a content, such as what a tool answered."""
    return [piece.content for piece in read_blocks(content, report, {}) if piece.kind == "text"]


def count_attachments(attachments: JsonValue, report: FileReport) -> None:
    """Count the elements of a list of attachments that come without text."""
    report.skip(SkipReason.ATTACHMENT, len(as_list(attachments)))


def is_attachment(block: JsonObject) -> bool:
    """Whether a block stands for an image, a recording or a file."""
    kind = block.get("type") or block.get("content_type")
    names = [kind] if isinstance(kind, str) else list(block)
    return any(word in name.lower() for name in names for word in _ATTACHMENT_WORDS)


_ReadBlock: TypeAlias = Callable[[JsonObject, FileReport, ToolNames], list[Piece] | None]
"""Returns None for a block without the text that it should have, and an empty list for one that it
has counted.
"""


def _read_block(block: JsonValue, report: FileReport, tool_names: ToolNames) -> list[Piece]:
    if isinstance(block, str):
        return [Piece("text", block)]
    if not isinstance(block, dict):
        report.skip(SkipReason.UNKNOWN_CONTENT)
        return []
    read = _READERS.get(as_text(block.get("type")) or "text")
    pieces = read(block, report, tool_names) if read else None
    if pieces is None:
        report.skip(SkipReason.ATTACHMENT if is_attachment(block) else SkipReason.UNKNOWN_CONTENT)
    return pieces or []


def _read_text(block: JsonObject, _report: FileReport, _names: ToolNames) -> list[Piece] | None:
    text = block.get("text")
    if isinstance(
        text, dict
    ):  # LibreChat, and OpenAI's assistants: {"value": ..., "annotations": ...}
        text = text.get("value")
    return [Piece("text", text)] if isinstance(text, str) else None


def _read_refusal(block: JsonObject, _report: FileReport, _names: ToolNames) -> list[Piece] | None:
    refusal = block.get("refusal")
    return [Piece("text", refusal)] if isinstance(refusal, str) else None


def _read_thinking(block: JsonObject, report: FileReport, _names: ToolNames) -> list[Piece]:
    for key in _REASONING_KEYS:
        if text := as_text(block.get(key)):
            return [Piece("thinking", text)]
    # Claude keeps a signature in place of thinking that it does not show.
    report.skip(SkipReason.ENCRYPTED_THINKING)
    return []


def _read_tool_use(block: JsonObject, _report: FileReport, tool_names: ToolNames) -> list[Piece]:
    name, call = as_text(block.get("name")), as_id(block.get("id"))
    if name and call:
        tool_names[call] = name
    return [Piece("tool_call", as_source_text(block.get("input", {})), name)]


def _read_tool_result(block: JsonObject, report: FileReport, tool_names: ToolNames) -> list[Piece]:
    name = as_text(block.get("name")) or tool_names.get(as_id(block.get("tool_use_id")) or "")
    content = block.get("content")
    texts = read_texts([content] if isinstance(content, dict) else content, report)
    return [Piece("tool_result", "\n\n".join(texts), name)]


def _read_librechat_call(
    block: JsonObject, _report: FileReport, _names: ToolNames
) -> list[Piece] | None:
    """LibreChat keeps what a tool answered in the block of its call."""
    call = block.get("tool_call")
    if not isinstance(call, dict):
        return None
    name = as_text(call.get("name"))
    return [
        Piece("tool_call", as_source_text(call.get("args", {})), name),
        Piece("tool_result", as_text(call.get("output")) or "", name),
    ]


_READERS: Mapping[str, _ReadBlock] = {
    "text": _read_text,
    "input_text": _read_text,
    "output_text": _read_text,
    "summary_text": _read_text,
    "reasoning_text": _read_text,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
    "redacted_thinking": _read_thinking,
    "reasoning": _read_thinking,
    "think": _read_thinking,
    "tool_use": _read_tool_use,
    "server_tool_use": _read_tool_use,
    "mcp_tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
    "mcp_tool_result": _read_tool_result,
    "web_search_tool_result": _read_tool_result,
    "code_execution_tool_result": _read_tool_result,
    "tool_call": _read_librechat_call,
}
