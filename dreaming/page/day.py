"""The conversations of a day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from dreaming.chunk import QUALITY_LEVELS
from dreaming.home import Home
from dreaming.page.addresses import conversation_address
from dreaming.page.conversation import neighbours

PAGE_SIZE = 200
"""How many conversations are shown at once, and how many more each further time."""
SHOWN_LABELS = 5


@dataclass(slots=True)
class ListedConversation:
    """A conversation as a day's list shows it."""

    conversation_id: str
    title: str | None
    source: str
    started_at: datetime | None
    address: str
    summary: str = ""
    """The summary of its first chunk of kind text."""
    language: str = ""
    labels: Counter[str] = field(default_factory=Counter)
    quality: Counter[str] = field(default_factory=Counter)

    @property
    def top_labels(self) -> list[str]:
        """The labels that most of its chunks have."""
        return [label for label, _ in self.labels.most_common(SHOWN_LABELS)]

    @property
    def levels(self) -> list[tuple[str, int]]:
        """The count of its chunks of each quality level, without levels that it does not have."""
        return [(level, self.quality[level]) for level in QUALITY_LEVELS if self.quality[level]]

    def add_chunk(
        self, kind: str, level: str, labels: list[str], summary: str, language: str
    ) -> None:
        """Count one of its chunks; they come in order."""
        self.quality[level] += 1
        # Labels and summaries of a tool's output do not say what the conversation is about.
        if kind != "text":
            return
        self.labels.update(labels)
        if not self.summary:
            self.summary = summary
            self.language = language


@dataclass(frozen=True, slots=True)
class DayListing:
    """A day as the page shows it."""

    day: date
    conversations: list[ListedConversation]
    count: int
    """Of all conversations of the day, shown or not."""
    is_waiting: bool
    before: date | None
    after: date | None
    more: str | None
    """The address of a longer list; None where all are shown."""


def read_day(home: Home, day: date, *, most: int = PAGE_SIZE) -> DayListing:
    """The first `most` conversations of a published day, in stored order."""
    with home.store.open_conversations(day) as raw:
        rows = list(raw.cells("conversation_id", "title", "source", "started_at"))
    listed: dict[str, ListedConversation] = {}
    for conversation_id, title, source, started_at in rows[:most]:
        address = conversation_address(conversation_id, day=day)
        listed[conversation_id] = ListedConversation(
            conversation_id, title, source, started_at, address
        )
    _add_chunks(home, day, listed)
    # The day itself may not be published, and has neighbours all the same.
    days = sorted({*home.index.days(), day})
    before, after = neighbours(days, [day])
    more = f"/day/{day}?most={most + PAGE_SIZE}" if len(rows) > most else None
    return DayListing(
        day=day,
        conversations=list(listed.values()),
        count=len(rows),
        is_waiting=day in home.pipeline.waiting_days(),
        before=before,
        after=after,
        more=more,
    )


def _add_chunks(home: Home, day: date, listed: Mapping[str, ListedConversation]) -> None:
    # Only these columns are read: a day's chunks with their texts may be large.
    columns = ("kind", "quality_level", "labels", "summary", "language")
    with home.store.open_chunks("upgraded_chunks", day) as chunks:
        for conversation_id, *cells in chunks.cells("conversation_id", *columns):
            if conversation_id in listed:
                listed[conversation_id].add_chunk(*cells)
