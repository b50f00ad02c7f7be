"""JSON values of unknown shape, and reading one of an expected type.

Exports change without notice and may be damaged. So a format asks for the type that it needs, and
gets an empty value where the file has another: one odd field costs one message, never the
conversation. A model that validates whole records (pydantic) would refuse the whole conversation;
such models are for input whose shape we define.
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
    """A text unchanged, any other value as JSON without escapes: the arguments of a tool call."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
