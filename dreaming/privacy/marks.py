"""What the user marked as private: between `<private>` and `</private>`, and by patterns of his
own.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dreaming.errors import ConfigurationError
from dreaming.privacy.found import Found

_MARKED = re.compile(r"(?is)<private\s*>.*?(?:</private\s*>|\Z)")
"""One that is not closed reaches to the end of the message."""


def find_marked(text: str) -> Iterator[Found]:
    """What stands between the marks, and the marks."""
    return (Found(*match.span(), "private") for match in _MARKED.finditer(text))


def find_own(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[Found]:
    """What patterns of the user's match."""
    for pattern in patterns:
        yield from (Found(*match.span(), "own") for match in pattern.finditer(text) if match[0])


def read_patterns(path: Path) -> tuple[re.Pattern[str], ...]:
    """The patterns of a file: a regular expression of Python's a line; empty lines and those with #
    in front are none.

    Raises `ConfigurationError` for a file that cannot be read, and a line that is no expression or
    matches everything.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"DREAMING_PRIVATE_PATTERNS={str(path)!r} cannot be read: "
            f"{getattr(error, 'strerror', None) or 'it is no UTF-8'}. "
            "Set it to a text file with a regular expression a line, or leave it unset."
        ) from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    return tuple(
        _compiled(path, number, line)
        for number, line in numbered
        if line and not line.startswith("#")
    )


def _compiled(path: Path, number: int, line: str) -> re.Pattern[str]:
    where = f"DREAMING_PRIVATE_PATTERNS={str(path)!r}, line {number}: {line!r}"
    try:
        pattern = re.compile(line)
    except re.error as error:
        raise ConfigurationError(
            f"{where} is no regular expression: {error}. Mend it; signs that mean themselves take "
            "a backslash."
        ) from error
    if pattern.search("") is not None:
        raise ConfigurationError(
            f"{where} matches the empty text, and so everything. Write what it must at least hold."
        )
    return pattern
