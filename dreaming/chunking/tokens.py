"""The length of a text in tokens of `o200k_base`, the measure of every size in the pipeline.

The tables are in the `quicktok` wheel: nothing is downloaded. They are loaded once, at the first
count (0.4 s).
"""

from collections.abc import Callable
from functools import cache

ENCODING = "o200k_base"
# A longer text is counted in parts of this length, which bounds memory. Each seam may add a token,
# so a smaller value would make counts less exact.
PART_CHARACTERS = 1_000_000


@cache
def _counter() -> Callable[[str], int]:
    # Imported at the first use, so that commands that count nothing do not load the tables.
    import quicktok

    count: Callable[[str], int] = quicktok.get_encoding(ENCODING).count
    return count


def count_tokens(text: str) -> int:
    """The number of tokens of `text`; a special token in it (`<|endoftext|>`) counts as plain text.

    Takes time in proportion to the length of `text`, also for long runs of one character.
    """
    count = _counter()
    if len(text) <= PART_CHARACTERS:
        return count(text)
    total = 0
    for start in range(0, len(text), PART_CHARACTERS):
        total += count(text[start : start + PART_CHARACTERS])
    return total
