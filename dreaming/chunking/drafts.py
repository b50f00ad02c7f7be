"""Drafts of chunks: the runs of units that a lane is packed into,
before anything is said of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dreaming.chunk import CONTENT_SEPARATOR, ChunkKind, TopicBoundary
from dreaming.chunking.lane import Lane, Unit, topic_boundaries
from dreaming.chunking.pack import pack_units
from dreaming.chunking.tokens import count_tokens


@dataclass(frozen=True, slots=True)
class Draft:
    """A run of units that will be a chunk."""

    kind: ChunkKind
    units: Sequence[Unit]
    topics: tuple[TopicBoundary, ...]
    """The topics that start within it."""
    confidence: float
    """The probability that both its boundaries are right; a lane's own ends are."""
    content: str
    token_count: int


def cut_lane(lane: Lane, *, origin: str) -> list[Draft]:
    """Pack a lane's topics to size; `origin` goes into their boundaries."""
    measured: dict[tuple[int, int], tuple[str, int]] = {}

    def measure(first: int, last: int) -> int:
        if (first, last) not in measured:
            content = _content(lane.units[first:last])
            measured[first, last] = content, count_tokens(content)
        return measured[first, last][1]

    sizes = [unit.tokens for unit in lane.units]
    pieces = pack_units(sizes, lane.strengths, lane.topics, measure)
    boundaries = dict(zip(lane.topics, topic_boundaries(lane, origin=origin), strict=True))
    chances = [*lane.chances, 1.0]
    drafts = []
    for first, last in pieces:
        measure(first, last)
        topics = tuple(boundaries[index] for index in range(first, last) if index in boundaries)
        drafts.append(
            Draft(
                lane.kind,
                lane.units[first:last],
                topics,
                chances[first] * chances[last],
                *measured[first, last],
            )
        )
    return drafts


def _content(units: Sequence[Unit]) -> str:
    """The text of a run of units as `chunk.slice_content` will slice it."""
    parts = [units[0].text]
    for before, unit in pairwise(units):
        if unit.message is not before.message:
            parts.append(CONTENT_SEPARATOR)
        parts.append(unit.text)
    return "".join(parts)
