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
    asked = {"id": conversation_id, "day": day, "chunk": chunk_id, "q": query}
    given = urlencode({name: value for name, value in asked.items() if value is not None})
    place = chunk_anchor(chunk_id) if chunk_id else day_anchor(day) if day else ""
    return f"/conversation?{given}" + (f"#{place}" if place else "")


def chunk_anchor(chunk_id: str) -> str:
    """Where a chunk stands on the page of its conversation."""
    return f"chunk-{chunk_id}"


def day_anchor(day: date) -> str:
    """Where a day begins on the page of a conversation."""
    return f"day-{day}"


def day_address(day: date) -> str:
    """The conversations of a day."""
    return f"/day/{day}"


def search_address(query: str) -> str:
    """A search without filters."""
    return f"/?{urlencode({'q': query})}"
