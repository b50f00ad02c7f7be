"""The plan of an upgrade: which chunks, together in which calls, in which order.

A call has a fixed part that costs as much for one chunk as for ten, and a model that sees a whole stretch of talk finds
its topics better. So neighbouring candidates go together, up to a span's size. Spans are ordered by what they are worth
for the money: how unsure the chunks are that they would replace, per token that is billed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from dreaming.chunk import ChunkId
from dreaming.conversation import ConversationId, stable_hash
from dreaming.upgrading.paid import PaidSlice

SPAN_TOKENS = 3_000
"""How much is shown in one call: long enough that the fixed part hardly counts, short enough to fit any window."""
OVERHEAD_TOKENS = 700
"""What a call costs beside the text: instructions, schema and the frame of the reply."""
OUTPUT_SHARE = 0.25
"""What a reply takes, as a share of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A current chunk that a request could upgrade."""

    chunk_id: ChunkId
    conversation_id: ConversationId
    day: date
    place: int
    """Among the chunks of talk of its conversation-day; neighbours have neighbouring places."""
    tokens: int
    confidence: float
    labels: tuple[str, ...]
    slices: tuple[PaidSlice, ...]


@dataclass(frozen=True, slots=True)
class PlannedSpan:
    """A run of neighbouring candidates that one call re-chunks."""

    conversation_id: ConversationId
    day: date
    slices: tuple[PaidSlice, ...]
    chunks: int
    tokens: int
    worth: float

    @property
    def key(self) -> str:
        """What tells it from others."""
        return stable_hash([[s.message_id, s.start, s.end, s.text_hash] for s in self.slices])


def plan_spans(candidates: Iterable[Candidate], *, limit: int | None = None) -> list[PlannedSpan]:
    """The spans of candidates in the order in which they are bought, with at most `limit` chunks in all."""
    return [_span(group) for group in plan_groups(candidates, limit=limit)]


def plan_groups(candidates: Iterable[Candidate], *, limit: int | None = None) -> list[list[Candidate]]:
    """The candidates of each span, in the order in which they are bought.

    They come in any order; of equal worth, the newest day is first.
    """
    groups = _neighbours(sorted(candidates, key=lambda c: (c.day, c.conversation_id, c.place)))
    ordered = sorted(
        (group for run in groups for group in _packed(run)),
        key=lambda group: (-_worth(group), -group[0].day.toordinal(), group[0].conversation_id, group[0].place),
    )
    planned: list[list[Candidate]] = []
    left = limit
    for group in ordered:
        taken = group if left is None else group[:left]
        if not taken:
            break
        planned.append(taken)
        left = None if left is None else left - len(taken)
    return planned


def billed_tokens(text_tokens: int) -> int:
    """What upgrading so much text is expected to take, in tokens of input and output."""
    return OVERHEAD_TOKENS + round(text_tokens * (1 + OUTPUT_SHARE))


def _neighbours(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    def run(numbered: tuple[int, Candidate]) -> tuple[date, ConversationId, int]:
        number, candidate = numbered
        return candidate.day, candidate.conversation_id, candidate.place - number

    for _, group in groupby(enumerate(candidates), run):
        yield [candidate for _, candidate in group]


def _packed(run: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """A run in spans of about the same size, none larger than a span unless one chunk is."""
    total = sum(candidate.tokens for candidate in run)
    size = total / -(-total // SPAN_TOKENS) if total else SPAN_TOKENS
    group: list[Candidate] = []
    tokens = 0
    for candidate in run:
        if group and (tokens + candidate.tokens > SPAN_TOKENS or tokens >= size):
            yield group
            group, tokens = [], 0
        group.append(candidate)
        tokens += candidate.tokens
    yield group


def _worth(group: Sequence[Candidate]) -> float:
    unsure = sum((1 - candidate.confidence) * candidate.tokens for candidate in group)
    return unsure / billed_tokens(sum(candidate.tokens for candidate in group))


def _span(group: Sequence[Candidate]) -> PlannedSpan:
    slices = tuple(each for candidate in group for each in candidate.slices)
    tokens = sum(candidate.tokens for candidate in group)
    first = group[0]
    return PlannedSpan(first.conversation_id, first.day, slices, len(group), tokens, _worth(group))
