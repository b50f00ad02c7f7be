"""A lane of a conversation-day: its messages as units and turns, and the topics that start in it.

What each unit says is read once here, and shared by segmentation, labels and summaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from sys import intern
from typing import NamedTuple

from dreaming.chunk import CONTENT_SEPARATOR, ChunkKind, TopicBoundary
from dreaming.chunking.segment import choose_boundaries, read_evidence
from dreaming.chunking.segmenter import Segmenter, probabilities, shipped_segmenter
from dreaming.chunking.tokens import count_tokens
from dreaming.chunking.turns import Turn, read_turn
from dreaming.chunking.units import split_units, structure_strength
from dreaming.chunking.words import read_words
from dreaming.conversation import Message

INSIDE_A_MESSAGE = 0.3
"""How likely it is that a topic starts where a message parts best, in itself: set by hand, no set
tells.
"""


class Unit(NamedTuple):
    """A unit of a lane, and what is known of it; a tuple because there are as many as sentences."""

    message: Message
    start: int
    end: int
    text: str
    words: list[str]
    tokens: int
    """Estimated: of its text, and of the blank line after it where its message ends."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The units of a lane, and how willingly it parts before each."""

    kind: ChunkKind
    units: Sequence[Unit]
    strengths: Sequence[float]
    """Of the gap before each unit, 0 to 1: before a message the probability that it starts a topic.
    """
    chances: Sequence[float]
    """Of the gap before each unit: the calibrated probability that a boundary there is right."""
    topics: Sequence[int]
    """The units that start a topic; the first unit is not told."""


def read_lane(
    kind: ChunkKind, messages: Sequence[Message], segmenter: Segmenter | None = None
) -> Lane:
    """Read the units of a lane's messages (which have content), and find its topics."""
    segmenter = segmenter or shipped_segmenter()
    by_message = [_read_units(message) for message in messages]
    evidence = read_evidence(_read_turns(by_message), segmenter)
    scores = [1.0, *probabilities(evidence).tolist()]
    chances_before = [1.0, *segmenter.chances(evidence).tolist()]
    boundaries = frozenset(choose_boundaries(scores))
    units: list[Unit] = []
    strengths: list[float] = []
    chances: list[float] = []
    topics: list[int] = []
    for index, own in enumerate(by_message):
        if index in boundaries:
            topics.append(len(units))
        units += own
        inside = [structure_strength(before.text, after.text) for before, after in pairwise(own)]
        strengths += [scores[index], *inside]
        chances += [chances_before[index], *(INSIDE_A_MESSAGE * strength for strength in inside)]
    return Lane(kind, units, strengths, chances, topics)


def read_lane_turns(messages: Sequence[Message]) -> list[Turn]:
    """The turns of a lane's messages (which have content), as its topics are found from."""
    return _read_turns([_read_units(message) for message in messages])


def topic_boundaries(lane: Lane, *, origin: str) -> list[TopicBoundary]:
    """The lane's topic boundaries as records, in order; where the lane itself begins is none."""
    return [
        TopicBoundary(
            lane.units[index].message.id, lane.units[index].start, lane.strengths[index], origin
        )
        for index in lane.topics
    ]


def _read_units(message: Message) -> list[Unit]:
    content = message.content
    offsets = split_units(content)
    if len(offsets) == 1:
        return [
            Unit(
                message,
                0,
                len(content),
                content,
                read_words(content),
                count_tokens(content + CONTENT_SEPARATOR),
            )
        ]
    units = []
    for start, end in offsets:
        text = content[start:end]
        # A word is one object in all units: without spaces, that saves some 75 bytes a character.
        words = list(map(intern, read_words(text)))
        tokens = count_tokens(text + CONTENT_SEPARATOR if end == len(content) else text)
        units.append(Unit(message, start, end, text, words, tokens))
    return units


def _read_turns(by_message: Sequence[Sequence[Unit]]) -> list[Turn]:
    turns: list[Turn] = []
    last_said: datetime | None = None
    for units in by_message:
        message = units[0].message
        words = frozenset(chain.from_iterable(unit.words for unit in units))
        turns.append(
            read_turn(message.role, message.content, words, _hours(last_said, message.timestamp))
        )
        last_said = message.timestamp or last_said
    return turns


def _hours(before: datetime | None, after: datetime | None) -> float:
    if before is None or after is None:
        return 0.0
    return max(0.0, (after - before).total_seconds() / 3600)
