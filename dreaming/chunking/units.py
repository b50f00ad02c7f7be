"""Units: what may not be cut. They tile a message exactly, trailing whitespace with the unit before
it.

A short message is one unit. A longer one falls into its blocks: code and tables stay whole, list
items and paragraphs too unless they are long themselves; then their sentences are the units. What
is longer than a chunk may be is cut.
"""

import re
from collections.abc import Iterator

from dreaming.chunking.blocks import Block, read_blocks
from dreaming.chunking.cutting import cut_text, splits_character
from dreaming.chunking.tokens import count_tokens

WHOLE_TOKENS = 150
"""A message, paragraph or list item up to this stays whole."""
LARGEST_UNIT_TOKENS = 800
"""What is longer is cut: the largest chunk there is."""

_CHARACTERS_FOR_SURE = 100
"""No message so short is worth counting."""
_CHARACTERS_AT_MOST = WHOLE_TOKENS * 12
"""Texts beyond are taken for long uncounted: o200k has some 5 characters a token in English, fewer
elsewhere.
"""

_SENTENCE_END = re.compile(
    r"[\n。！？｡.!?…](?:(?<=\n)|(?<=[。！？｡])[。！？｡]*+[」』”’）)\"]*+"
    r"|(?<![.!?…].)(?<!\b\w.)(?<!\b(?:Mr|Dr|Ms|St|vs|No).)[.!?…]*+[\"'”’)\]*_]*+(?=\s))\s*+"
)
"""What it looks back at follows the first character: a search is much faster where a set of
characters comes first.
"""


def split_units(content: str) -> list[tuple[int, int]]:
    """The units of a message, as (start, end) code-point offsets that tile it; none for an empty
    one.

    Linear in the length of `content`.
    """
    if _is_short(content):
        return [(0, len(content))] if content else []
    return [unit for block in read_blocks(content) for unit in _split_block(content, block)]


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its trailing whitespace;
    joined again they are the text.
    """
    return [text[start:end] for start, end in _sentences(text, 0, len(text))]


def structure_strength(before: str, after: str) -> float:
    """How good a place to cut lies between two neighbouring units of one message, 0 to 1, by layout
    alone.
    """
    if before.startswith("#") and "\n" not in before.rstrip():
        return 0.0
    if after.startswith("#"):
        return 0.4
    if before.endswith(("\n\n", "\n\r\n")):
        return 0.2
    return 0.1 if before.endswith("\n") else 0.05


def _is_short(text: str) -> bool:
    if len(text) <= _CHARACTERS_FOR_SURE:
        return True
    return len(text) <= _CHARACTERS_AT_MOST and count_tokens(text) <= WHOLE_TOKENS


def _split_block(content: str, block: Block) -> Iterator[tuple[int, int]]:
    if block.kind in ("code", "table"):
        yield from _cut_if_too_long(content, block.start, block.end)
    elif _is_short(content[block.start : block.end]):
        yield block.start, block.end
    else:
        for start, end in _sentences(content, block.start, block.end):
            yield from _cut_if_too_long(content, start, end)


def _sentences(content: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _SENTENCE_END.finditer(content, start, end):
        cut = match.end()
        if start < cut < end and not splits_character(content, cut):
            yield start, cut
            start = cut
    if start < end:
        yield start, end


def _cut_if_too_long(content: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    # No text has more tokens than bytes, nor a code point more than 4 bytes.
    if (end - start) * 4 > LARGEST_UNIT_TOKENS and count_tokens(
        content[start:end]
    ) > LARGEST_UNIT_TOKENS:
        yield from cut_text(content, start, end)
    else:
        yield start, end
