"""Masking: a placeholder for each span of a text that must not leave."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from dreaming.privacy.keys import find_keys
from dreaming.privacy.logins import find_logins
from dreaming.privacy.named_secrets import find_named
from dreaming.privacy.numbers import find_numbers
from dreaming.privacy.secret_names import may_name_secret
from dreaming.privacy.sensitive_span import SensitiveSpan, merge_sensitive_spans
from dreaming.privacy.user_marks import find_private_tags, find_user_patterns

_DIGIT = re.compile("[0-9]")
_LONG_WORD = re.compile(r"[A-Za-z0-9_-]{15}")


@dataclass(frozen=True, slots=True)
class Masking:
    """Masks secrets, what is marked as private, and the matches of the user's patterns."""

    patterns: tuple[re.Pattern[str], ...] = ()

    def find(self, text: str) -> list[SensitiveSpan]:
        """The sensitive spans of a whole message, in order; they do not overlap."""
        # Quick checks first: most messages have nothing that the slower searches could find.
        lowered = _lower(text)
        spans: list[SensitiveSpan] = []
        if "<private" in lowered:
            spans += find_private_tags(text)
        if self.patterns:
            spans += find_user_patterns(text, self.patterns)
        if _may_have_key(text):
            spans += find_keys(text, lowered)
            spans += find_numbers(text)
            spans += find_logins(text, lowered)
        if may_name_secret(text, lowered):
            spans += find_named(text, lowered)
        return merge_sensitive_spans(spans)

    def mask(self, text: str) -> str:
        """The whole text with placeholders."""
        return self.mask_part(text, 0, len(text))

    def mask_keys(self, text: str) -> str:
        """The text with placeholders for what is a secret by its form alone.

        The last check of a whole call to a model, after the messages in it were masked.
        """
        if not _may_have_key(text):
            return text
        spans = [*find_keys(text, text.lower()), *find_numbers(text)]
        return _replace(text, merge_sensitive_spans(spans), 0, len(text))

    def mask_part(self, text: str, start: int, end: int) -> str:
        """A part of a message with placeholders; the whole message shows what is a secret in it."""
        return _replace(text, _find(self, text), start, end)


def _lower(text: str) -> str:
    """The text in lower case, every character at its place."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    # The lower case of a few characters is two characters: these stay as they are.
    characters = []
    for character in text:
        lower = character.lower()
        characters.append(lower if len(lower) == 1 else character)
    return "".join(characters)


def _may_have_key(text: str) -> bool:
    """Whether a text has a digit, an address, an option or a long word.

    In a text without them, a secret can only be found by its name.
    """
    if _DIGIT.search(text) is not None or "://" in text or " -p" in text or " -u" in text:
        return True
    has_separator = "_" in text or "-" in text
    return has_separator and _LONG_WORD.search(text) is not None


def _replace(text: str, spans: Sequence[SensitiveSpan], start: int, end: int) -> str:
    """`text[start:end]` with a placeholder for each span, also for one that lies there in part."""
    parts = []
    position = start
    for span in spans:
        if span.start < end and span.end > start:
            parts.append(text[position : max(span.start, start)])
            parts.append(span.placeholder)
            position = min(span.end, end)
    parts.append(text[position:end])
    return "".join(parts)


# The units of a message are masked one after the other, each by the spans of the whole message.
@lru_cache(maxsize=64)
def _find(masking: Masking, text: str) -> tuple[SensitiveSpan, ...]:
    return tuple(masking.find(text))
