"""Text from conversations, made harmless for a terminal and a page."""

import unicodedata

_HARMLESS = frozenset("\n\t\u200c\u200d")
"""Controls that only shape text: line ends, tabs, and what joins emoji and letters."""


def printable(text: str) -> str:
    """A text without characters that steer a terminal or reverse its reading, as long as before."""
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in _HARMLESS else c
        for c in text
    )
