"""The JSON schema of a reply, with a bound on every array and string: without them small models
loop to the limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_LABELS = 5
MOST_ENTITIES = 10
LONGEST_LABEL = 40
LONGEST_ENTITY = 60
LONGEST_SUMMARY = 300
"""In characters, like the two above."""

_TOKENS_PER_CHUNK = 80
"""Few topics are shorter."""
_REPLY_TOKENS_PER_CHUNK = 110
"""Twice what labels, entities and a summary usually take: all of it is reserved, and few replies
have all chunks.
"""
_REPLY_FRAME_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a reply may hold."""

    units: int
    tokens: int
    """Of the units that are shown, estimated."""
    chunks: int

    @classmethod
    def of(cls, *, units: int, tokens: int) -> "Bounds":
        """The bounds for so many units of so many tokens."""
        return cls(units, tokens, min(units, 1 + tokens // _TOKENS_PER_CHUNK))

    def output_tokens(self, *, repeats_text: bool) -> int:
        """The output cap: enough for any reply that keeps to the bounds."""
        repeated = self.tokens * 3 // 2 if repeats_text else 0
        return _REPLY_FRAME_TOKENS + self.chunks * _REPLY_TOKENS_PER_CHUNK + repeated


def reply_schema(bounds: Bounds, *, repeats_text: bool) -> dict[str, Any]:
    """The schema of a reply to units within `bounds`. Vendors that take no bounds get it without
    them.
    """
    number = {"type": "integer", "minimum": 1, "maximum": bounds.units}
    holds = {"content": {"type": "string"}} if repeats_text else {"first": number, "last": number}
    chunk = {
        **holds,
        "language": {"type": "string", "maxLength": 5},
        "labels": _strings(most=MOST_LABELS, longest=LONGEST_LABEL),
        "speaker": {"type": "string", "enum": ["user", "assistant", "system"]},
        "entities": _strings(most=MOST_ENTITIES, longest=LONGEST_ENTITY),
        "summary": {"type": "string", "maxLength": LONGEST_SUMMARY},
    }
    items = _object(chunk)
    return _object(
        {"chunks": {"type": "array", "items": items, "minItems": 1, "maxItems": bounds.chunks}}
    )


def without_bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without bounds, which the cloud vendors do not take; it is then the same for every
    call.

    Nor does it list values: it is paid for with every call, and what a reply says is checked
    anyway.
    """
    return {
        key: {name: without_bounds(value) for name, value in part.items()}
        if key == "properties"
        else without_bounds(part)
        if isinstance(part, dict)
        else part
        for key, part in schema.items()
        if key not in ("minimum", "maximum", "maxLength", "minItems", "maxItems", "enum")
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strings(*, most: int, longest: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "maxLength": longest}, "maxItems": most}
