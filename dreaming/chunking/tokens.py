"""How long a text is, in tokens of `o200k_base`: the one measure behind every size in the pipeline.

The tables are in the `quicktok` wheel: nothing is downloaded. They are loaded once, at the first
count (0.4 s).
"""

from collections.abc import Callable
from functools import cache

ENCODING = "o200k_base"
STRETCH_CHARACTERS = 1_000_000
"""Longer texts are counted stretch by stretch, which bounds memory; each seam may add a token."""


@cache
def _counter() -> Callable[[str], int]:
    import quicktok

    count: Callable[[str], int] = quicktok.get_encoding(ENCODING).count
    return count


def count_tokens(text: str) -> int:
    """Count the tokens of `text`; what looks like a special token (`<|endoftext|>`) is plain text.

    Linear in the length of `text`, runs of one character included.
    """
    count = _counter()
    if len(text) <= STRETCH_CHARACTERS:
        return count(text)
    starts = range(0, len(text), STRETCH_CHARACTERS)
    return sum(count(text[start : start + STRETCH_CHARACTERS]) for start in starts)
