"""A conversation-day and two cuts of it, laid beside each other: rows of text, and the chunks that
each is of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from dreaming.chunk import BChunk, ChunkId
from dreaming.conversation import ConversationDay, Message, MessageId

HUES = 6
"""How many colours chunks take in turn."""

Covering = tuple[int, int, BChunk]
"""From where to where in a message, and the chunk that this is of."""


@dataclass(frozen=True, slots=True)
class TopicStart:
    """That a topic starts, and who says so."""

    said_by: str
    score: float


Starts = dict[int, list[TopicStart]]
"""What topics start where in a message."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A slice of a message that no chunk or topic parts."""

    message: Message
    start: int
    end: int
    topics: tuple[TopicStart, ...]

    @property
    def text(self) -> str:
        """What it says."""
        return self.message.content[self.start : self.end]

    @property
    def is_continued(self) -> bool:
        """Whether its message began before."""
        return self.start > 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A chunk beside the rows that are of it, without a break."""

    chunk: BChunk | None
    """None beside what no chunk holds: an empty message."""
    rows: int
    is_continued: bool
    """Whether the chunk began further up, before something of another kind."""
    columns: int = 1
    """2 for a basic chunk that is still current."""

    @property
    def hue(self) -> int:
        """Which colour it has."""
        return -1 if self.chunk is None else self.chunk.ordinal % HUES


@dataclass(frozen=True, slots=True)
class Row:
    """A piece, and the cells that begin beside it; None where one from further up goes on."""

    piece: Piece
    of: BChunk | None
    """The current chunk that it is of."""
    basic: Cell | None
    current: Cell | None

    @property
    def hue(self) -> int:
        """The colour of its current chunk."""
        return -1 if self.of is None else self.of.ordinal % HUES


def align(day: ConversationDay, basic: Sequence[BChunk], current: Sequence[BChunk]) -> list[Row]:
    """The rows of a conversation-day with its basic and its current chunks.

    Chunks that were written while the page was read may not fit the messages: what does not is left
    out.
    """
    coverings = [_coverings(basic), _coverings(current)]
    topics = _topics(basic, current)
    pieces = [
        piece
        for message in day.messages
        for piece in _pieces(message, coverings, topics.get(message.id, {}))
    ]
    left, right = ([_chunk_at(piece, covering) for piece in pieces] for covering in coverings)
    rows = zip(pieces, right, _cells(left), _cells(right), strict=True)
    return [Row(piece, of, *_merged(one, other)) for piece, of, one, other in rows]


def is_compared(basic: Sequence[BChunk], current: Sequence[BChunk]) -> bool:
    """Whether anything current is not basic."""
    return bool({chunk.chunk_id for chunk in current} - {chunk.chunk_id for chunk in basic})


def _coverings(chunks: Sequence[BChunk]) -> dict[MessageId, list[Covering]]:
    found: dict[MessageId, list[Covering]] = {}
    for chunk in chunks:
        for span in chunk.spans:
            found.setdefault(span.message_id, []).append((span.start, span.end, chunk))
    return found


def _topics(*cuts: Sequence[BChunk]) -> dict[MessageId, Starts]:
    """Where topics start in messages, by any cut; what two cuts say alike is told once."""
    found: dict[MessageId, Starts] = {}
    for chunk in (chunk for chunks in cuts for chunk in chunks):
        for topic in chunk.topics:
            here = found.setdefault(topic.message_id, {}).setdefault(topic.start, [])
            start = TopicStart(chunk.llm_used or "rules", topic.score)
            if start not in here:
                here.append(start)
    return found


def _pieces(
    message: Message, coverings: Sequence[dict[MessageId, list[Covering]]], topics: Starts
) -> Iterator[Piece]:
    """The slices of a message, cut where a chunk begins or ends and where a topic starts."""
    length = len(message.content)
    cuts = {0, length, *topics}
    for covering in coverings:
        cuts |= {at for start, end, _ in covering.get(message.id, ()) for at in (start, end)}
    places = sorted(at for at in cuts if 0 <= at <= length)
    for start, end in pairwise(places) if length else [(0, 0)]:
        yield Piece(message, start, end, tuple(topics.get(start, ())))


def _chunk_at(piece: Piece, coverings: dict[MessageId, list[Covering]]) -> BChunk | None:
    here = coverings.get(piece.message.id, ())
    return next((chunk for start, end, chunk in here if start <= piece.start < end), None)


def _cells(chunks: Sequence[BChunk | None]) -> Iterator[Cell | None]:
    """A cell for each run of rows of one chunk, and None for each further row of it."""
    seen: set[ChunkId | None] = set()
    for own_id, run in groupby(chunks, key=_id):
        of = list(run)
        yield Cell(of[0], len(of), is_continued=own_id in seen)
        yield from [None] * (len(of) - 1)
        seen.add(own_id)


def _id(chunk: BChunk | None) -> ChunkId | None:
    return None if chunk is None else chunk.chunk_id


def _merged(basic: Cell | None, current: Cell | None) -> tuple[Cell | None, Cell | None]:
    """One cell over both columns where the basic chunk is the current one."""
    if basic is None or current is None or basic.chunk is None or current.chunk is None:
        return basic, current
    if basic.chunk.chunk_id != current.chunk.chunk_id or basic.rows != current.rows:
        return basic, current
    return None, Cell(current.chunk, current.rows, current.is_continued, columns=2)
