"""What a day holds, counted while it is written: for asset metadata and the command."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dreaming.chunk import QUALITY_LEVELS, BChunk
from dreaming.conversation import ConversationDay

HISTOGRAM_EDGES = (0, 50, 100, 200, 300, 400, 500, 600, 700, 800)
"""Lower bounds of the token histogram's bins; the last one is open. 100 and 800 are the bounds of a
chunk's size.
"""


@dataclass(slots=True)
class RawStatistics:
    """A day of `raw_conversations`."""

    conversations: int = 0
    messages: int = 0
    characters: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    """Conversations that the user had forgotten, or that another source gave already."""

    has_other_sources: bool = False
    """Whether a source besides the archive has a part in the day."""

    def count(self, days: Iterable[ConversationDay]) -> Iterator[ConversationDay]:
        """Count conversation-days as they pass by."""
        for day in days:
            self.conversations += 1
            self.messages += len(day.messages)
            self.characters += sum(len(m.content) for m in day.messages)
            self.sources[day.source] += 1
            self.kinds.update(m.kind for m in day.messages)
            yield day


@dataclass(slots=True)
class ChunkStatistics:
    """A day of `basic_chunks` or `upgraded_chunks`."""

    conversations: int = 0
    conversations_kept: int = 0
    """Conversations whose content had not changed: their chunks were kept as they were."""
    chunks: int = 0
    chunks_kept: int = 0
    """Those of these conversations."""
    characters: int = 0
    tokens: int = 0
    quality: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(QUALITY_LEVELS, 0)))
    languages: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    segmenters: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    """Chunks by the model that cut them; `rules` for none."""
    histogram: Counter[int] = field(default_factory=Counter)
    """Chunks by the lower bound of their bin of tokens (`HISTOGRAM_EDGES`)."""

    def count(self, chunks: Iterable[BChunk]) -> Iterator[BChunk]:
        """Count chunks as they pass by."""
        for chunk in chunks:
            self.chunks += 1
            self.characters += sum(span.end - span.start for span in chunk.spans)
            self.tokens += chunk.token_count
            self.quality[chunk.quality_level] += 1
            self.languages[chunk.language] += 1
            self.labels.update(chunk.labels)
            self.kinds[chunk.kind] += 1
            self.segmenters[chunk.segmenter_version] += 1
            self.models[chunk.llm_used or "rules"] += 1
            self.histogram[max(edge for edge in HISTOGRAM_EDGES if edge <= chunk.token_count)] += 1
            yield chunk

    def add(self, other: "ChunkStatistics") -> None:
        """Add another day's numbers to these."""
        for name in (
            "conversations",
            "conversations_kept",
            "chunks",
            "chunks_kept",
            "characters",
            "tokens",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (
            "quality",
            "languages",
            "labels",
            "kinds",
            "segmenters",
            "models",
            "histogram",
        ):
            getattr(self, name).update(getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "ChunkStatistics":
        """The statistics that were written as JSON."""
        made = cls()
        for name, value in told.items():
            setattr(made, name, Counter(value) if isinstance(value, dict) else value)
        # As keys of an object, numbers are text.
        made.histogram = Counter({int(edge): count for edge, count in made.histogram.items()})
        return made
