"""A sensitive span: a range of a text that must not leave, and its kind."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["key", "address", "number", "named", "login", "private", "own"]
"""By the finder: keys, numbers, named secrets, logins, the two user's marks; "address" is the
password in a URL.
"""

# The placeholders of secrets and of what the user marked. They are words, so that a model can refer
# to them in a summary.
SECRET = "[secret]"
PRIVATE = "[private]"


class SensitiveSpan(NamedTuple):
    """A range of code points, without its end."""

    start: int
    end: int
    kind: Kind

    @property
    def placeholder(self) -> str:
        """The text that replaces it."""
        return PRIVATE if self.is_user_mark else SECRET

    @property
    def is_user_mark(self) -> bool:
        """Whether the user marked it as private; else it looks like a secret."""
        return self.kind in ("private", "own")


def merge_sensitive_spans(spans: Iterable[SensitiveSpan]) -> list[SensitiveSpan]:
    """The spans in order, without empty ones; spans that overlap become one.

    A user's mark decides the kind of a merged span.
    """
    merged: list[SensitiveSpan] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            kind = span.kind if span.is_user_mark else last.kind
            merged[-1] = SensitiveSpan(last.start, max(last.end, span.end), kind)
        elif span.start < span.end:
            merged.append(span)
    return merged
