"""What the user marked as private: by `<private>` tags, and by a file of own patterns."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dreaming.errors import ConfigurationError
from dreaming.privacy.sensitive_span import SensitiveSpan

# An unclosed tag reaches to the end of the message: too much is masked rather than too little.
_PRIVATE_TAGS = re.compile(r"(?is)<private\s*>.*?(?:</private\s*>|\Z)")


def find_private_tags(text: str) -> Iterator[SensitiveSpan]:
    """The tags, and the text between them."""
    for match in _PRIVATE_TAGS.finditer(text):
        yield SensitiveSpan(*match.span(), "private")


def find_user_patterns(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[SensitiveSpan]:
    """The matches of the user's patterns, without empty ones."""
    for pattern in patterns:
        for match in pattern.finditer(text):
            if match[0]:
                yield SensitiveSpan(*match.span(), "own")


def read_patterns(path: Path) -> tuple[re.Pattern[str], ...]:
    """The patterns of a file: on each line a regular expression in Python's syntax.

    Empty lines, and lines that begin with #, are skipped. Raises `ConfigurationError` for a file
    that cannot be read, and for a line that is no expression or matches everything: a pattern that
    was skipped would send what it should mask.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        # A ValueError is text that is not UTF-8, which has no `strerror`.
        cause = getattr(error, "strerror", None) or "it is no UTF-8"
        raise ConfigurationError(
            f"DREAMING_PRIVATE_PATTERNS={str(path)!r} cannot be read: {cause}. "
            "Set it to a text file with a regular expression a line, or leave it unset."
        ) from error
    patterns = []
    for number, line in enumerate(lines, start=1):
        expression = line.strip()
        if expression and not expression.startswith("#"):
            patterns.append(_compile(path, number, expression))
    return tuple(patterns)


def _compile(path: Path, number: int, line: str) -> re.Pattern[str]:
    where = f"DREAMING_PRIVATE_PATTERNS={str(path)!r}, line {number}: {line!r}"
    try:
        pattern = re.compile(line)
    except re.error as error:
        raise ConfigurationError(
            f"{where} is no regular expression: {error}. Mend it; signs that mean themselves take "
            "a backslash."
        ) from error
    # A pattern that matches the empty text matches at every place of every text.
    if pattern.search("") is not None:
        raise ConfigurationError(
            f"{where} matches the empty text, and so everything. Write what it must at least hold."
        )
    return pattern
