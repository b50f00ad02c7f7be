"""JSON values of unknown shape, and what can be taken from them.

Exports change without notice and come damaged, so a format asks for what it needs and gets an empty
value where the file holds something else: one odd field costs one message, never the conversation.
Models that validate a whole record (pydantic) would refuse it whole; they guard the boundaries
whose shape is ours.
"""

import json
from typing import TypeAlias

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
JsonObject: TypeAlias = dict[str, JsonValue]


def as_text(value: JsonValue) -> str | None:
    """The text, or None for anything else and for the empty text."""
    return value if isinstance(value, str) and value else None


def as_id(value: JsonValue) -> str | None:
    """An id as text: a non-empty string or a whole number, else None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return as_text(value)


def as_object(value: JsonValue) -> JsonObject:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: JsonValue) -> list[JsonValue]:
    """The list, or an empty one."""
    return value if isinstance(value, list) else []


def as_source_text(value: JsonValue) -> str:
    """Text as it stands; anything else as compact JSON in its own script: what a tool was called
    with.
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
