"""The faults that a test can ask a fake vendor for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "status",
    "hang",
    "reset",
    "cut",
    "invalid_body",
    "empty_body",
    "html",
    "no_usage",
    "refusal",
    "max_tokens",
    "empty",
    "says",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one request.

    status: an error of the vendor's, with `status` and `headers`; `says` is its message. hang: no
    answer. reset: the connection breaks before one. cut: it breaks in the middle of one.
    invalid_body, empty_body, html: a success whose body is no reply. no_usage: one that says
    nothing of tokens. refusal, max_tokens, empty: a reply that refuses, is cut off, or holds
    nothing. says: one with the text `says`.
    """

    kind: FaultKind
    status: int = 0
    says: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_status(cls, status: int, says: str = "Something is wrong.", **headers: str) -> "Fault":
        """An HTTP error; headers by name, with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls("status", status=status, says=says, headers=named)
