"""Content blocks: text, thinking, tool calls, tool results and attachments, as vendors' APIs have.

Anthropic's names of blocks and OpenAI's do not collide, so one table reads both.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from dreaming.importing.draft import MessagePart
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
"""The name of each tool by the id of its call, because a result has only the id."""

# A type of block, or a key of one without a type, that contains one of these is an attachment.
_ATTACHMENT_WORDS = ("image", "audio", "video", "file", "document", "asset", "inlinedata", "voice")
_REASONING_KEYS = ("thinking", "reasoning", "think")


def read_blocks(content: JsonValue, report: FileReport, tool_names: ToolNames) -> list[MessagePart]:
    """Read a message's content, which is a text, or a list of texts and blocks.

    Blocks without text are counted in the report.
    """
    if isinstance(content, str):
        return [MessagePart("text", content)]
    if content is not None and not isinstance(content, list):
        report.skip(SkipReason.UNKNOWN_CONTENT)
    parts: list[MessagePart] = []
    for block in as_list(content):
        parts += _read_block(block, report, tool_names)
    return parts


def read_texts(content: JsonValue, report: FileReport) -> list[str]:
    """Read only the texts of a content, for example of a tool's result."""
    parts = read_blocks(content, report, {})
    return [part.content for part in parts if part.kind == "text"]


def count_attachments(attachments: JsonValue, report: FileReport) -> None:
    """Count the elements of a list of attachments that come without text."""
    report.skip(SkipReason.ATTACHMENT, len(as_list(attachments)))


def is_attachment(block: JsonObject) -> bool:
    """Whether a block is an image, a recording or a file."""
    kind = block.get("type") or block.get("content_type")
    names = [kind] if isinstance(kind, str) else list(block)
    for name in names:
        lowered = name.lower()
        if any(word in lowered for word in _ATTACHMENT_WORDS):
            return True
    return False


_ReadBlock: TypeAlias = Callable[[JsonObject, FileReport, ToolNames], list[MessagePart] | None]
"""Returns None for a block without the text that it should have, which the caller counts, and an
empty list for a block that it has counted itself.
"""


def _read_block(block: JsonValue, report: FileReport, tool_names: ToolNames) -> list[MessagePart]:
    if isinstance(block, str):
        return [MessagePart("text", block)]
    if not isinstance(block, dict):
        report.skip(SkipReason.UNKNOWN_CONTENT)
        return []
    read = _READERS.get(as_text(block.get("type")) or "text")
    parts = read(block, report, tool_names) if read else None
    if parts is None:
        report.skip(SkipReason.ATTACHMENT if is_attachment(block) else SkipReason.UNKNOWN_CONTENT)
        return []
    return parts


def _read_text(
    block: JsonObject, _report: FileReport, _names: ToolNames
) -> list[MessagePart] | None:
    text = block.get("text")
    # LibreChat, and OpenAI's assistants: {"value": ..., "annotations": ...}
    if isinstance(text, dict):
        text = text.get("value")
    return [MessagePart("text", text)] if isinstance(text, str) else None


def _read_refusal(
    block: JsonObject, _report: FileReport, _names: ToolNames
) -> list[MessagePart] | None:
    refusal = block.get("refusal")
    return [MessagePart("text", refusal)] if isinstance(refusal, str) else None


def _read_thinking(block: JsonObject, report: FileReport, _names: ToolNames) -> list[MessagePart]:
    for key in _REASONING_KEYS:
        text = as_text(block.get(key))
        if text:
            return [MessagePart("thinking", text)]
    # In place of thinking that it does not show, Claude has a signature.
    report.skip(SkipReason.ENCRYPTED_THINKING)
    return []


def _read_tool_use(
    block: JsonObject, _report: FileReport, tool_names: ToolNames
) -> list[MessagePart]:
    name = as_text(block.get("name"))
    call_id = as_id(block.get("id"))
    if name and call_id:
        tool_names[call_id] = name
    return [MessagePart("tool_call", as_source_text(block.get("input", {})), name)]


def _read_tool_result(
    block: JsonObject, report: FileReport, tool_names: ToolNames
) -> list[MessagePart]:
    call_id = as_id(block.get("tool_use_id")) or ""
    name = as_text(block.get("name")) or tool_names.get(call_id)
    content = block.get("content")
    # A content of one block may be written without a list.
    blocks: JsonValue = [content] if isinstance(content, dict) else content
    texts = read_texts(blocks, report)
    return [MessagePart("tool_result", "\n\n".join(texts), name)]


def _read_librechat_call(
    block: JsonObject, _report: FileReport, _names: ToolNames
) -> list[MessagePart] | None:
    """LibreChat has a tool's result in the block of its call."""
    call = block.get("tool_call")
    if not isinstance(call, dict):
        return None
    name = as_text(call.get("name"))
    return [
        MessagePart("tool_call", as_source_text(call.get("args", {})), name),
        MessagePart("tool_result", as_text(call.get("output")) or "", name),
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
