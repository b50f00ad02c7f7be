"""A lane of a conversation-day: its messages as units and turns, and where its topics start.

The words of each unit are read once here, and shared by segmentation, labels and summaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from sys import intern
from typing import NamedTuple

from dreaming.chunk import CONTENT_SEPARATOR, ChunkKind, TopicBoundary
from dreaming.chunking.segment import choose_boundaries, compute_log_odds
from dreaming.chunking.segmenter import Segmenter, probabilities, shipped_segmenter
from dreaming.chunking.tokens import count_tokens
from dreaming.chunking.turns import Turn, read_turn
from dreaming.chunking.units import split_units, structure_strength
from dreaming.chunking.words import read_words
from dreaming.conversation import Message

# The probability that a topic starts at the best gap inside a message, times the gap's strength.
# Set by hand: the labelled data have boundaries between messages only.
INSIDE_A_MESSAGE = 0.3


class Unit(NamedTuple):
    """A unit of a lane; a tuple because a long conversation has as many as sentences."""

    message: Message
    start: int
    end: int
    text: str
    words: list[str]
    tokens: int
    """Estimated: its text alone, and the blank line after it where its message ends."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The units of a lane, and for each the gap before it: a place where the lane may be cut."""

    kind: ChunkKind
    units: Sequence[Unit]
    strengths: Sequence[float]
    """How good a place to cut each gap is, 0 to 1.

    Before a message it is the probability that the message starts a topic.
    """
    confidences: Sequence[float]
    """The calibrated probability that a boundary in each gap is right."""
    topics: Sequence[int]
    """The indexes of the units that start a topic, without the first unit."""


def read_lane(
    kind: ChunkKind, messages: Sequence[Message], segmenter: Segmenter | None = None
) -> Lane:
    """Read the units of a lane's messages (none is empty), and find its topics."""
    segmenter = segmenter or shipped_segmenter()
    units_by_message = [_read_units(message) for message in messages]
    log_odds = compute_log_odds(_read_turns(units_by_message), segmenter)
    # The lane's beginning has no log odds: it is a boundary for certain.
    scores = [1.0, *probabilities(log_odds).tolist()]
    message_confidences = [1.0, *segmenter.boundary_confidences(log_odds).tolist()]
    boundaries = frozenset(choose_boundaries(scores))
    units: list[Unit] = []
    strengths: list[float] = []
    confidences: list[float] = []
    topics: list[int] = []
    for index, message_units in enumerate(units_by_message):
        if index in boundaries:
            topics.append(len(units))
        units += message_units
        strengths.append(scores[index])
        confidences.append(message_confidences[index])
        for before, after in pairwise(message_units):
            strength = structure_strength(before.text, after.text)
            strengths.append(strength)
            confidences.append(INSIDE_A_MESSAGE * strength)
    return Lane(kind, units, strengths, confidences, topics)


def read_lane_turns(messages: Sequence[Message]) -> list[Turn]:
    """The turns of a lane's messages (none is empty), the same as `read_lane` reads."""
    return _read_turns([_read_units(message) for message in messages])


def topic_boundaries(lane: Lane, *, origin: str) -> list[TopicBoundary]:
    """The lane's topic boundaries as records, in order, without the lane's beginning."""
    boundaries = []
    for index in lane.topics:
        unit = lane.units[index]
        score = lane.strengths[index]
        boundaries.append(TopicBoundary(unit.message.id, unit.start, score, origin))
    return boundaries


def _read_units(message: Message) -> list[Unit]:
    content = message.content
    offsets = split_units(content)
    if len(offsets) == 1:
        words = read_words(content)
        tokens = count_tokens(content + CONTENT_SEPARATOR)
        return [Unit(message, 0, len(content), content, words, tokens)]
    units = []
    for start, end in offsets:
        text = content[start:end]
        # Units that share a word share one string object. A text without spaces has a bigram for
        # each character, and this saves some 75 bytes a character there.
        words = list(map(intern, read_words(text)))
        stored_text = text + CONTENT_SEPARATOR if end == len(content) else text
        units.append(Unit(message, start, end, text, words, count_tokens(stored_text)))
    return units


def _read_turns(units_by_message: Sequence[Sequence[Unit]]) -> list[Turn]:
    turns: list[Turn] = []
    last_time: datetime | None = None
    for units in units_by_message:
        message = units[0].message
        words = frozenset(chain.from_iterable(unit.words for unit in units))
        silence_hours = _hours(last_time, message.timestamp)
        turns.append(read_turn(message.role, message.content, words, silence_hours))
        # A message without a time does not end the silence: it is measured from the last time.
        last_time = message.timestamp or last_time
    return turns


def _hours(before: datetime | None, after: datetime | None) -> float:
    if before is None or after is None:
        return 0.0
    # Messages out of order have no silence between them, not a negative one.
    return max(0.0, (after - before).total_seconds() / 3600)
