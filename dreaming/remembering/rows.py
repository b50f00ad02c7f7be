"""A chunk as a row of the memory index, and back."""

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from dreaming.chunk import BChunk, Span, TopicBoundary
from dreaming.remembering.passages import SpokenChunk, Voice, distinct_voices
from dreaming.storage.tables import indexed_chunks

_OF_THE_INDEX = ("row_id", "details", "voices", "signs", "codes")
_COLUMNS = tuple(column.name for column in indexed_chunks.c if column.name not in _OF_THE_INDEX)
_DETAILS = tuple(field.name for field in fields(BChunk) if field.name not in _COLUMNS)
_MOMENTS = ("started_at", "ended_at", "created_at")
_TUPLES = ("labels", "entities", "speakers", "supersedes")


def to_row(spoken: SpokenChunk) -> dict[str, Any]:
    """The row of a chunk, without its `row_id`, `signs` and `codes`."""
    chunk = spoken.chunk
    cells: dict[str, Any] = {name: getattr(chunk, name) for name in _COLUMNS}
    cells["day"] = chunk.day.isoformat()
    details: dict[str, Any] = {name: getattr(chunk, name) for name in _DETAILS}
    details["spans"] = [[s.message_id, s.start, s.end] for s in chunk.spans]
    details["topics"] = [[t.message_id, t.start, t.score, t.origin] for t in chunk.topics]
    details["cost_usd"] = str(chunk.cost_usd)
    for name in _MOMENTS:
        details[name] = details[name].isoformat() if details[name] else None
    return {
        **cells,
        "details": orjson.dumps(details).decode(),
        "voices": orjson.dumps([tuple(voice) for voice in distinct_voices(spoken)]).decode(),
    }


def to_chunk(row: sa.RowMapping) -> BChunk:
    """The chunk of a row."""
    details: dict[str, Any] = orjson.loads(row["details"])
    details["spans"] = tuple(Span(*span) for span in details["spans"])
    details["topics"] = tuple(TopicBoundary(*topic) for topic in details["topics"])
    details["cost_usd"] = Decimal(details["cost_usd"])
    for name in _MOMENTS:
        details[name] = (
            datetime.fromisoformat(details[name]).astimezone(UTC) if details[name] else None
        )
    for name in _TUPLES:
        details[name] = tuple(details[name])
    own: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    own["day"] = date.fromisoformat(own["day"])
    return BChunk(**own, **details)


@lru_cache(10_000)
def read_voices(cell: str) -> tuple[Voice, ...]:
    """The voices of a row, in the order that its signs number them."""
    return tuple(Voice(*voice) for voice in orjson.loads(cell))
