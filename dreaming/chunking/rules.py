"""Basic chunks by rules: the tier that is free, needs no model, and is always there."""

from dataclasses import dataclass
from datetime import datetime

from dreaming.chunk import BChunk, lanes
from dreaming.chunking.describe import describe_draft
from dreaming.chunking.drafts import Draft, cut_lane
from dreaming.chunking.lane import read_lane
from dreaming.chunking.language import detect_language
from dreaming.conversation import ConversationDay

SEGMENTER_VERSION = "rules-1"
"""Goes into every chunk's id: it changes whenever the same conversation may be cut otherwise."""

LANGUAGE_CHARACTERS = 1_000
"""What is read to tell a conversation's language, for its chunks that are too short to tell theirs."""


@dataclass(frozen=True, slots=True)
class RulesChunker:
    """Cuts a conversation-day into basic chunks without a model: the same input gives the same chunks."""

    version: str = SEGMENTER_VERSION

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> list[BChunk]:
        """The basic chunks of a day, in order of where each begins; none where no message has content.

        They satisfy law 1: the spans of each lane's chunks tile its messages. `created_at` is aware.
        """
        drafts = self._cut(day)
        language = _language(day) if len(drafts) > 1 else None
        return [
            describe_draft(draft, day, ordinal=ordinal, language=language, version=self.version, created_at=created_at)
            for ordinal, draft in enumerate(drafts)
        ]

    def _cut(self, day: ConversationDay) -> list[Draft]:
        """The drafts of all lanes, in order of where each begins."""
        drafts: list[Draft] = []
        for kind, messages in lanes(day.messages).items():
            drafts += cut_lane(read_lane(kind, messages), origin=self.version)
        position = {message.id: index for index, message in enumerate(day.messages)}
        return sorted(drafts, key=lambda draft: (position[draft.units[0].message.id], draft.units[0].start))


def _language(day: ConversationDay) -> str:
    """The language of a conversation, from its beginning."""
    parts: list[str] = []
    missing = LANGUAGE_CHARACTERS
    for message in day.messages:
        if missing <= 0:
            break
        parts.append(message.content[:missing])
        missing -= len(parts[-1])
    return detect_language("\n".join(parts))
