"""The layout of a file, by its first bytes: one JSON list, one document, JSON lines, or HTML."""

import json
from dataclasses import dataclass
from enum import StrEnum

from dreaming.errors import UnreadableExport
from dreaming.importing.encoding import Encoding, recognise_encoding

# Read twice from each file: once to recognise its layout, once with its entries.
SAMPLE_BYTES = 1 << 18
# Lines that are tried for an object; the first ones may be damaged.
_LINES_TRIED = 50


class Shape(StrEnum):
    """The structure that contains the entries of a file."""

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
    """The layout of a file with these first `SAMPLE_BYTES`.

    Raises UnreadableExport for an empty file.
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
    if not text.startswith("{"):
        return Shape.DOCUMENT
    # A single line that is longer than the sample is JSONL, or a document without line breaks: both
    # are read as lines.
    has_lines = "\n" not in text or _has_object_lines(text)
    return Shape.LINES if has_lines else Shape.DOCUMENT


def _has_object_lines(text: str) -> bool:
    """Whether one of the first lines alone is an object."""
    lines = text.split("\n", _LINES_TRIED)[:_LINES_TRIED]
    return any(line.startswith("{") and _is_object(line) for line in lines)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, strict=False), dict)
    except (ValueError, RecursionError):
        return False
