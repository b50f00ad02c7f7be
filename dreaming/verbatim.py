"""Law 1: the spans of a conversation-day's chunks tile every message exactly once, in order."""

from collections.abc import Sequence

from dreaming.chunk import BChunk, ChunkKind, Span, lanes, merge_spans, slice_content
from dreaming.conversation import ConversationDay
from dreaming.errors import VerbatimError


def prove_verbatim(day: ConversationDay, chunks: Sequence[BChunk]) -> None:
    """Raise `VerbatimError`, naming the place, unless the chunks hold all text exactly once."""
    contents = {m.id: m.content for m in day.messages}
    if len(contents) != len(day.messages):
        raise VerbatimError(f"{_where(day)} has two messages with the same id.")
    told = lanes(day.messages)
    for kind in told.keys() | {chunk.kind for chunk in chunks}:
        of_kind = [chunk for chunk in chunks if chunk.kind == kind]
        expected = [Span(m.id, 0, len(m.content)) for m in told.get(kind, [])]
        _prove_lane(day, kind, expected, of_kind)
        for chunk in of_kind:
            if chunk.content != slice_content(chunk.spans, contents):
                raise VerbatimError(
                    f"Chunk {chunk.chunk_id} of {_where(day)} has content that its spans do not "
                    "give."
                )


def _prove_lane(
    day: ConversationDay, kind: ChunkKind, expected: Sequence[Span], chunks: Sequence[BChunk]
) -> None:
    if any(span.start >= span.end for chunk in chunks for span in chunk.spans):
        raise VerbatimError(f"The {kind} chunks of {_where(day)} have an empty span.")
    tiled = merge_spans([span for chunk in chunks for span in chunk.spans])
    if list(tiled) != list(expected):
        at = next(
            (n for n, (a, b) in enumerate(zip(tiled, expected, strict=False)) if a != b),
            len(expected),
        )
        raise VerbatimError(
            f"The {kind} chunks of {_where(day)} do not tile its messages: at message {at + 1} of "
            f"{len(expected)}."
        )


def _where(day: ConversationDay) -> str:
    return f"conversation {day.conversation_id!r} on {day.day}"
