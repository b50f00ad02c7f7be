"""The Markdown blocks of a message: fenced code, tables, list items and paragraphs, by the lines
they are made of.

A reading for cutting, not for rendering: it follows CommonMark where cutting is concerned (an
unclosed fence runs to the end, indented lines continue a list item) and takes full-width and
Chinese numbering for lists, too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["prose", "heading", "item", "code", "table"]

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
    """A block of a message, by code-point offsets, with the blank lines that follow it."""

    start: int
    end: int
    kind: BlockKind


def read_blocks(content: str) -> Iterator[Block]:
    """The blocks of `content`, in order; they tile it."""
    start, kind, fence, blank = 0, None, "", False
    for offset, line in _lines(content):
        if fence:
            fence = "" if _closes(line, fence) else fence
            continue
        if not line or line.isspace():
            blank = True
            continue
        found, marker = _read_line(line)
        if kind is None or _opens(found, kind, blank=blank, indented=line[0] in " \t"):
            if kind is not None:
                yield Block(start, offset, kind)
            start, kind = (offset if kind is not None else 0), found
            fence = marker if found == "code" else ""
        elif kind == "heading":
            kind = "prose"
        blank = False
    if content:
        yield Block(start, len(content), kind or "prose")


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """Each line without its end, and where it starts."""
    offset = 0
    for line in content.split("\n"):
        yield offset, line
        offset += len(line) + 1


def _read_line(line: str) -> tuple[BlockKind, str]:
    """The kind of block that `line` is of by itself, and its marker."""
    match = _MARKER.match(line)
    if match is None or match.lastgroup is None:
        return "prose", ""
    return _KINDS[match.lastgroup], match[match.lastgroup]


def _closes(line: str, fence: str) -> bool:
    """Whether `line` closes the code block that `fence` opened."""
    bare = line.strip()
    return bare.startswith(fence) and not bare.strip(fence[0])


def _opens(found: BlockKind, current: BlockKind, *, blank: bool, indented: bool) -> bool:
    """Whether a line opens a block of its own after one of kind `current`, `blank` lines between
    them or not.
    """
    if found == "table":
        return current != "table" or blank
    if found != "prose":
        return True
    if current == "item":
        return blank and not indented
    if current == "heading":
        return False
    return blank or current in ("code", "table")
