"""The addresses of pages."""

from datetime import date
from urllib.parse import urlencode


def conversation_address(
    conversation_id: str,
    *,
    day: date | None = None,
    chunk_id: str | None = None,
    query: str | None = None,
) -> str:
    """A conversation; at a day or a chunk of it, with the words of a query marked."""
    parameters: dict[str, object] = {"id": conversation_id}
    if day is not None:
        parameters["day"] = day
    if chunk_id is not None:
        parameters["chunk"] = chunk_id
    if query is not None:
        parameters["q"] = query
    address = f"/conversation?{urlencode(parameters)}"
    if chunk_id:
        return f"{address}#{chunk_anchor(chunk_id)}"
    if day:
        return f"{address}#{day_anchor(day)}"
    return address


def chunk_anchor(chunk_id: str) -> str:
    """The anchor of a chunk on the page of its conversation."""
    return f"chunk-{chunk_id}"


def day_anchor(day: date) -> str:
    """The anchor of a day on the page of a conversation."""
    return f"day-{day}"


def day_address(day: date) -> str:
    """The conversations of a day."""
    return f"/day/{day}"


def search_address(query: str) -> str:
    """A search without filters."""
    return f"/?{urlencode({'q': query})}"
