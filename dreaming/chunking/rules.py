"""Basic chunks by rules: the tier that is free and needs no model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dreaming.chunk import BChunk, ChunkKind, lanes
from dreaming.chunking.describe import describe_draft
from dreaming.chunking.drafts import ChunkDraft, cut_lane
from dreaming.chunking.labels import LabelsByWord, shipped_labels
from dreaming.chunking.lane import read_lane
from dreaming.chunking.language import detect_language
from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.conversation import ConversationDay

# Characters read to detect a conversation's language, which is used for chunks too short to detect
# their own. It is read for each conversation-day of more than one chunk, so a larger value costs
# time.
LANGUAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class RulesChunker:
    """Cuts a conversation-day into basic chunks; the same input always gives the same chunks."""

    segmenter: Segmenter = field(default_factory=shipped_segmenter)
    labels_by_word: LabelsByWord = field(default_factory=shipped_labels)

    @property
    def version(self) -> str:
        """The segmenter's version, a part of every chunk's id.

        It changes whenever the same conversation may be cut in a different way.
        """
        return self.segmenter.version

    def may_keep(self, chunks: Sequence[BChunk]) -> bool:
        """Whether the chunks of an unchanged conversation may be kept.

        They may where this version or a model cut each of them.
        """
        return all(
            was_cut_by_model(chunk) or chunk.segmenter_version == self.version for chunk in chunks
        )

    def prepare(self, days: Iterable[ConversationDay]) -> None:
        """Do nothing: rules need no model to be called before a day is chunked."""

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> list[BChunk]:
        """The basic chunks of a day in order of their beginnings; empty if no message has content.

        They satisfy law 1: the spans of each lane's chunks tile its messages. `created_at` has a
        time zone.
        """
        drafts: list[ChunkDraft] = []
        for kind in lanes(day.messages):
            drafts += self.cut(day, kind)
        drafts = sort_drafts(day, drafts)
        # A single chunk is the whole conversation: detecting both languages would read it twice.
        language = conversation_language(day) if len(drafts) > 1 else None
        return [
            describe_draft(
                draft,
                day,
                ordinal=ordinal,
                language=language,
                version=self.version,
                created_at=created_at,
                labels_by_word=self.labels_by_word,
            )
            for ordinal, draft in enumerate(drafts)
        ]

    def cut(self, day: ConversationDay, kind: ChunkKind) -> list[ChunkDraft]:
        """The drafts of one lane."""
        lane = read_lane(kind, lanes(day.messages)[kind], self.segmenter)
        return cut_lane(lane, origin=self.version)


def was_cut_by_model(chunk: BChunk) -> bool:
    """Whether a model cut the chunk, not rules."""
    return chunk.llm_used is not None


def sort_drafts(day: ConversationDay, drafts: Iterable[ChunkDraft]) -> list[ChunkDraft]:
    """The drafts of all lanes, in order of where each begins."""
    position = {message.id: index for index, message in enumerate(day.messages)}

    def beginning(draft: ChunkDraft) -> tuple[int, int]:
        first_unit = draft.units[0]
        return position[first_unit.message.id], first_unit.start

    return sorted(drafts, key=beginning)


def conversation_language(day: ConversationDay) -> str:
    """The language of a conversation, detected from its beginning."""
    parts: list[str] = []
    remaining = LANGUAGE_CHARACTERS
    for message in day.messages:
        if remaining <= 0:
            break
        part = message.content[:remaining]
        parts.append(part)
        remaining -= len(part)
    return detect_language("\n".join(parts))
