"""Drafts of chunks: a lane packed into runs of units, not described yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dreaming.chunk import CONTENT_SEPARATOR, ChunkKind, TopicBoundary
from dreaming.chunking.lane import Lane, Unit, topic_boundaries
from dreaming.chunking.pack import pack_units
from dreaming.chunking.tokens import count_tokens


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """A run of units that will be a chunk."""

    kind: ChunkKind
    units: Sequence[Unit]
    topics: tuple[TopicBoundary, ...]
    """The topic boundaries within it."""
    confidence: float
    """The probability that both its ends are right; the ends of the lane are certain."""
    content: str
    token_count: int


def cut_lane(lane: Lane, *, origin: str) -> list[ChunkDraft]:
    """Pack a lane's topics to size; `origin` is recorded in their boundaries."""
    # Packing measures the same range more than once; its text is needed again for the draft.
    measured: dict[tuple[int, int], tuple[str, int]] = {}

    def measure(first: int, last: int) -> int:
        unit_range = first, last
        if unit_range not in measured:
            content = _content(lane.units[first:last])
            measured[unit_range] = content, count_tokens(content)
        _, tokens = measured[unit_range]
        return tokens

    sizes = [unit.tokens for unit in lane.units]
    ranges = pack_units(sizes, lane.strengths, lane.topics, measure)
    records = topic_boundaries(lane, origin=origin)
    boundaries = dict(zip(lane.topics, records, strict=True))
    confidences = [*lane.confidences, 1.0]
    drafts = []
    for first, last in ranges:
        # A range that was packed by estimates alone is not measured yet.
        measure(first, last)
        content, tokens = measured[first, last]
        draft = ChunkDraft(
            kind=lane.kind,
            units=lane.units[first:last],
            topics=tuple(boundaries[index] for index in range(first, last) if index in boundaries),
            confidence=confidences[first] * confidences[last],
            content=content,
            token_count=tokens,
        )
        drafts.append(draft)
    return drafts


def _content(units: Sequence[Unit]) -> str:
    """The text of a run of units, the same as `chunk.slice_content` slices from its spans."""
    parts = [units[0].text]
    for before, unit in pairwise(units):
        if unit.message is not before.message:
            parts.append(CONTENT_SEPARATOR)
        parts.append(unit.text)
    return "".join(parts)
