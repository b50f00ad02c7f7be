"""A conversation with its chunks, day by day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from dreaming.chunk import BChunk
from dreaming.conversation import ConversationDay, ConversationId
from dreaming.errors import DamagedPartition
from dreaming.home import Home
from dreaming.page.aligning import AlignedRow, align, is_compared

MOST_MESSAGES = 400
"""A conversation with more messages is shown a day at a time."""


@dataclass(frozen=True, slots=True)
class ShownDay:
    """The messages of a conversation on a day, beside their chunks."""

    day: date
    rows: list[AlignedRow]
    messages: int
    chunks: int


@dataclass(frozen=True, slots=True)
class ShownConversation:
    """A conversation as the page shows it."""

    conversation_id: ConversationId
    title: str | None
    source: str
    is_local_only: bool
    days: list[date]
    """All its published days."""
    shown: list[ShownDay]
    """The days that are on the page."""
    waiting: list[date]
    """The days that no run has published yet."""
    damaged: list[str]
    """A message for each day that could not be read."""
    is_compared: bool
    """Whether any chunk that is shown was upgraded."""
    chunk_ids: frozenset[str]
    """The current chunks that are shown."""


@dataclass(frozen=True, slots=True)
class _StoredDay:
    conversation: ConversationDay
    basic: Sequence[BChunk]
    current: Sequence[BChunk]


def read_conversation(
    home: Home, conversation_id: ConversationId, *, day: date | None
) -> ShownConversation | None:
    """A conversation with its chunks; None for an unknown id.

    Of a long conversation only the requested `day` is shown, without one its first.
    """
    published = sorted(home.index.days_of(conversation_id))
    waiting = sorted(home.archive.days_of(conversation_id).difference(published))
    if not published and not waiting:
        return None
    damaged: list[str] = []
    stored_days = _read_days(home, conversation_id, published, day, damaged)
    # Where no day can be read, the page says so, without title and source.
    first = stored_days[0].conversation if stored_days else None
    chunk_ids: set[str] = set()
    for stored_day in stored_days:
        chunk_ids.update(chunk.chunk_id for chunk in stored_day.current)
    return ShownConversation(
        conversation_id=conversation_id,
        title=first.title if first else None,
        source=first.source if first else "",
        is_local_only=bool(first and first.local_only),
        days=published,
        shown=[_show_day(stored_day) for stored_day in stored_days],
        waiting=waiting,
        damaged=damaged,
        is_compared=any(is_compared(stored.basic, stored.current) for stored in stored_days),
        chunk_ids=frozenset(chunk_ids),
    )


def _read_days(
    home: Home,
    conversation_id: ConversationId,
    days: Sequence[date],
    requested_day: date | None,
    damaged: list[str],
) -> list[_StoredDay]:
    stored_days: list[_StoredDay] = []
    messages = 0
    for day in days:
        for stored_day in _read_day(home, conversation_id, day, damaged):
            stored_days.append(stored_day)
            messages += len(stored_day.conversation.messages)
        if messages > MOST_MESSAGES and len(days) > 1:
            shown_day = requested_day if requested_day in days and requested_day else days[0]
            # Damage is reported for the days on the page alone.
            damaged.clear()
            return _read_day(home, conversation_id, shown_day, damaged)
    return stored_days


def _read_day(
    home: Home, conversation_id: ConversationId, day: date, damaged: list[str]
) -> list[_StoredDay]:
    """The conversation on a day: one element, or none where it is not there or is damaged."""
    try:
        with home.store.open_conversations(day) as raw:
            conversations = raw.only(conversation_id)
        with home.store.open_chunks("basic_chunks", day) as chunks:
            basic = chunks.only(conversation_id)
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            current = chunks.only(conversation_id)
    except DamagedPartition as error:
        # The other days can still be read: the page says which day is damaged.
        damaged.append(str(error))
        return []
    return [_StoredDay(conversation, basic, current) for conversation in conversations]


def _show_day(stored_day: _StoredDay) -> ShownDay:
    conversation = stored_day.conversation
    rows = align(conversation, stored_day.basic, stored_day.current)
    return ShownDay(conversation.day, rows, len(conversation.messages), len(stored_day.current))


def neighbours(days: Sequence[date], shown: Collection[date]) -> tuple[date | None, date | None]:
    """The day before and the day after those that are shown, of sorted `days`; None without one."""
    if not shown:
        return None, None
    before = [day for day in days if day < min(shown)]
    after = [day for day in days if day > max(shown)]
    previous_day = before[-1] if before else None
    next_day = after[0] if after else None
    return previous_day, next_day
