"""From a chunk's draft to its record: spans, times, language, labels, entities, summary."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import chain

from dreaming.chunk import BChunk, Span, describe_speakers, hash_chunk, merge_spans
from dreaming.chunking.drafts import ChunkDraft
from dreaming.chunking.entities import find_entities
from dreaming.chunking.labels import LabelsByWord, label_words
from dreaming.chunking.language import detect_language
from dreaming.chunking.summary import summarize
from dreaming.conversation import ConversationDay, Message
from dreaming.days import time_bounds


def describe_draft(
    draft: ChunkDraft,
    day: ConversationDay,
    *,
    ordinal: int,
    language: str | None,
    version: str,
    created_at: datetime,
    labels_by_word: LabelsByWord | None = None,
) -> BChunk:
    """The record of a draft, with every column of a basic chunk.

    `language` is the conversation's, used for a text too short to detect its own; `version` is the
    segmenter's; `labels_by_word` replaces the vocabulary that comes with dreaming.
    """
    messages = {unit.message.id: unit.message for unit in draft.units}
    unit_spans = [Span(unit.message.id, unit.start, unit.end) for unit in draft.units]
    spans = merge_spans(unit_spans)
    word_counts = Counter(chain.from_iterable(unit.words for unit in draft.units))
    speaker_names = _speaker_names(messages.values())
    started_at, ended_at = time_bounds(messages.values())
    speaker, speakers = describe_speakers(spans, messages)
    return BChunk(
        chunk_id=hash_chunk(day.conversation_id, spans, draft.content, version),
        conversation_id=day.conversation_id,
        day=day.day,
        ordinal=ordinal,
        content=draft.content,
        spans=spans,
        topics=draft.topics,
        kind=draft.kind,
        started_at=started_at,
        ended_at=ended_at,
        language=detect_language(draft.content, language),
        labels=label_words(word_counts, labels_by_word),
        entities=find_entities(draft.content, speaker_names),
        summary=summarize(draft.units, word_counts),
        speaker=speaker,
        speakers=speakers,
        token_count=draft.token_count,
        confidence=draft.confidence,
        segmenter_version=version,
        source_hash=day.content_hash,
        created_at=created_at,
    )


def _speaker_names(messages: Iterable[Message]) -> list[str]:
    names = []
    for message in messages:
        # The name of a tool's message is the tool's, which is not an entity of the text.
        is_by_person = message.kind == "text" and message.role != "tool"
        if message.name and is_by_person:
            names.append(message.name)
    return names
