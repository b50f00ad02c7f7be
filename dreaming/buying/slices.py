"""Columns and rows of the published days, and the slices of messages that a chunk consists of."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pyarrow as pa

from dreaming.chunk import CONTENT_SEPARATOR, QUALITY_LEVELS, BChunk, Span, hash_slice
from dreaming.conversation import MessageId
from dreaming.errors import DamagedPartition
from dreaming.statistics import ChunkStatistics
from dreaming.storage.columns import CHUNK_SCHEMA
from dreaming.storage.partitions import PartitionStore
from dreaming.upgrading.arrow_arrays import integer_array
from dreaming.upgrading.filtering.selecting import Rows
from dreaming.upgrading.paid import PaidSlice

FILES_AT_ONCE = 4
"""Partitions that are read at once."""
# Reading columns waits for the disk or the network, and Arrow unpacks them without Python: a few
# threads keep both busy, and few tables are in memory at a time.

IDENTITY = ("conversation_id", "token_count", "quality_level")
"""The columns by which a row counts as the chunk that was chosen.

A partition may have been written again since: then another chunk can stand at the same place.
"""


def chunk_slices(chunk: BChunk) -> tuple[PaidSlice, ...]:
    """The slices of messages that a chunk holds."""
    return _slice_content(chunk.content, chunk.spans)


def row_slices(row: Mapping[str, Any]) -> tuple[PaidSlice, ...]:
    """The slices of a chunk that is a row with the columns `content` and `spans`."""
    spans = [
        Span(MessageId(span["message_id"]), span["start"], span["end"]) for span in row["spans"]
    ]
    return _slice_content(row["content"], spans)


def _slice_content(content: str, spans: Sequence[Span]) -> tuple[PaidSlice, ...]:
    """A chunk's content is the texts of its spans, joined by a blank line."""
    slices = []
    position = 0
    for span in spans:
        text = content[position : position + span.end - span.start]
        slices.append(PaidSlice(span.message_id, span.start, span.end, hash_slice(text)))
        position += len(text) + len(CONTENT_SEPARATOR)
    return tuple(slices)


def read_columns(
    store: PartitionStore, days: Sequence[date], columns: Sequence[str]
) -> tuple[pa.Table, dict[date, str]]:
    """Columns of the current chunks of days as one table; and why days cannot be read."""

    def read(day: date) -> pa.Table | str:
        try:
            with store.open_chunks("upgraded_chunks", day) as chunks:
                return chunks.table(columns)
        except DamagedPartition as error:
            return str(error)

    tables = []
    damaged = {}
    with ThreadPoolExecutor(FILES_AT_ONCE) as readers:
        for day, result in zip(days, readers.map(read, days), strict=True):
            if isinstance(result, str):
                damaged[day] = result
            else:
                # Each file has notes of its own; tables with different metadata do not join.
                tables.append(result.replace_schema_metadata())
    schema = pa.schema([CHUNK_SCHEMA.field(name) for name in columns])
    return pa.concat_tables([pa.Table.from_batches([], schema), *tables]).combine_chunks(), damaged


def read_rows(store: PartitionStore, day: date, rows: Rows) -> list[dict[str, Any] | None]:
    """Some rows of a day, with what identifies them and what slices are made of.

    None for a row that is not there any more.
    """
    with store.open_chunks("upgraded_chunks", day) as chunks:
        table = chunks.table([*IDENTITY, "spans", "content"])
    is_there = rows < table.num_rows
    present = iter(table.take(integer_array(rows[is_there])).to_pylist())
    return [next(present) if there else None for there in is_there.tolist()]


def count_quality(store: PartitionStore, days: Collection[date]) -> dict[str, int]:
    """How many chunks of each quality level days have; a day that cannot be read has none."""
    table, _damaged = read_columns(store, sorted(days), ["quality_level"])
    return dict.fromkeys(QUALITY_LEVELS, 0) | _count_values(table, "quality_level")


def count_published(store: PartitionStore, day: date) -> ChunkStatistics:
    """What a published day holds, counted from its columns alone."""
    columns = ["token_count", "quality_level", "language", "llm_used"]
    table, _damaged = read_columns(store, [day], columns)
    tokens = sum(table.column("token_count").to_pylist())
    statistics = ChunkStatistics(chunks=table.num_rows, tokens=tokens)
    statistics.quality.update(_count_values(table, "quality_level"))
    statistics.languages.update(_count_values(table, "language"))
    statistics.models.update(_count_values(table, "llm_used"))
    return statistics


def _count_values(table: pa.Table, column: str) -> dict[str, int]:
    counted = table.column(column).value_counts().to_pylist()
    # No model: the rules made the chunk.
    return {row["values"] or "rules": row["counts"] for row in counted}
