"""Basic chunks by rules: the tier that is free, needs no model, and is always there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dreaming.chunk import BChunk, ChunkKind, lanes
from dreaming.chunking.describe import describe_draft
from dreaming.chunking.drafts import Draft, cut_lane
from dreaming.chunking.labels import LabelsByWord, shipped_labels
from dreaming.chunking.lane import read_lane
from dreaming.chunking.language import detect_language
from dreaming.chunking.segmenter import Segmenter, shipped_segmenter
from dreaming.conversation import ConversationDay

LANGUAGE_CHARACTERS = 1_000
"""What is read to tell a conversation's language, for its chunks that are too short to tell theirs.
"""


@dataclass(frozen=True, slots=True)
class RulesChunker:
    """Cuts a conversation-day into basic chunks without a model: the same input gives the same
    chunks.
    """

    segmenter: Segmenter = field(default_factory=shipped_segmenter)
    labels_by_word: LabelsByWord = field(default_factory=shipped_labels)

    @property
    def version(self) -> str:
        """Goes into every chunk's id: it changes whenever the same conversation may be cut
        otherwise.
        """
        return self.segmenter.version

    def stands(self, chunks: Sequence[BChunk]) -> bool:
        """Whether chunks of an unchanged conversation may stay: none was cut by other rules. A
        model's may.
        """
        return all(
            is_of_model(chunk) or chunk.segmenter_version == self.version for chunk in chunks
        )

    def prepare(self, days: Iterable[ConversationDay]) -> None:
        """Nothing: what is cut by rules is cut at once."""

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> list[BChunk]:
        """The basic chunks of a day, in order of where each begins; none where no message has
        content.

        They satisfy law 1: the spans of each lane's chunks tile its messages. `created_at` is
        aware.
        """
        drafts = in_order(
            day, [draft for kind in lanes(day.messages) for draft in self.cut(day, kind)]
        )
        language = told_language(day) if len(drafts) > 1 else None
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

    def cut(self, day: ConversationDay, kind: ChunkKind) -> list[Draft]:
        """The drafts of one lane."""
        return cut_lane(
            read_lane(kind, lanes(day.messages)[kind], self.segmenter), origin=self.version
        )


def is_of_model(chunk: BChunk) -> bool:
    """Whether a model cut it, not rules."""
    return chunk.llm_used is not None


def in_order(day: ConversationDay, drafts: Iterable[Draft]) -> list[Draft]:
    """The drafts of all lanes, in order of where each begins."""
    position = {message.id: index for index, message in enumerate(day.messages)}
    return sorted(
        drafts, key=lambda draft: (position[draft.units[0].message.id], draft.units[0].start)
    )


def told_language(day: ConversationDay) -> str:
    """The language of a conversation, from its beginning."""
    parts: list[str] = []
    missing = LANGUAGE_CHARACTERS
    for message in day.messages:
        if missing <= 0:
            break
        parts.append(message.content[:missing])
        missing -= len(parts[-1])
    return detect_language("\n".join(parts))
