"""Records to and from Arrow columns, and the schema of each asset's Parquet files."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from dreaming.chunk import BChunk, Span, TopicBoundary
from dreaming.conversation import ConversationDay, Message, MessageId

INSTANT = pa.timestamp("us", tz="UTC")
# Exact, to the pico-dollar in which costs are counted: sums of floats would differ from those of
# the ledger.
COST = pa.decimal128(20, 12)
"""USD."""

RAW_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("started_at", INSTANT),
        pa.field("ended_at", INSTANT),
        pa.field("updated_at", INSTANT),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("local_only", pa.bool_(), nullable=False),
        pa.field(
            "messages",
            pa.list_(
                pa.struct(
                    [
                        pa.field("id", pa.string(), nullable=False),
                        pa.field("role", pa.string(), nullable=False),
                        pa.field("kind", pa.string(), nullable=False),
                        pa.field("name", pa.string()),
                        pa.field("content", pa.string(), nullable=False),
                        pa.field("timestamp", INSTANT),
                    ]
                )
            ),
            nullable=False,
        ),
    ]
)
"""The columns of `raw_conversations`: a row a conversation-day."""

_SPAN = pa.struct([("message_id", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
_TOPIC = pa.struct(
    [
        ("message_id", pa.string()),
        ("start", pa.int64()),
        ("score", pa.float64()),
        ("origin", pa.string()),
    ]
)
_TEXTS = pa.list_(pa.string())

CHUNK_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("chunk_id", pa.string(), nullable=False),
        pa.field("conversation_id", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("ordinal", pa.int32(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("spans", pa.list_(_SPAN), nullable=False),
        pa.field("topics", pa.list_(_TOPIC), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("started_at", INSTANT),
        pa.field("ended_at", INSTANT),
        pa.field("language", pa.string(), nullable=False),
        pa.field("labels", _TEXTS, nullable=False),
        pa.field("entities", _TEXTS, nullable=False),
        pa.field("summary", pa.string(), nullable=False),
        pa.field("speaker", pa.string(), nullable=False),
        pa.field("speakers", _TEXTS, nullable=False),
        pa.field("token_count", pa.int64(), nullable=False),
        pa.field("quality_level", pa.string(), nullable=False),
        pa.field("needs_upgrade", pa.bool_(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("segmenter_version", pa.string(), nullable=False),
        pa.field("llm_provider", pa.string()),
        pa.field("llm_used", pa.string()),
        pa.field("request_id", pa.string()),
        pa.field("prompt_version", pa.string()),
        pa.field("tokens_used", pa.int64(), nullable=False),
        pa.field("input_tokens", pa.int64(), nullable=False),
        pa.field("output_tokens", pa.int64(), nullable=False),
        pa.field("cost_usd", COST, nullable=False),
        pa.field("processing_time_ms", pa.int64(), nullable=False),
        pa.field("source_hash", pa.string(), nullable=False),
        pa.field("supersedes", _TEXTS, nullable=False),
        pa.field("created_at", INSTANT, nullable=False),
    ]
)
"""The columns of `basic_chunks` and `upgraded_chunks`: a row a chunk."""

_TUPLES = ("labels", "entities", "speakers", "supersedes")


def raw_batch(rows: Sequence[ConversationDay]) -> pa.RecordBatch:
    """Conversation-days as a record batch of `RAW_SCHEMA`."""
    columns = _columns(rows, RAW_SCHEMA)
    columns["messages"] = [_messages_cell(row.messages) for row in rows]
    return _batch(columns, RAW_SCHEMA)


def raw_rows(batch: pa.RecordBatch) -> list[ConversationDay]:
    """The conversation-days of a record batch of `RAW_SCHEMA`."""
    return [_conversation_day(cells) for cells in batch.to_pylist()]


def chunk_batch(rows: Sequence[BChunk]) -> pa.RecordBatch:
    """Chunks as a record batch of `CHUNK_SCHEMA`."""
    columns = _columns(rows, CHUNK_SCHEMA)
    columns["spans"] = [_spans_cell(row.spans) for row in rows]
    columns["topics"] = [_topics_cell(row.topics) for row in rows]
    return _batch(columns, CHUNK_SCHEMA)


def chunk_rows(batch: pa.RecordBatch) -> list[BChunk]:
    """The chunks of a record batch of `CHUNK_SCHEMA`."""
    return [_chunk(cells) for cells in batch.to_pylist()]


def _columns(rows: Sequence[object], schema: pa.Schema) -> dict[str, list[Any]]:
    """The fields of records by column."""
    return {name: [getattr(row, name) for row in rows] for name in schema.names}


def _batch(columns: dict[str, list[Any]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


# Arrow takes a struct as a tuple, in the order of its fields.


def _messages_cell(messages: Sequence[Message]) -> list[tuple[object, ...]]:
    return [(m.id, m.role, m.kind, m.name, m.content, m.timestamp) for m in messages]


def _spans_cell(spans: Sequence[Span]) -> list[tuple[object, ...]]:
    return [(span.message_id, span.start, span.end) for span in spans]


def _topics_cell(topics: Sequence[TopicBoundary]) -> list[tuple[object, ...]]:
    return [(topic.message_id, topic.start, topic.score, topic.origin) for topic in topics]


def _conversation_day(cells: dict[str, Any]) -> ConversationDay:
    cells["messages"] = tuple(Message(**message) for message in cells["messages"])
    return ConversationDay(**cells)


def _span(cells: dict[str, Any]) -> Span:
    return Span(MessageId(cells["message_id"]), cells["start"], cells["end"])


def _chunk(cells: dict[str, Any]) -> BChunk:
    cells["spans"] = tuple(_span(span) for span in cells["spans"])
    cells["topics"] = tuple(TopicBoundary(**topic) for topic in cells["topics"])
    for name in _TUPLES:
        cells[name] = tuple(cells[name])
    return BChunk(**cells)
