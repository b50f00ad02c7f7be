"""From a model's topics to chunks: packed like any others, sliced from the source, described by the
reply.

What a reply describes is a topic, and a chunk may hold several short ones or a part of a long one:
the labels and entities of a chunk are those of its topics. Its summary is that of a topic only
where the two are mostly the same text and the summary is in the chunk's language; else it is a
sentence of the chunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dreaming.chunk import BChunk
from dreaming.chunking.describe import describe_draft
from dreaming.chunking.drafts import ChunkDraft, cut_lane
from dreaming.chunking.lane import Lane
from dreaming.chunking.language import detect_language
from dreaming.conversation import ConversationDay
from dreaming.prompting.cleaning import clean_entities, clean_labels
from dreaming.prompting.reply import Topic

REPLY_SCORE = 0.9
"""The score of a topic boundary from a reply, whose true precision is not measured."""

# Less than 1, so that a chunk is cut between topics rather than within one.
_OTHER_GAPS = 0.5
"""The factor on the strength of a gap within a topic."""

# Where chunk and topic share less, the topic's summary describes mostly other text.
_MOSTLY = 0.5
"""The part of both a chunk and a topic that they must share for the topic's summary."""

# By their script it is evident whether a text is in one of these languages.
_OWN_SCRIPTS = frozenset({"zh", "ja", "ko"})


@dataclass(frozen=True, slots=True)
class Part:
    """The text that a draft and a topic share."""

    topic: Topic
    of_topic: float
    """The share of the topic's tokens."""
    of_draft: float
    """The share of the draft's tokens."""


@dataclass(frozen=True, slots=True)
class TopicalDraft:
    """A draft, and its parts of topics, the largest first."""

    draft: ChunkDraft
    parts: Sequence[Part]


def cut_by_topics(lane: Lane, topics: Sequence[Topic], *, origin: str) -> list[TopicalDraft]:
    """Pack a lane's units into drafts that keep a reply's topics together where they can.

    `topics` tile the lane's units; `origin` goes into their boundaries.
    """
    starts = [topic.first for topic in topics if topic.first > 0]
    strengths = [strength * _OTHER_GAPS for strength in lane.strengths]
    strengths[0] = 1.0
    for start in starts:
        strengths[start] = REPLY_SCORE
    topical_lane = Lane(lane.kind, lane.units, strengths, strengths, starts)
    drafts: list[TopicalDraft] = []
    first = 0
    for draft in cut_lane(topical_lane, origin=origin):
        last = first + len(draft.units)
        drafts.append(TopicalDraft(draft, _parts(lane, topics, first, last)))
        first = last
    return drafts


def describe_by_topics(
    cut: TopicalDraft,
    day: ConversationDay,
    *,
    ordinal: int,
    language: str | None,
    version: str,
    created_at: datetime,
) -> BChunk:
    """The record of a draft, described by the reply; what the
    reply left out is told by the rules.
    """
    chunk = describe_draft(
        cut.draft, day, ordinal=ordinal, language=language, version=version, created_at=created_at
    )
    labels: list[str] = []
    entities: list[str] = []
    # The largest part comes first, so its labels and entities stay where there are too many.
    for part in cut.parts:
        labels += part.topic.labels
        entities += part.topic.entities
    speakers = [unit.message.name for unit in cut.draft.units if unit.message.name]
    searched = "\n".join([chunk.content, *speakers])
    largest = cut.parts[0]
    # The rules detect the language from the text itself; the reply is asked only where they fail.
    reply_language = largest.topic.language
    return replace(
        chunk,
        language=reply_language if chunk.language == "und" else chunk.language,
        labels=clean_labels(labels) or chunk.labels,
        entities=clean_entities(entities, searched) or chunk.entities,
        summary=_summary(largest, chunk.language) or chunk.summary,
    )


def _parts(lane: Lane, topics: Sequence[Topic], first: int, last: int) -> list[Part]:
    whole = _tokens(lane, first, last)
    parts = []
    for topic in topics:
        shared = _tokens(lane, max(first, topic.first), min(last, topic.last))
        if shared:
            of_topic = shared / _tokens(lane, topic.first, topic.last)
            parts.append(Part(topic, of_topic, shared / whole))
    return sorted(parts, key=lambda part: -part.of_draft)


def _tokens(lane: Lane, first: int, last: int) -> int:
    # At least one a unit: a unit without tokens is still a part of its topic.
    return sum(max(unit.tokens, 1) for unit in lane.units[first:last])


def _summary(largest: Part, language: str) -> str:
    """The summary of a draft's largest topic; empty if it does not describe the draft."""
    summary = largest.topic.summary
    shared = min(largest.of_topic, largest.of_draft)
    is_valid = shared > _MOSTLY and _in_language(summary, language)
    return summary if is_valid else ""


def _in_language(summary: str, language: str) -> bool:
    """Whether a summary is in the chunk's language, as far as its script shows."""
    # Models like to answer in English. Languages of one script are not told apart in a sentence
    # reliably, so only a different script counts.
    detected = detect_language(summary, language)
    if detected in (language, "mixed"):
        return True
    return detected not in _OWN_SCRIPTS and language not in _OWN_SCRIPTS
