"""The current chunks of a conversation-day: what was paid for, painted over what is free.

A paid chunk is valid while each of its slices reads as it did and they still follow one another in
their lane. Valid ones paint their ranges, lowest quality first and oldest first within a quality:
a better chunk is never hidden by a lesser one, whichever was bought first, and among equals the
newest shows. The order in which they are given does not matter. A chunk that is partly covered
keeps its uncovered rest; what nothing covers is basic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from dreaming.chunk import (
    QUALITY_LEVELS,
    QUALITY_RANKS,
    BChunk,
    ChunkKind,
    Span,
    TopicBoundary,
    describe_speakers,
    hash_chunk,
    lanes,
    slice_content,
)
from dreaming.conversation import ConversationDay, Message, MessageId
from dreaming.days import time_bounds
from dreaming.money import cost_picodollars, split_exactly, to_usd
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic

_Boundary = TypeVar("_Boundary", TopicBoundary, PaidTopic)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A chunk, and the range of its lane that it covers."""

    source: BChunk | PaidChunk
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range of the lane that one layer shows, and the layers that it hides directly."""

    layer: _Layer
    start: int
    end: int
    beneath: tuple[_Layer, ...] = ()

    def cut(self, start: int, end: int) -> "_Piece":
        """The part of the piece between two positions."""
        start = max(start, self.start)
        end = min(end, self.end)
        beneath = tuple(layer for layer in self.beneath if layer.start < end and start < layer.end)
        return _Piece(self.layer, start, end, beneath)


class _Lane:
    """The messages of a lane laid end to end, so that every slice is a range of one line."""

    def __init__(self, day: ConversationDay, messages: Sequence[Message]) -> None:
        self.day = day
        self.messages: dict[MessageId, Message] = {}
        self.contents: dict[MessageId, str] = {}
        self.starts: dict[MessageId, int] = {}
        """The position of each message in the lane, in characters."""
        position = 0
        for message in messages:
            self.messages[message.id] = message
            self.contents[message.id] = message.content
            self.starts[message.id] = position
            position += len(message.content)

    def locate(self, spans: Sequence[Span | PaidSlice]) -> tuple[int, int] | None:
        """The range of spans, or None where they do not follow one another."""
        if not spans:
            return None
        first = spans[0]
        start = self.starts[first.message_id] + first.start
        end = start
        for span in spans:
            offset = self.starts[span.message_id]
            if offset + span.start != end:
                return None
            end = offset + span.end
        return start, end

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """The spans that a range covers."""
        spans = []
        for message_id, offset in self.starts.items():
            first = max(start - offset, 0)
            last = min(end - offset, len(self.contents[message_id]))
            if first < last:
                spans.append(Span(message_id, first, last))
        return tuple(spans)

    def topics_within(self, topics: Sequence[_Boundary], start: int, end: int) -> list[_Boundary]:
        """The topics that start within a range."""
        inside = []
        for topic in topics:
            # A message may have been deleted since its topics were bought.
            if topic.message_id not in self.starts:
                continue
            position = self.starts[topic.message_id] + topic.start
            if start <= position < end:
                inside.append(topic)
        return inside


def overlay(
    day: ConversationDay,
    basic: Sequence[BChunk],
    paid: Sequence[PaidChunk],
    *,
    count_tokens: Callable[[str], int],
) -> list[BChunk]:
    """The current chunks of a conversation-day, by `ordinal`.

    Args:
        day: the conversation-day as it is now.
        basic: its basic chunks, which tile it (law 1).
        paid: the chunks that were bought for the conversation and not undone; those that are no
            longer valid are left out.
        count_tokens: the tokenizer for pieces that get new bounds.

    """
    if not paid:
        return list(basic)
    chunks: list[BChunk] = []
    for kind, messages in lanes(day.messages).items():
        lane = _Lane(day, messages)
        basic_of_lane = [chunk for chunk in basic if chunk.kind == kind]
        pieces = _painted(lane, basic_of_lane, _valid_layers(lane, paid))
        chunks += [_chunk_of(lane, kind, piece, pieces, count_tokens) for piece in pieces]
    # By the messages of the day: the lanes alternate in it.
    position = {message.id: number for number, message in enumerate(day.messages)}
    chunks.sort(key=lambda chunk: (position[chunk.spans[0].message_id], chunk.spans[0].start))
    return [replace(chunk, ordinal=number) for number, chunk in enumerate(chunks)]


def _valid_layers(lane: _Lane, paid: Sequence[PaidChunk]) -> list[_Layer]:
    """The paid chunks that are valid in a lane, in the order in which they are painted."""
    layers = []
    for chunk in sorted(paid, key=_paint_order):
        if all(piece.still_says(lane.contents) for piece in chunk.slices):
            place = lane.locate(chunk.slices)
            if place is not None:
                layers.append(_Layer(chunk, *place))
    return layers


def _paint_order(chunk: PaidChunk) -> tuple[int, datetime, str]:
    # The id last: chunks that were bought at the same instant have one order in every run.
    return QUALITY_RANKS[chunk.quality_level], chunk.bought_at, chunk.paid_chunk_id


def _painted(lane: _Lane, basic: Sequence[BChunk], paid: Sequence[_Layer]) -> list[_Piece]:
    pieces = []
    for chunk in basic:
        place = lane.locate(chunk.spans)
        if place is not None:
            pieces.append(_Piece(_Layer(chunk, *place), *place))
    for layer in paid:
        pieces = list(_paint(pieces, layer))
    return sorted(pieces, key=lambda piece: piece.start)


def _paint(pieces: Sequence[_Piece], layer: _Layer) -> Iterator[_Piece]:
    """The pieces that remain when a layer is painted over some."""
    hidden = []
    for piece in pieces:
        if piece.end <= layer.start or layer.end <= piece.start:
            yield piece
            continue
        hidden.append(piece.layer)
        if piece.start < layer.start:
            yield piece.cut(piece.start, layer.start)
        if layer.end < piece.end:
            yield piece.cut(layer.end, piece.end)
    # Without repetition: two pieces of one layer may be hidden at once.
    yield _Piece(layer, layer.start, layer.end, tuple(dict.fromkeys(hidden)))


def _chunk_of(
    lane: _Lane,
    kind: ChunkKind,
    piece: _Piece,
    pieces: Sequence[_Piece],
    count_tokens: Callable[[str], int],
) -> BChunk:
    """The chunk that shows a piece."""
    layer = piece.layer
    if isinstance(layer.source, BChunk):
        is_whole = (piece.start, piece.end) == (layer.start, layer.end)
        return layer.source if is_whole else _clipped(lane, layer.source, piece, count_tokens)
    shown = [other for other in pieces if other.layer is layer]
    return _bought(lane, kind, layer.source, piece, shown, count_tokens)


def _clipped(
    lane: _Lane, chunk: BChunk, piece: _Piece, count_tokens: Callable[[str], int]
) -> BChunk:
    """The rest of a basic chunk that is partly covered."""
    spans = lane.spans(piece.start, piece.end)
    content = slice_content(spans, lane.contents)
    speaker, speakers = describe_speakers(spans, lane.messages)
    started_at, ended_at = time_bounds(lane.messages[span.message_id] for span in spans)
    return replace(
        chunk,
        chunk_id=hash_chunk(chunk.conversation_id, spans, content, chunk.segmenter_version),
        content=content,
        spans=spans,
        topics=tuple(lane.topics_within(chunk.topics, piece.start, piece.end)),
        started_at=started_at,
        ended_at=ended_at,
        speaker=speaker,
        speakers=speakers,
        token_count=count_tokens(content),
    )


def _bought(
    lane: _Lane,
    kind: ChunkKind,
    paid: PaidChunk,
    piece: _Piece,
    shown: Sequence[_Piece],
    count_tokens: Callable[[str], int],
) -> BChunk:
    """The chunk of a piece of a paid chunk; `shown` are all its pieces."""
    spans = lane.spans(piece.start, piece.end)
    content = slice_content(spans, lane.contents)
    speaker, speakers = describe_speakers(spans, lane.messages)
    started_at, ended_at = time_bounds(lane.messages[span.message_id] for span in spans)
    topics = [
        TopicBoundary(topic.message_id, topic.start, topic.score, paid.request_id)
        for topic in lane.topics_within(paid.topics, piece.start, piece.end)
    ]
    lengths = [other.end - other.start for other in shown]
    place = list(shown).index(piece)

    def share(amount: int) -> int:
        # Split exactly: the costs of all pieces add up to what was paid for the chunk.
        return split_exactly(amount, lengths)[place]

    return BChunk(
        chunk_id=hash_chunk(paid.conversation_id, spans, content, paid.origin),
        conversation_id=paid.conversation_id,
        day=lane.day.day,
        ordinal=0,
        content=content,
        spans=spans,
        topics=tuple(topics),
        kind=kind,
        started_at=started_at,
        ended_at=ended_at,
        language=paid.language,
        labels=paid.labels,
        entities=paid.entities,
        summary=paid.summary,
        speaker=paid.speaker if paid.speaker in speakers else speaker,
        speakers=speakers,
        token_count=count_tokens(content),
        quality_level=paid.quality_level,
        needs_upgrade=QUALITY_LEVELS[paid.quality_level]["needs_upgrade"],
        confidence=paid.confidence,
        segmenter_version=paid.prompt_version,
        llm_provider=paid.llm_provider,
        llm_used=paid.llm_used,
        request_id=paid.request_id,
        prompt_version=paid.prompt_version,
        tokens_used=share(paid.tokens_used),
        input_tokens=share(paid.input_tokens),
        output_tokens=share(paid.output_tokens),
        cost_usd=to_usd(share(cost_picodollars(paid.cost_usd))),
        processing_time_ms=share(paid.processing_time_ms),
        source_hash=lane.day.content_hash,
        supersedes=tuple(layer.source.chunk_id for layer in piece.beneath),
        created_at=paid.bought_at,
    )
