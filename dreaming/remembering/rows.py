"""A chunk as a row of the table `indexed_chunks`, and back.

What a search filters or ranks by has a column of its own. The other fields of a chunk are JSON in
the column `details`, so that a new field needs no new schema.
"""

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

_INDEX_COLUMNS = ("row_id", "details", "voices", "signs", "codes")
_COLUMNS = tuple(column.name for column in indexed_chunks.c if column.name not in _INDEX_COLUMNS)
_DETAILS = tuple(field.name for field in fields(BChunk) if field.name not in _COLUMNS)
_TIMES = ("started_at", "ended_at", "created_at")
_TUPLES = ("labels", "entities", "speakers", "supersedes")


def to_row(spoken: SpokenChunk) -> dict[str, Any]:
    """The row of a chunk, without its `row_id`, `signs` and `codes`."""
    chunk = spoken.chunk
    cells: dict[str, Any] = {name: getattr(chunk, name) for name in _COLUMNS}
    cells["day"] = chunk.day.isoformat()
    voices = [tuple(voice) for voice in distinct_voices(spoken)]
    cells["details"] = orjson.dumps(_details(chunk)).decode()
    cells["voices"] = orjson.dumps(voices).decode()
    return cells


def _details(chunk: BChunk) -> dict[str, Any]:
    details: dict[str, Any] = {name: getattr(chunk, name) for name in _DETAILS}
    details["spans"] = [[span.message_id, span.start, span.end] for span in chunk.spans]
    topics = chunk.topics
    details["topics"] = [[t.message_id, t.start, t.score, t.origin] for t in topics]
    # As text: a float would not keep every pico-dollar.
    details["cost_usd"] = str(chunk.cost_usd)
    for name in _TIMES:
        time: datetime | None = details[name]
        details[name] = time.isoformat() if time else None
    return details


def to_chunk(row: sa.RowMapping) -> BChunk:
    """The chunk of a row."""
    cells: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    cells["day"] = date.fromisoformat(cells["day"])
    details: dict[str, Any] = orjson.loads(row["details"])
    details["spans"] = tuple(Span(*span) for span in details["spans"])
    details["topics"] = tuple(TopicBoundary(*topic) for topic in details["topics"])
    details["cost_usd"] = Decimal(details["cost_usd"])
    for name in _TIMES:
        time: str | None = details[name]
        details[name] = datetime.fromisoformat(time).astimezone(UTC) if time else None
    for name in _TUPLES:
        details[name] = tuple(details[name])
    return BChunk(**cells, **details)


# Few people speak in most chunks, and a search reads the voices of hundreds of them.
@lru_cache(10_000)
def read_voices(cell: str) -> tuple[Voice, ...]:
    """The voices of a row, in the order in which its signs number them."""
    return tuple(Voice(*voice) for voice in orjson.loads(cell))
