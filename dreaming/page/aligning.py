"""A conversation-day beside its basic and its current chunks, row by row.

Messages are sliced into pieces wherever a chunk begins or ends, in either cut, and wherever a topic
starts. A row is one piece; a chunk is a cell that extends over all consecutive rows of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from dreaming.chunk import BChunk, ChunkId
from dreaming.conversation import ConversationDay, Message, MessageId

HUES = 6
"""How many colours chunks take in turn."""

ChunkSpan = tuple[int, int, BChunk]
"""Start and end in a message, and the chunk that has this span."""


@dataclass(frozen=True, slots=True)
class TopicStart:
    """The start of a topic."""

    origin: str
    """The model that placed it, or "rules"."""
    score: float


TopicStarts = dict[int, list[TopicStart]]
"""The topics of a message by their positions."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice of a message in which no chunk begins or ends and no topic starts."""

    message: Message
    start: int
    end: int
    topics: tuple[TopicStart, ...]

    @property
    def text(self) -> str:
        """Its text."""
        return self.message.content[self.start : self.end]

    @property
    def is_continued(self) -> bool:
        """Whether its message began in an earlier piece."""
        return self.start > 0


@dataclass(frozen=True, slots=True)
class ChunkCell:
    """A chunk beside consecutive rows of it."""

    chunk: BChunk | None
    """None beside an empty message, which is in no chunk."""
    rows: int
    is_continued: bool
    """Whether the chunk began further up, before rows of another chunk."""
    columns: int = 1
    """2 for a basic chunk that is still current."""

    @property
    def hue(self) -> int:
        """The number of its colour; -1 without a chunk."""
        return _hue(self.chunk)


@dataclass(frozen=True, slots=True)
class AlignedRow:
    """A piece, and the cells that begin beside it; None where one from further up goes on."""

    piece: Piece
    of: BChunk | None
    """The current chunk that holds the piece."""
    basic: ChunkCell | None
    current: ChunkCell | None

    @property
    def hue(self) -> int:
        """The number of its current chunk's colour; -1 without a chunk."""
        return _hue(self.of)


def _hue(chunk: BChunk | None) -> int:
    return -1 if chunk is None else chunk.ordinal % HUES


def align(
    day: ConversationDay, basic: Sequence[BChunk], current: Sequence[BChunk]
) -> list[AlignedRow]:
    """The rows of a conversation-day with its basic and its current chunks.

    Chunks that were written while the page was read may not fit the messages: spans and topics
    outside a message are left out.
    """
    basic_spans = _spans_by_message(basic)
    current_spans = _spans_by_message(current)
    topics = _topics_by_message(basic, current)
    pieces: list[Piece] = []
    for message in day.messages:
        spans = [*basic_spans.get(message.id, ()), *current_spans.get(message.id, ())]
        pieces += _pieces(message, spans, topics.get(message.id, {}))
    basic_chunks = [_chunk_at(piece, basic_spans) for piece in pieces]
    current_chunks = [_chunk_at(piece, current_spans) for piece in pieces]
    rows: list[AlignedRow] = []
    columns = zip(pieces, current_chunks, _cells(basic_chunks), _cells(current_chunks), strict=True)
    for piece, chunk, basic_cell, current_cell in columns:
        rows.append(AlignedRow(piece, chunk, *_merged(basic_cell, current_cell)))
    return rows


def is_compared(basic: Sequence[BChunk], current: Sequence[BChunk]) -> bool:
    """Whether any current chunk is not a basic one."""
    basic_ids = {chunk.chunk_id for chunk in basic}
    return any(chunk.chunk_id not in basic_ids for chunk in current)


def _spans_by_message(chunks: Sequence[BChunk]) -> dict[MessageId, list[ChunkSpan]]:
    spans: dict[MessageId, list[ChunkSpan]] = {}
    for chunk in chunks:
        for span in chunk.spans:
            spans.setdefault(span.message_id, []).append((span.start, span.end, chunk))
    return spans


def _topics_by_message(
    basic: Sequence[BChunk], current: Sequence[BChunk]
) -> dict[MessageId, TopicStarts]:
    """The starts of topics in messages, by both cuts; equal starts of the two count once."""
    topics: dict[MessageId, TopicStarts] = {}
    for chunk in (*basic, *current):
        for boundary in chunk.topics:
            message_topics = topics.setdefault(boundary.message_id, {})
            starts = message_topics.setdefault(boundary.start, [])
            start = TopicStart(chunk.llm_used or "rules", boundary.score)
            if start not in starts:
                starts.append(start)
    return topics


def _pieces(message: Message, spans: Sequence[ChunkSpan], topics: TopicStarts) -> Iterator[Piece]:
    """The slices of a message, cut where a chunk begins or ends and where a topic starts."""
    length = len(message.content)
    if length == 0:
        # No pair of places cuts it, but the page shows it all the same.
        yield Piece(message, 0, 0, tuple(topics.get(0, ())))
        return
    places = {0, length, *topics}
    for start, end, _ in spans:
        places |= {start, end}
    for start, end in pairwise(sorted(places)):
        if start >= 0 and end <= length:
            yield Piece(message, start, end, tuple(topics.get(start, ())))


def _chunk_at(piece: Piece, spans: dict[MessageId, list[ChunkSpan]]) -> BChunk | None:
    for start, end, chunk in spans.get(piece.message.id, ()):
        if start <= piece.start < end:
            return chunk
    return None


def _cells(chunks: Sequence[BChunk | None]) -> Iterator[ChunkCell | None]:
    """A cell for each run of rows of one chunk, and None for each further row of it."""
    # A chunk may have several runs: a tool's output, in a chunk of its own, interrupts it.
    seen: set[ChunkId | None] = set()
    for chunk_id, run in groupby(chunks, key=_id):
        run_chunks = list(run)
        rows = len(run_chunks)
        yield ChunkCell(run_chunks[0], rows, is_continued=chunk_id in seen)
        yield from [None] * (rows - 1)
        seen.add(chunk_id)


def _id(chunk: BChunk | None) -> ChunkId | None:
    return None if chunk is None else chunk.chunk_id


def _merged(
    basic: ChunkCell | None, current: ChunkCell | None
) -> tuple[ChunkCell | None, ChunkCell | None]:
    """One cell over both columns where the basic chunk is the current one."""
    if basic is None or current is None or basic.chunk is None or current.chunk is None:
        return basic, current
    if basic.chunk.chunk_id != current.chunk.chunk_id or basic.rows != current.rows:
        return basic, current
    return None, ChunkCell(current.chunk, current.rows, current.is_continued, columns=2)
