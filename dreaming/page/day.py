"""The conversations of a day."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from dreaming.chunk import QUALITY_LEVELS
from dreaming.home import Home
from dreaming.page.addresses import conversation_address
from dreaming.page.talks import neighbours

MOST = 200
"""How many conversations are shown at once."""
LABELS = 5


@dataclass(slots=True)
class Held:
    """A conversation as a day's list shows it."""

    conversation_id: str
    title: str | None
    source: str
    started_at: datetime | None
    address: str
    summary: str = ""
    """Of its first chunk of talk."""
    language: str = ""
    labels: Counter[str] = field(default_factory=Counter)
    quality: Counter[str] = field(default_factory=Counter)

    @property
    def top_labels(self) -> list[str]:
        """Those that most of its chunks have."""
        return [label for label, _ in self.labels.most_common(LABELS)]

    @property
    def levels(self) -> list[tuple[str, int]]:
        """How many chunks of each quality level it has, without levels that it has none of."""
        return [(level, self.quality[level]) for level in QUALITY_LEVELS if self.quality[level]]


@dataclass(frozen=True, slots=True)
class Day:
    """A day as the page shows it."""

    day: date
    conversations: list[Held]
    count: int
    """Of all its conversations."""
    is_waiting: bool
    before: date | None
    after: date | None
    more: str | None


def read_day(home: Home, day: date, *, most: int = MOST) -> Day:
    """The conversations of a day that was published, in the order that they were written."""
    with home.store.open_conversations(day) as raw:
        cells = list(raw.cells("conversation_id", "title", "source", "started_at"))
    held = {
        own_id: _held(own_id, title, source, at, day) for own_id, title, source, at in cells[:most]
    }
    with home.store.open_chunks("upgraded_chunks", day) as chunks:
        for own_id, kind, level, labels, summary, language in chunks.cells(
            "conversation_id", "kind", "quality_level", "labels", "summary", "language"
        ):
            if own_id in held:
                _add(held[own_id], kind, level, labels, summary, language)
    published = sorted(home.index.days())
    before, after = neighbours(sorted({*published, day}), [day])
    more = f"/day/{day}?most={most + MOST}" if len(cells) > most else None
    waiting = day in home.pipeline.waiting_days()
    return Day(day, list(held.values()), len(cells), waiting, before, after, more)


def _held(
    own_id: str, title: str | None, source: str, started_at: datetime | None, day: date
) -> Held:
    return Held(own_id, title, source, started_at, conversation_address(own_id, day=day))


def _add(held: Held, kind: str, level: str, labels: list[str], summary: str, language: str) -> None:
    held.quality[level] += 1
    if kind == "text":
        held.labels.update(labels)
        if not held.summary:
            held.summary, held.language = summary, language
