"""The last resort: cutting one text that is too long for a chunk.

Cuts fall after lines, else after sentences, else at spaces and punctuation, else anywhere; but
never inside what reads as one character: between a letter and its marks, in a joined emoji, or
between CR and LF. Takes time in proportion to the text's length.
"""

import unicodedata
from collections.abc import Iterator

from dreaming.chunking.tokens import count_tokens

# A quarter of the largest chunk: with pieces as large as a chunk, packing could not balance the
# chunks that it fills with them.
PIECE_TOKENS = 200

# Where to cut within a line, the best place first.
_SEAMS = ("\n", "。", "！", "？", ". ", "! ", "? ", "；", "，", "、", ";", ",", " ", "\t", "\u3000")

# Code points that belong to the character before them, though no Unicode category says so: joiners,
# skin tones, the tags of regional flags, and the letters of which two make a flag.
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
_FLAGS = range(0x1F1E6, 0x1F200)
# Code points to step back at most for a whole character. Only texts that are written to break
# programs have longer ones; without the limit, one of them would take quadratic time.
_LONGEST_CHARACTER = 64


def cut_text(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the offsets of pieces of `text[start:end]`, each about `PIECE_TOKENS` tokens."""
    for first, last in _line_groups(text, start, end):
        yield from _cut_line(text, first, last)


def _line_groups(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Groups of whole lines up to `PIECE_TOKENS` tokens; a longer line is a group alone."""
    first = start
    tokens = 0
    position = start
    while position < end:
        newline = text.find("\n", position, end)
        line_end = end if newline < 0 else newline + 1
        size = count_tokens(text[position:line_end])
        if tokens and tokens + size > PIECE_TOKENS:
            yield first, position
            first = position
            tokens = 0
        tokens += size
        position = line_end
    if first < end:
        yield first, end


def _cut_line(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut one line into pieces of about `PIECE_TOKENS` tokens, at its best seams."""
    size = count_tokens(text[start:end])
    # Tokens are counted once, and spread evenly over the characters: counting what is left for
    # each piece would take quadratic time.
    reach = max(1, (end - start) * PIECE_TOKENS // max(size, 1))
    while size > PIECE_TOKENS and end - start > reach:
        cut = _piece_end(text, start, start + reach)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _piece_end(text: str, start: int, end: int) -> int:
    """The end of the piece from `start`: `end` or before it, by size and seams."""
    # Part of a line may have many more tokens a character than the line on average.
    while end - start > 1 and count_tokens(text[start:end]) > 2 * PIECE_TOKENS:
        end = (start + end) // 2
    # A seam in the first half would leave a small piece.
    seam = _last_seam(text, (start + end) // 2, end)
    if seam > start and not splits_character(text, seam):
        return seam
    return _whole_character(text, start, end)


def _last_seam(text: str, start: int, end: int) -> int:
    """The end of the last seam of the best kind in `text[start:end]`; -1 without one."""
    for seam in _SEAMS:
        position = text.rfind(seam, start, end)
        if position >= 0:
            return position + len(seam)
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
    before = text[cut - 1]
    after = text[cut]
    # The first combining mark is U+0300: this decides nearly every cut without a look-up.
    if after < "\u0300":
        return before == "\r" and after == "\n"
    if before == "\u200d" or after in _JOINERS:
        return True
    code_point = ord(after)
    if code_point in _SKIN_TONES or code_point in _TAGS:
        return True
    if code_point in _FLAGS:
        return _count_flag_letters(text, cut) % 2 == 1
    return unicodedata.category(after).startswith("M")


def _count_flag_letters(text: str, end: int) -> int:
    """The number of flag letters in a row before `end`; two make a flag."""
    start = end
    while start > max(0, end - _LONGEST_CHARACTER) and ord(text[start - 1]) in _FLAGS:
        start -= 1
    return end - start
