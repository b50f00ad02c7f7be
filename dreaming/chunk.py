"""Chunks of conversations: the records that the pipeline makes, and what they must satisfy (law 1).

A **unit** is what may not be cut. A **lane** is the stream of a conversation-day's messages that
are chunked together: talk (with the calls of tools) in one, tool results in one, thinking in one,
so that what a tool prints never cuts the talk around it in two. A **chunk** is a run of consecutive
units of one lane. Nothing here does I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NewType, TypedDict, get_args

from dreaming.conversation import ConversationId, Message, MessageId, MessageKind, stable_hash

ChunkId = NewType("ChunkId", str)

ChunkKind = Literal["text", "tool_result", "thinking"]
"""The lane that a chunk is of."""

Speaker = Literal["user", "assistant", "system"]
"""Who says most of a chunk; a tool's output counts as system."""

QualityLevel = Literal["basic", "good", "premium"]

CONTENT_SEPARATOR = "\n\n"
"""What stands in a chunk's content where the message changes: a blank line."""

CHUNK_KINDS: tuple[ChunkKind, ...] = get_args(ChunkKind)

LANES: Mapping[MessageKind, ChunkKind] = {
    "text": "text",
    "tool_call": "text",
    "tool_result": "tool_result",
    "thinking": "thinking",
}
"""Which lane a message is chunked in."""


class QualityDescription(TypedDict):
    """What a quality level means to a user."""

    accuracy: str
    cost: str
    needs_upgrade: bool
    description: str


QUALITY_LEVELS: Mapping[QualityLevel, QualityDescription] = {
    "basic": {
        "accuracy": "70-80%",
        "cost": "free",
        "needs_upgrade": True,
        "description": "Rules, a bundled model or a local LLM; may miss nuances",
    },
    "good": {
        "accuracy": "85-95%",
        "cost": "low ($0.001-0.01)",
        "needs_upgrade": False,
        "description": "A cheap cloud model; reliable for most conversations",
    },
    "premium": {
        "accuracy": "95-99%",
        "cost": "medium ($0.01-0.10)",
        "needs_upgrade": False,
        "description": "The best model, when the user asks; highest accuracy",
    },
}
"""The quality levels from lowest to highest. The accuracies are the design's targets, not
measurements.
"""

QUALITY_RANKS: Mapping[str, int] = {level: rank for rank, level in enumerate(QUALITY_LEVELS)}
"""Quality levels are compared by their rank: 0 is the lowest."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A slice of one message, by code-point offsets, end excluded."""

    message_id: MessageId
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicBoundary:
    """Where a topic starts, as a segmenter or a model says, before anything is packed to size."""

    message_id: MessageId
    start: int
    """Code-point offset in the message; 0 for a topic that starts with the message."""
    score: float
    """How sure its origin is, 0 to 1."""
    origin: str
    """The segmenter's version, or the request whose reply said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BChunk:
    """A semantic memory chunk: a row of `basic_chunks` and `upgraded_chunks`."""

    chunk_id: ChunkId
    conversation_id: ConversationId
    day: date
    ordinal: int
    """Its place among the chunks of its conversation-day, by where each begins."""
    content: str
    """The spans' text, joined by a blank line where the message changes; never taken from a model.
    """
    spans: tuple[Span, ...]
    topics: tuple[TopicBoundary, ...]
    """The topics that start within the chunk."""
    kind: ChunkKind
    started_at: datetime | None
    ended_at: datetime | None
    language: str
    """ISO 639-1 code, "mixed" for text in several scripts, or "und" where there are no letters to
    tell by.
    """
    labels: tuple[str, ...]
    entities: tuple[str, ...]
    summary: str
    """One sentence in the chunk's own language."""
    speaker: Speaker
    """Who says most of it."""
    speakers: tuple[Speaker, ...]
    """All who speak in it, in order of appearance."""
    token_count: int
    """Tokens of `content`, by the tokenizer of `dreaming.chunking.tokens`."""
    quality_level: QualityLevel = "basic"
    needs_upgrade: bool = True
    confidence: float
    """How likely both of its boundaries are right, 0 to 1."""
    segmenter_version: str
    """What cut it: a segmenter's version, or the prompt's for paid chunks."""
    llm_provider: str | None = None
    llm_used: str | None = None
    """The model that made it; None for rules."""
    request_id: str | None = None
    prompt_version: str | None = None
    tokens_used: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    processing_time_ms: int = 0
    """The model's time; 0 for rules."""
    source_hash: str
    """`content_hash` of the conversation-day that it was cut from."""
    supersedes: tuple[ChunkId, ...] = ()
    """The chunks that lie directly beneath it."""
    created_at: datetime
    """When it first came to be; stays while the chunk is unchanged."""


def hash_chunk(
    conversation_id: ConversationId, spans: Sequence[Span], content: str, origin: str
) -> ChunkId:
    """The id of a chunk: the same text cut by the same segmenter or reply has the same id."""
    return ChunkId(
        stable_hash(
            conversation_id, [[s.message_id, s.start, s.end] for s in spans], content, origin
        )
    )


def hash_slice(text: str) -> str:
    """The hash of a slice of a message: a paid chunk is valid while its slices hash the same."""
    return stable_hash(text)


def merge_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Join neighbouring spans that continue each other in the same message."""
    merged: list[Span] = []
    for span in spans:
        if merged and merged[-1].message_id == span.message_id and merged[-1].end == span.start:
            merged[-1] = Span(span.message_id, merged[-1].start, span.end)
        else:
            merged.append(span)
    return tuple(merged)


def slice_content(spans: Sequence[Span], contents: Mapping[MessageId, str]) -> str:
    """The text of a chunk: its slices of `contents` (merged spans), joined by a blank line."""
    return CONTENT_SEPARATOR.join(contents[s.message_id][s.start : s.end] for s in spans)


def describe_speakers(
    spans: Sequence[Span], messages: Mapping[MessageId, Message]
) -> tuple[Speaker, tuple[Speaker, ...]]:
    """Who says most of the spans, by characters, and all who speak in them.

    On a tie, the earlier one.
    """
    characters: dict[Speaker, int] = {}
    for span in spans:
        role = messages[span.message_id].role
        speaker: Speaker = "system" if role == "tool" else role
        characters[speaker] = characters.get(speaker, 0) + span.end - span.start
    return max(characters, key=characters.__getitem__), tuple(characters)


def lanes(messages: Sequence[Message]) -> dict[ChunkKind, list[Message]]:
    """The messages that have text, by lane and in order."""
    by_lane: dict[ChunkKind, list[Message]] = {}
    for message in messages:
        if message.content:
            by_lane.setdefault(LANES[message.kind], []).append(message)
    return by_lane


def span_records(spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Spans as JSON has them."""
    return [{"message_id": span.message_id, "start": span.start, "end": span.end} for span in spans]


def chunk_record(chunk: BChunk) -> dict[str, Any]:
    """A chunk as JSON has it."""
    record = {field.name: getattr(chunk, field.name) for field in fields(chunk)}
    record["spans"] = span_records(chunk.spans)
    record["topics"] = [
        {"message_id": t.message_id, "start": t.start, "score": t.score, "origin": t.origin}
        for t in chunk.topics
    ]
    return record
