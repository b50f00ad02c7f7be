"""Masking: a placeholder in the place of what must not leave."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dreaming.privacy.found import Found, join_found
from dreaming.privacy.keys import find_keys
from dreaming.privacy.logins import find_logins
from dreaming.privacy.marks import find_marked, find_own
from dreaming.privacy.named import find_named
from dreaming.privacy.names import names_secret
from dreaming.privacy.numbers import find_numbers

_DIGIT = re.compile("[0-9]")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{15}")


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked: secrets, what is marked as private, and what patterns of the user's match."""

    patterns: tuple[re.Pattern[str], ...] = ()

    def find(self, text: str) -> list[Found]:
        """What must not leave of a whole message, in order; ranges do not overlap."""
        lowered = _lowered(text)
        found = [*find_marked(text)] if "<private" in lowered else []
        if self.patterns:
            found += find_own(text, self.patterns)
        if _may_hold_key(text):
            found += find_keys(text, lowered)
            found += find_numbers(text)
            found += find_logins(text, lowered)
        if names_secret(text, lowered):
            found += find_named(text, lowered)
        return join_found(found) if found else []

    def mask(self, text: str) -> str:
        """The text with placeholders."""
        return self.mask_part(text, 0, len(text))

    def mask_keys(self, text: str) -> str:
        """The text without what shows by itself that it is a secret, wherever it stands."""
        if not _may_hold_key(text):
            return text
        return _replaced(
            text, join_found([*find_keys(text, text.lower()), *find_numbers(text)]), 0, len(text)
        )

    def mask_part(self, text: str, start: int, end: int) -> str:
        """A part of a message with placeholders; what is around it tells what is in it."""
        return _replaced(text, _find(self, text), start, end)


def _lowered(text: str) -> str:
    """The text in lower case, with every character where it was: of some, the lower case is two."""
    lowered = text.lower()
    return (
        lowered
        if len(lowered) == len(text)
        else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)
    )


def _may_hold_key(text: str) -> bool:
    """Whether it has a digit, an address, a long word or an option: without, a secret is only found
    by its name.
    """
    if _DIGIT.search(text) is not None or "://" in text or " -p" in text or " -u" in text:
        return True
    return ("_" in text or "-" in text) and _LONG_WORD.search(text) is not None


def _replaced(text: str, found: Sequence[Found], start: int, end: int) -> str:
    parts, at = [], start
    for one in found:
        if one.start < end and one.end > start:
            parts += [text[at : max(one.start, start)], one.placeholder]
            at = min(one.end, end)
    return "".join([*parts, text[at:end]])


@lru_cache(maxsize=64)
def _find(masking: Masking, text: str) -> tuple[Found, ...]:
    """Units of one message are masked one after the other."""
    return tuple(masking.find(text))
