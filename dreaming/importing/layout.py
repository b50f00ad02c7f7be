"""How a file is laid out: one JSON list, one document, JSON lines, or HTML. Told from its first
bytes.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

from dreaming.errors import UnreadableExport
from dreaming.importing.encoding import Encoding, recognise_encoding

SAMPLE_BYTES = 1 << 18
_LINES_TRIED = 50


class Shape(StrEnum):
    """What holds the entries of a file."""

    LIST = "list"
    DOCUMENT = "document"
    LINES = "lines"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's encoding and shape."""

    encoding: Encoding
    shape: Shape


def recognise_layout(sample: bytes, path: str) -> Layout:
    """Tell the layout from the first `SAMPLE_BYTES` of a file; raises UnreadableExport for an empty
    file.
    """
    encoding = recognise_encoding(sample)
    text = sample[encoding.mark_bytes :].decode(encoding.name, "ignore").lstrip(" \t\r\n")
    if not text and len(sample) < SAMPLE_BYTES:
        raise UnreadableExport(
            f"{path!r} is empty ({len(sample):,} bytes). Export or download it again."
        )
    return Layout(encoding, _recognise_shape(text))


def _recognise_shape(text: str) -> Shape:
    if text.startswith("["):
        return Shape.LIST
    if text.startswith("<"):
        return Shape.HTML
    # One line longer than the sample is either JSONL or a document without line breaks: one entry
    # in both.
    if text.startswith("{") and ("\n" not in text or _has_object_lines(text)):
        return Shape.LINES
    return Shape.DOCUMENT


def _has_object_lines(text: str) -> bool:
    """Whether a line is an object by itself; not only the first, which may be the broken one."""
    return any(
        line.startswith("{") and _is_object(line)
        for line in text.split("\n", _LINES_TRIED)[:_LINES_TRIED]
    )


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, strict=False), dict)
    except (ValueError, RecursionError):
        return False
