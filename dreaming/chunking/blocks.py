"""The Markdown blocks of a message: fenced code, tables, headings, list items and paragraphs.

A reading for cutting, not for rendering. It follows CommonMark where that decides on a cut (an
unclosed fence runs to the end, indented lines continue a list item), and also reads full-width and
Chinese numbering as lists.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["prose", "heading", "item", "code", "table"]

# One search a line: the name of the group that matches is the kind of the line.
_MARKER = re.compile(
    r"[ \t]*(?:(?P<code>`{3,}|~{3,})|(?P<table>\|)|(?P<heading>\#{1,6}[ \t])"
    r"|(?P<item>(?:[-*+•◦▪]|\d{1,3}[.)])[ \t]|・|[（(]?\d{1,2}[）)、．]|[①-⑳]"
    r"|[一二三四五六七八九十]{1,3}、))"
)
_KINDS: dict[str, BlockKind] = {
    "code": "code",
    "table": "table",
    "heading": "heading",
    "item": "item",
}


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a message by code-point offsets, the blank lines after it included."""

    start: int
    end: int
    kind: BlockKind


def read_blocks(content: str) -> Iterator[Block]:
    """Yield the blocks of `content` in order; they tile it."""
    start = 0
    kind: BlockKind | None = None
    # The marker that opened the current code block, which only the same marker closes.
    fence = ""
    after_blank = False
    for offset, line in _lines(content):
        if fence:
            if _closes(line, fence):
                fence = ""
            continue
        if not line or line.isspace():
            after_blank = True
            continue
        line_kind, marker = _read_line(line)
        is_indented = line[0] in " \t"
        if kind is None or _opens(line_kind, kind, blank=after_blank, indented=is_indented):
            # Blank lines before the first block belong to it: the blocks must tile the message.
            if kind is not None:
                yield Block(start, offset, kind)
                start = offset
            kind = line_kind
            fence = marker if line_kind == "code" else ""
        elif kind == "heading":
            # A heading stays with the text below it, and that text may be cut into sentences.
            kind = "prose"
        after_blank = False
    if content:
        yield Block(start, len(content), kind or "prose")


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """Each line without its line end, and its offset."""
    offset = 0
    for line in content.split("\n"):
        yield offset, line
        offset += len(line) + 1


def _read_line(line: str) -> tuple[BlockKind, str]:
    """The kind of a line seen alone, and its marker."""
    match = _MARKER.match(line)
    if match is None or match.lastgroup is None:
        return "prose", ""
    return _KINDS[match.lastgroup], match[match.lastgroup]


def _closes(line: str, fence: str) -> bool:
    """Whether `line` closes the code block that `fence` opened."""
    bare = line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])


def _opens(line_kind: BlockKind, current: BlockKind, *, blank: bool, indented: bool) -> bool:
    """Whether a line opens a new block after one of kind `current`; `blank`: after blank lines."""
    if line_kind == "table":
        return current != "table" or blank
    if line_kind != "prose":
        return True
    if current == "item":
        # Indented text after a blank line is the item's next paragraph.
        return blank and not indented
    if current == "heading":
        return False
    return blank or current in ("code", "table")
