"""Units: the smallest parts of a message, which packing does not cut.

Units tile a message exactly; white space belongs to the unit before it. A short message is one
unit. A longer one is split into its blocks. Code and tables stay whole, and so do list items and
paragraphs that are not long themselves; of the long ones, each sentence is a unit. Only a unit that
would be longer than the largest chunk is cut.
"""

import re
from collections.abc import Iterator

from dreaming.chunking.blocks import Block, read_blocks
from dreaming.chunking.cutting import cut_text, splits_character
from dreaming.chunking.tokens import count_tokens

# A message, paragraph or list item up to this stays whole. A larger value leaves packing fewer
# places to cut at.
WHOLE_TOKENS = 150
# The size of the largest chunk: a longer unit would fit into none.
LARGEST_UNIT_TOKENS = 800

# Counting tokens takes time. A text up to this length is short without counting, and one beyond the
# other length is long: o200k has some 5 characters a token in English, and fewer elsewhere.
_SURELY_SHORT_CHARACTERS = 100
_SURELY_LONG_CHARACTERS = WHOLE_TOKENS * 12
# No text has more tokens than bytes, nor a code point more bytes than this in UTF-8.
_MOST_TOKENS_A_CHARACTER = 4

# Line ends, and punctuation with what closes a quotation after it. Every condition on what is
# before is written after the first character: a search is much faster where it begins with a set of
# characters.
_SENTENCE_END = re.compile(
    r"[\n。！？｡.!?…](?:(?<=\n)|(?<=[。！？｡])[。！？｡]*+[」』”’）)\"]*+"
    r"|(?<![.!?…].)(?<!\b\w.)(?<!\b(?:Mr|Dr|Ms|St|vs|No).)[.!?…]*+[\"'”’)\]*_]*+(?=\s))\s*+"
)


def split_units(content: str) -> list[tuple[int, int]]:
    """The units of a message, as (start, end) code-point offsets that tile it.

    Empty for an empty message. Takes time in proportion to the length of `content`.
    """
    if not content:
        return []
    if _is_short(content):
        return [(0, len(content))]
    units: list[tuple[int, int]] = []
    for block in read_blocks(content):
        units += _split_block(content, block)
    return units


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with the white space after it; joined, they are the text."""
    return [text[start:end] for start, end in _sentences(text, 0, len(text))]


def structure_strength(before: str, after: str) -> float:
    """How good a place to cut is between two neighbouring units of a message, 0 to 1, by layout.

    On the same scale as the probabilities of the gaps between messages.
    """
    is_lone_heading = before.startswith("#") and "\n" not in before.rstrip()
    if is_lone_heading:
        # A heading must not lose the text below it.
        return 0.0
    if after.startswith("#"):
        return 0.4
    if before.endswith(("\n\n", "\n\r\n")):
        return 0.2
    if before.endswith("\n"):
        return 0.1
    return 0.05


def _is_short(text: str) -> bool:
    if len(text) <= _SURELY_SHORT_CHARACTERS:
        return True
    if len(text) > _SURELY_LONG_CHARACTERS:
        return False
    return count_tokens(text) <= WHOLE_TOKENS


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
        # A sentence may end before a mark that belongs to its last character.
        if start < cut < end and not splits_character(content, cut):
            yield start, cut
            start = cut
    if start < end:
        yield start, end


def _cut_if_too_long(content: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    may_be_too_long = (end - start) * _MOST_TOKENS_A_CHARACTER > LARGEST_UNIT_TOKENS
    if may_be_too_long and count_tokens(content[start:end]) > LARGEST_UNIT_TOKENS:
        yield from cut_text(content, start, end)
    else:
        yield start, end
