"""A range of a text that must not leave, and what it is."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["key", "address", "number", "named", "login", "private", "own"]
"""By the module that finds it: keys, numbers, named, logins, marks; address: the password in a URL.
"""


SECRET, PRIVATE = "[secret]", "[private]"
"""In the place of what was found, and of what the user marked: words, so that a model can write of
them.
"""


class Found(NamedTuple):
    """A range by code points, the end excluded."""

    start: int
    end: int
    kind: Kind

    @property
    def placeholder(self) -> str:
        """What is shown in its place."""
        return PRIVATE if self.is_mark else SECRET

    @property
    def is_mark(self) -> bool:
        """Whether the user marked it; else it was found to be a secret."""
        return self.kind in ("private", "own")


def join_found(found: Iterable[Found]) -> list[Found]:
    """The ranges in order, those that overlap as one; a mark of the user's wins."""
    joined: list[Found] = []
    for one in sorted(found):
        if joined and one.start < joined[-1].end:
            last = joined[-1]
            kind = one.kind if one.is_mark else last.kind
            joined[-1] = Found(last.start, max(last.end, one.end), kind)
        elif one.start < one.end:
            joined.append(one)
    return joined
