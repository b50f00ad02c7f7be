"""The last resort: cutting a text that is too long for a chunk and has no seams to cut it at.

Cuts fall after lines, else after sentences, else at spaces and punctuation, else anywhere; but
never inside what reads as one character: between a letter and its marks, in a joined emoji, or
between CR and LF. Linear in the text's length.
"""

import unicodedata
from collections.abc import Iterator

from dreaming.chunking.tokens import count_tokens

PIECE_TOKENS = 200
"""Pieces are much smaller than a chunk, so that packing can balance the chunks made of them."""

_SEAMS = ("\n", "。", "！", "？", ". ", "! ", "? ", "；", "，", "、", ";", ",", " ", "\t", "\u3000")
"""Where to cut within a line, best first."""

_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAGS = range(0x1F1E6, 0x1F200)
_LONGEST_CHARACTER = 64
"""Code points to step back at most for a whole character; longer ones are made to break programs.
"""


def cut_text(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut `text[start:end]` into pieces of about `PIECE_TOKENS` tokens; yields their offsets."""
    for first, last in _line_groups(text, start, end):
        yield from _cut_line(text, first, last)


def _line_groups(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Runs of whole lines of up to `PIECE_TOKENS` tokens; a longer line is a run of its own."""
    first, tokens, position = start, 0, start
    while position < end:
        newline = text.find("\n", position, end)
        line_end = end if newline < 0 else newline + 1
        size = count_tokens(text[position:line_end])
        if tokens and tokens + size > PIECE_TOKENS:
            yield first, position
            first, tokens = position, 0
        tokens, position = tokens + size, line_end
    if first < end:
        yield first, end


def _cut_line(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a text without line ends into pieces of up to `PIECE_TOKENS` tokens, at the best seams
    there are.
    """
    size = count_tokens(text[start:end])
    reach = max(1, (end - start) * PIECE_TOKENS // max(size, 1))
    while size > PIECE_TOKENS and end - start > reach:
        cut = _piece_end(text, start, start + reach)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _piece_end(text: str, start: int, end: int) -> int:
    """Where a piece ends that starts at `start` and would end at `end`: not over twice
    `PIECE_TOKENS` tokens.
    """
    while end - start > 1 and count_tokens(text[start:end]) > 2 * PIECE_TOKENS:
        end = (start + end) // 2
    seam = _last_seam(text, (start + end) // 2, end)
    return (
        seam
        if seam > start and not splits_character(text, seam)
        else _whole_character(text, start, end)
    )


def _last_seam(text: str, start: int, end: int) -> int:
    """The end of the last and best seam in `text[start:end]`, spaces after it included; -1 without
    one.
    """
    for seam in _SEAMS:
        found = text.rfind(seam, start, end)
        if found >= 0:
            return found + len(seam)
    return -1


def _whole_character(text: str, start: int, end: int) -> int:
    """`end`, or the nearest offset before it that splits no character."""
    for cut in range(end, max(start, end - _LONGEST_CHARACTER), -1):
        if not splits_character(text, cut):
            return cut
    return end


def splits_character(text: str, cut: int) -> bool:
    """Whether a cut at offset `cut` falls inside what reads as one character."""
    if not 0 < cut < len(text):
        return False
    before, after = text[cut - 1], text[cut]
    if after < "\u0300":
        return before == "\r" and after == "\n"
    return (
        before == "\u200d"
        or after in _JOINERS
        or ord(after) in _SKIN_TONES
        or ord(after) in _TAGS
        or (ord(after) in _FLAGS and _letters_of_flags(text, cut) % 2 == 1)
        or unicodedata.category(after).startswith("M")
    )


def _letters_of_flags(text: str, end: int) -> int:
    """How many letters of flags stand in a row before `end`: two make a flag."""
    start = end
    while start > max(0, end - _LONGEST_CHARACTER) and ord(text[start - 1]) in _FLAGS:
        start -= 1
    return end - start
