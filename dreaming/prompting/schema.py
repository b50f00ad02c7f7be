"""The JSON schema of a reply, with a bound on every array and string.

Without bounds, small models repeat themselves up to the output limit.
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

# Twice the usual size of labels, entities and a summary. All of it is reserved for each call, so a
# larger figure lets fewer calls run at once.
_REPLY_TOKENS_PER_CHUNK = 110
_REPLY_FRAME_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a reply: what it may number, and how many chunks it may have."""

    units: int
    tokens: int
    """The estimated tokens of the units that are shown."""
    chunks: int

    @classmethod
    def of(cls, *, units: int, tokens: int) -> "Bounds":
        """The bounds of a reply to units of this number and size."""
        return cls(units, tokens, min(units, 1 + tokens // _TOKENS_PER_CHUNK))

    def output_tokens(self, *, repeats_text: bool) -> int:
        """The output cap: enough for any reply that keeps to the bounds."""
        repeated = self.tokens * 3 // 2 if repeats_text else 0
        described = self.chunks * _REPLY_TOKENS_PER_CHUNK
        return _REPLY_FRAME_TOKENS + described + repeated


def reply_schema(bounds: Bounds, *, repeats_text: bool) -> dict[str, Any]:
    """The schema of a reply within bounds."""
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
    """The schema without bounds and lists of values, for cloud vendors, which take no bounds.

    It is then the same for every call. Lists of values would be paid for with every call, and
    replies are checked anyway.
    """
    result: dict[str, Any] = {}
    for key, part in schema.items():
        if key in _BOUNDS:
            continue
        if key == "properties":
            # Its keys are names of fields, which may be equal to a key of a bound.
            result[key] = {name: without_bounds(field) for name, field in part.items()}
        elif isinstance(part, dict):
            result[key] = without_bounds(part)
        else:
            result[key] = part
    return result


_BOUNDS = frozenset({"minimum", "maximum", "maxLength", "minItems", "maxItems", "enum"})
"""The keys of a JSON schema that bound or list values."""


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _strings(*, most: int, longest: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "maxLength": longest}, "maxItems": most}
