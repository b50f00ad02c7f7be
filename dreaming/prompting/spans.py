"""A part of a conversation-day that is cut anew, shown with a little of the talk around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from dreaming.chunk import ChunkKind, TopicBoundary, lanes
from dreaming.chunking.lane import Lane, Unit, read_lane
from dreaming.chunking.tokens import count_tokens
from dreaming.chunking.words import read_words
from dreaming.conversation import ConversationDay, MessageId
from dreaming.prompting.chunks import REPLY_SCORE, TopicalDraft, cut_by_topics
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.reply import Topic

SHOWN: ChunkKind = "text"

# Enough to tell whether a topic goes on. The context is paid for with every call.
CONTEXT_TOKENS = 100
"""The most tokens of the units that are shown on each side of a span."""
CONTEXT_CHARACTERS = 300
"""The part of a neighbouring unit that is shown, if the whole unit is too long."""


@dataclass(frozen=True, slots=True)
class ShownSpan:
    """The units of a span, and the units around it that are shown too."""

    excerpt: Excerpt
    lane: Lane
    """The units of the span alone."""
    before: int
    """The number of units of the excerpt before the span."""

    def cut(self, topics: Sequence[Topic], *, origin: str) -> list[TopicalDraft]:
        """The drafts of the span, by the topics of a reply to its excerpt."""
        count = len(self.lane.units)
        inside = []
        for topic in topics:
            # From positions in the excerpt to positions in the span, cut at its ends.
            first = max(topic.first - self.before, 0)
            last = min(topic.last - self.before, count)
            if first < last:
                inside.append(replace(topic, first=first, last=last))
        drafts = cut_by_topics(self.lane, inside, origin=origin)
        begins_with_topic = any(topic.first == self.before for topic in topics)
        if self.before and begins_with_topic:
            # Packing sets no boundary before the first unit, which usually begins the talk. Here
            # the talk began earlier, so the first unit is a true boundary.
            unit = self.lane.units[0]
            boundary = TopicBoundary(unit.message.id, unit.start, REPLY_SCORE, origin)
            draft = drafts[0].draft
            draft = replace(draft, topics=(boundary, *draft.topics))
            drafts[0] = replace(drafts[0], draft=draft)
        return drafts


def show_span(
    day: ConversationDay, slices: Sequence[tuple[MessageId, int, int]]
) -> ShownSpan | None:
    """The span of some slices of a day's talk; None where they do not follow one another in it."""
    messages = lanes(day.messages).get(SHOWN, [])
    # The messages of the talk laid end to end: every slice is a range of one line.
    offsets: dict[MessageId, int] = {}
    position = 0
    for message in messages:
        offsets[message.id] = position
        position += len(message.content)
    ranges = []
    for message_id, start, end in slices:
        # The message was deleted, or is no talk any more.
        if message_id not in offsets:
            return None
        offset = offsets[message_id]
        ranges.append((offset + start, offset + end))
    for (_, end), (next_start, _) in pairwise(ranges):
        if end != next_start:
            return None
    return _show(day, read_lane(SHOWN, messages), offsets, ranges[0][0], ranges[-1][1])


def _show(
    day: ConversationDay, lane: Lane, offsets: dict[MessageId, int], start: int, end: int
) -> ShownSpan:
    """The span of a range of the talk."""
    inside = []
    units = []
    for position, unit in enumerate(lane.units):
        offset = offsets[unit.message.id]
        unit_start = offset + unit.start
        unit_end = offset + unit.end
        if unit_start < end and start < unit_end:
            inside.append(position)
            units.append(_clipped(unit, start - unit_start, unit_end - end))
    # Backwards from the span, so that the nearest units are taken first, and then in order again.
    before = _context(lane.units[: inside[0]][::-1], _end)[::-1]
    after = _context(lane.units[inside[-1] + 1 :], _beginning)
    excerpt = Excerpt(
        conversation_id=day.conversation_id,
        units=[*before, *units, *after],
        day=day.day,
        local_only=day.local_only,
    )
    strengths = [lane.strengths[position] for position in inside]
    return ShownSpan(excerpt, Lane(lane.kind, units, strengths, strengths, ()), len(before))


def _clipped(unit: Unit, front: int, back: int) -> Unit:
    """A unit without some characters in front and at the back; negative numbers cut nothing."""
    # A chunk may have been cut inside a unit by an earlier version of the rules.
    front = max(front, 0)
    back = max(back, 0)
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
    """The units next to a span, or a part of the nearest one if that is long."""
    shown: list[Unit] = []
    tokens = 0
    for unit in units:
        tokens += unit.tokens
        if tokens > CONTEXT_TOKENS:
            break
        shown.append(unit)
    # Something is always shown: without context, no model can tell whether a topic begins where
    # the span does.
    return shown or [part(unit) for unit in units[:1]]


def _beginning(unit: Unit) -> Unit:
    return _clipped(unit, 0, len(unit.text) - CONTEXT_CHARACTERS)


def _end(unit: Unit) -> Unit:
    return _clipped(unit, len(unit.text) - CONTEXT_CHARACTERS, 0)
