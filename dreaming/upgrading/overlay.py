"""The current chunks of a conversation-day: what was paid for, painted over what is free.

A paid chunk is valid while each of its slices reads as it did and they still follow one another in
their lane. Valid ones paint their ranges, lowest quality first and oldest first within a quality,
so that quality never goes down and the order in which they were bought does not matter. A chunk
that is partly covered keeps its uncovered rest; what nothing covers is basic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from dreaming.chunk import (
    QUALITY_LEVELS,
    QUALITY_RANKS,
    BChunk,
    ChunkId,
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
from dreaming.upgrading.paid import PaidChunk


@dataclass(frozen=True, slots=True)
class _Layer:
    """One chunk's claim on a range of its lane."""

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
        start, end = max(start, self.start), min(end, self.end)
        beneath = tuple(layer for layer in self.beneath if layer.start < end and start < layer.end)
        return _Piece(self.layer, start, end, beneath)


class _Lane:
    """The messages of a lane laid end to end, so that every slice is a range of one line."""

    def __init__(self, day: ConversationDay, messages: Sequence[Message]) -> None:
        self.day = day
        self.messages = {m.id: m for m in messages}
        self.contents = {m.id: m.content for m in messages}
        ends = list(accumulate(len(m.content) for m in messages))
        self.starts: dict[MessageId, int] = {
            m.id: end - len(m.content) for m, end in zip(messages, ends, strict=True)
        }

    def locate(self, spans: Sequence[tuple[MessageId, int, int]]) -> tuple[int, int] | None:
        """The range that spans make up, or None where they do not follow one another."""
        ranges = [(self.starts[m] + start, self.starts[m] + end) for m, start, end in spans]
        unbroken = all(before[1] == after[0] for before, after in pairwise(ranges))
        return (ranges[0][0], ranges[-1][1]) if ranges and unbroken else None

    def spans(self, start: int, end: int) -> tuple[Span, ...]:
        """The spans that a range covers."""
        spans = []
        for message_id, offset in self.starts.items():
            first, last = max(start - offset, 0), min(end - offset, len(self.contents[message_id]))
            if first < last:
                spans.append(Span(message_id, first, last))
        return tuple(spans)

    def holds(self, topic_at: tuple[MessageId, int], start: int, end: int) -> bool:
        """Whether a topic starts within a range."""
        message_id, offset = topic_at
        return message_id in self.starts and start <= self.starts[message_id] + offset < end


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
        paid: what was bought for the conversation and not undone; what is no longer valid is left
            out.
        count_tokens: the tokenizer for pieces that get new bounds.

    """
    if not paid:
        return list(basic)
    rows: list[BChunk] = []
    for kind, messages in lanes(day.messages).items():
        lane = _Lane(day, messages)
        pieces = _painted(lane, [c for c in basic if c.kind == kind], _valid(lane, paid))
        rows += [_row(lane, kind, piece, pieces, count_tokens) for piece in pieces]
    position = {m.id: n for n, m in enumerate(day.messages)}
    rows.sort(key=lambda row: (position[row.spans[0].message_id], row.spans[0].start))
    return [replace(row, ordinal=n) for n, row in enumerate(rows)]


def _valid(lane: _Lane, paid: Sequence[PaidChunk]) -> list[_Layer]:
    layers = []
    for chunk in sorted(
        paid, key=lambda c: (QUALITY_RANKS[c.quality_level], c.bought_at, c.paid_chunk_id)
    ):
        if all(s.still_says(lane.contents) for s in chunk.slices):
            found = lane.locate([(s.message_id, s.start, s.end) for s in chunk.slices])
            if found is not None:
                layers.append(_Layer(chunk, *found))
    return layers


def _painted(lane: _Lane, basic: Sequence[BChunk], paid: Sequence[_Layer]) -> list[_Piece]:
    pieces = []
    for chunk in basic:
        found = lane.locate([(s.message_id, s.start, s.end) for s in chunk.spans])
        if found is not None:
            pieces.append(_Piece(_Layer(chunk, *found), *found))
    for layer in paid:
        pieces = list(_paint(pieces, layer))
    return sorted(pieces, key=lambda piece: piece.start)


def _paint(pieces: Sequence[_Piece], layer: _Layer) -> Iterator[_Piece]:
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
    yield _Piece(layer, layer.start, layer.end, tuple(dict.fromkeys(hidden)))


def _row(
    lane: _Lane,
    kind: ChunkKind,
    piece: _Piece,
    pieces: Sequence[_Piece],
    count_tokens: Callable[[str], int],
) -> BChunk:
    source = piece.layer.source
    whole = (piece.start, piece.end) == (piece.layer.start, piece.layer.end)
    if isinstance(source, BChunk):
        return source if whole else _clipped(lane, source, piece, count_tokens)
    return _bought(
        lane, kind, source, piece, [p for p in pieces if p.layer is piece.layer], count_tokens
    )


def _clipped(
    lane: _Lane, chunk: BChunk, piece: _Piece, count_tokens: Callable[[str], int]
) -> BChunk:
    spans = lane.spans(piece.start, piece.end)
    content = slice_content(spans, lane.contents)
    said = [lane.messages[s.message_id] for s in spans]
    speaker, speakers = describe_speakers(spans, lane.messages)
    started_at, ended_at = time_bounds(said)
    return replace(
        chunk,
        chunk_id=hash_chunk(chunk.conversation_id, spans, content, chunk.segmenter_version),
        content=content,
        spans=spans,
        topics=tuple(
            t for t in chunk.topics if lane.holds((t.message_id, t.start), piece.start, piece.end)
        ),
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
    spans = lane.spans(piece.start, piece.end)
    content = slice_content(spans, lane.contents)
    speaker, speakers = describe_speakers(spans, lane.messages)
    started_at, ended_at = time_bounds(lane.messages[s.message_id] for s in spans)
    lengths, place = [p.end - p.start for p in shown], list(shown).index(piece)

    def share(amount: int) -> int:
        return split_exactly(amount, lengths)[place]

    return BChunk(
        chunk_id=hash_chunk(paid.conversation_id, spans, content, paid.origin),
        conversation_id=paid.conversation_id,
        day=lane.day.day,
        ordinal=0,
        content=content,
        spans=spans,
        topics=tuple(
            TopicBoundary(t.message_id, t.start, t.score, paid.request_id)
            for t in paid.topics
            if lane.holds((t.message_id, t.start), piece.start, piece.end)
        ),
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
        supersedes=tuple(_layer_id(layer) for layer in piece.beneath),
        created_at=paid.bought_at,
    )


def _layer_id(layer: _Layer) -> ChunkId:
    return layer.source.chunk_id
