"""Chunks that were bought, by conversation and text: no rerun of a day pays for them again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from dreaming.chunk import ChunkId, QualityLevel, Speaker, hash_slice
from dreaming.conversation import ConversationId, MessageId, stable_hash


@dataclass(frozen=True, slots=True)
class PaidSlice:
    """A slice of a message that was paid for, and the hash of its text at that time."""

    message_id: MessageId
    start: int
    end: int
    text_hash: str

    def still_says(self, contents: Mapping[MessageId, str]) -> bool:
        """Whether the message is still there and the slice reads as it did."""
        content = contents.get(self.message_id)
        if content is None or len(content) < self.end:
            return False
        return hash_slice(content[self.start : self.end]) == self.text_hash

    def overlaps(self, other: "PaidSlice") -> bool:
        """Whether two slices have text in common."""
        if self.message_id != other.message_id:
            return False
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class PaidTopic:
    """A topic boundary within a paid chunk, from the reply."""

    message_id: MessageId
    start: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidChunk:
    """A row of `paid_chunks`."""

    paid_chunk_id: str
    request_id: str
    call_id: str
    conversation_id: ConversationId
    slices: tuple[PaidSlice, ...]
    topics: tuple[PaidTopic, ...]
    quality_level: QualityLevel
    language: str
    labels: tuple[str, ...]
    entities: tuple[str, ...]
    summary: str
    speaker: Speaker
    confidence: float
    llm_provider: str
    llm_used: str
    prompt_version: str
    tokens_used: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    processing_time_ms: int
    bought_at: datetime

    @property
    def origin(self) -> str:
        """The part of chunk ids that names the request and the call.

        So a later request that gets the same reply makes chunks of its own.
        """
        return chunk_origin(self.request_id, self.call_id)

    @property
    def chunk_id(self) -> ChunkId:
        """The id of its current chunk, while nothing covers any of it."""
        return ChunkId(self.paid_chunk_id)

    def brought_back_by(self, request_id: str) -> "PaidChunk":
        """A copy of the chunk for another request, which pays nothing for it."""
        return replace(
            self,
            paid_chunk_id=stable_hash(self.paid_chunk_id, request_id),
            request_id=request_id,
            tokens_used=0,
            input_tokens=0,
            output_tokens=0,
            cost_usd=Decimal(0),
            processing_time_ms=0,
        )


def chunk_origin(request_id: str, call_id: str) -> str:
    """The origin of the chunks that a request makes from a call's reply."""
    return f"{request_id}/{call_id}"
