"""A part of a conversation-day that is cut anew, shown with a little of what stands around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from dreaming.chunk import ChunkKind, TopicBoundary, lanes
from dreaming.chunking.lane import Lane, Unit, read_lane
from dreaming.chunking.tokens import count_tokens
from dreaming.chunking.words import read_words
from dreaming.conversation import ConversationDay, MessageId
from dreaming.prompting.chunks import REPLY_SCORE, TopicalDraft, cut_by_topics
from dreaming.prompting.passage import Passage
from dreaming.prompting.reply import Topic

SHOWN: ChunkKind = "text"
CONTEXT_TOKENS = 100
"""What is shown of the talk before and after, about: enough to tell whether a topic goes on."""
CONTEXT_CHARACTERS = 300
"""What is shown of a unit that is longer."""


@dataclass(frozen=True, slots=True)
class ShownSpan:
    """The units of a span, and those around it that are shown too."""

    passage: Passage
    lane: Lane
    """Of the span alone."""
    before: int
    """How many units of the passage stand before the span."""

    def cut(self, topics: Sequence[Topic], *, origin: str) -> list[TopicalDraft]:
        """The drafts of the span, by the topics of a reply to its passage."""
        last = len(self.lane.units)
        inside = [
            replace(
                topic,
                first=max(topic.first - self.before, 0),
                last=min(topic.last - self.before, last),
            )
            for topic in topics
            if topic.last > self.before and topic.first - self.before < last
        ]
        drafts = cut_by_topics(self.lane, inside, origin=origin)
        if self.before and any(topic.first == self.before for topic in topics):
            # The span begins in the middle of the talk, and a topic begins with it.
            unit, draft = self.lane.units[0], drafts[0].draft
            boundary = TopicBoundary(unit.message.id, unit.start, REPLY_SCORE, origin)
            drafts[0] = replace(drafts[0], draft=replace(draft, topics=(boundary, *draft.topics)))
        return drafts


def show_span(
    day: ConversationDay, slices: Sequence[tuple[MessageId, int, int]]
) -> ShownSpan | None:
    """The span of some slices of the talk of a day; None where they do not follow one another in
    it.
    """
    messages = lanes(day.messages).get(SHOWN, [])
    ends = list(accumulate(len(message.content) for message in messages))
    offsets = {m.id: end - len(m.content) for m, end in zip(messages, ends, strict=True)}
    ranges = [(offsets[m] + start, offsets[m] + end) for m, start, end in slices if m in offsets]
    if len(ranges) < len(slices) or any(a[1] != b[0] for a, b in pairwise(ranges)):
        return None
    return _show(day, read_lane(SHOWN, messages), offsets, ranges[0][0], ranges[-1][1])


def _show(
    day: ConversationDay, lane: Lane, offsets: dict[MessageId, int], start: int, end: int
) -> ShownSpan:
    places = [
        (offsets[unit.message.id] + unit.start, offsets[unit.message.id] + unit.end)
        for unit in lane.units
    ]
    inside = [n for n, (begins, ends) in enumerate(places) if begins < end and start < ends]
    units = [_clipped(lane.units[n], start - places[n][0], places[n][1] - end) for n in inside]
    before = _context(lane.units[: inside[0]][::-1], _end)[::-1]
    after = _context(lane.units[inside[-1] + 1 :], _beginning)
    passage = Passage(
        conversation_id=day.conversation_id,
        units=[*before, *units, *after],
        day=day.day,
        local_only=day.local_only,
    )
    strengths = [lane.strengths[n] for n in inside]
    return ShownSpan(passage, Lane(lane.kind, units, strengths, strengths, ()), len(before))


def _clipped(unit: Unit, front: int, back: int) -> Unit:
    """What of a unit lies within: a chunk may have been cut inside one by an earlier version."""
    front, back = max(front, 0), max(back, 0)
    if not front and not back:
        return unit
    text = unit.text[front : len(unit.text) - back]
    return Unit(
        unit.message,
        unit.start + front,
        unit.end - back,
        text,
        read_words(text),
        count_tokens(text),
    )


def _context(units: Sequence[Unit], part: Callable[[Unit], Unit]) -> list[Unit]:
    """The units next to a span, or a part of the nearest where that is long.

    Without any, nobody could tell whether a topic begins where the span does.
    """
    shown: list[Unit] = []
    for unit in units:
        if sum(each.tokens for each in shown) + unit.tokens > CONTEXT_TOKENS:
            break
        shown.append(unit)
    return shown or [part(unit) for unit in units[:1]]


def _beginning(unit: Unit) -> Unit:
    return _clipped(unit, 0, len(unit.text) - CONTEXT_CHARACTERS)


def _end(unit: Unit) -> Unit:
    return _clipped(unit, len(unit.text) - CONTEXT_CHARACTERS, 0)
