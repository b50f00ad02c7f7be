"""Replies of a fake model, computed from the request."""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dreaming.testing.fake_vendor.wires import FakeRequest

    Answering = Callable[[FakeRequest], str | "Reply"]

_UNIT = re.compile(r"^\[(\d+)\] (\w+): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, and what it is said to have used beside the counts by bytes."""

    text: str
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


def topics_of(request: "FakeRequest", *, units_each: int = 6) -> str:
    """A sound reply in the shape that the request's schema asks
    for: a topic every so many units.
    """
    shown = [(int(match[1]), match.end()) for match in _UNIT.finditer(request.content)]
    last = shown[-1][0] if shown else 1
    described = {
        "language": "en",
        "labels": ["work"],
        "speaker": "user",
        "entities": [],
        "summary": "Work is planned.",
    }
    ranges = [
        (first, min(first + units_each - 1, last)) for first in range(1, last + 1, units_each)
    ]
    if "content" not in json.dumps(request.schema or {}):
        return json.dumps(
            {"chunks": [{"first": first, "last": end, **described} for first, end in ranges]}
        )
    texts = _texts(request.content)
    repeated = [
        "\n".join(texts[number] for number in range(first, end + 1)) for first, end in ranges
    ]
    return json.dumps(
        {"chunks": [{"content": text, **described} for text in repeated]}, ensure_ascii=False
    )


def _texts(content: str) -> dict[int, str]:
    """The units that are shown, by number."""
    matches = list(_UNIT.finditer(content))
    ends = [match.start() for match in matches[1:]] + [content.find("\n</conversation-")]
    return {
        int(match[1]): content[match.end() : end].strip()
        for match, end in zip(matches, ends, strict=True)
    }
