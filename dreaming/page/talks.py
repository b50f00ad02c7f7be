"""A conversation, read with its chunks, day by day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from dreaming.chunk import BChunk
from dreaming.conversation import ConversationDay, ConversationId
from dreaming.errors import DamagedPartition
from dreaming.home import Home
from dreaming.page.aligning import Row, align, is_compared

MOST_MESSAGES = 400
"""A conversation that has more is shown a day at a time."""


@dataclass(frozen=True, slots=True)
class TalkDay:
    """What was said on a day, beside its chunks."""

    day: date
    rows: list[Row]
    messages: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the page shows it."""

    conversation_id: ConversationId
    title: str | None
    source: str
    is_local_only: bool
    days: list[date]
    """All that it has."""
    shown: list[TalkDay]
    """Those that are on the page."""
    waiting: list[date]
    """Those that no run has published yet."""
    damaged: list[str]
    """What could not be read, as a message each."""
    is_compared: bool
    """Whether any chunk that is shown was upgraded."""
    chunk_ids: frozenset[str]
    """The current chunks that are shown."""


@dataclass(frozen=True, slots=True)
class _Read:
    conversation: ConversationDay
    basic: Sequence[BChunk]
    current: Sequence[BChunk]


def read_talk(home: Home, conversation_id: ConversationId, *, day: date | None) -> Talk | None:
    """A conversation with its chunks: all its days, or where they are long only the one asked for;
    None if none is.
    """
    published = sorted(home.index.days_of(conversation_id))
    waiting = sorted(home.archive.days_of(conversation_id).difference(published))
    damaged: list[str] = []
    read = _read_days(home, conversation_id, published, day, damaged)
    if not published and not waiting:
        return None
    first = read[0].conversation if read else None
    return Talk(
        conversation_id=conversation_id,
        title=first.title if first else None,
        source=first.source if first else "",
        is_local_only=bool(first and first.local_only),
        days=published,
        shown=[_lay(each) for each in read],
        waiting=waiting,
        damaged=damaged,
        is_compared=any(is_compared(each.basic, each.current) for each in read),
        chunk_ids=frozenset(chunk.chunk_id for each in read for chunk in each.current),
    )


def _read_days(
    home: Home,
    conversation_id: ConversationId,
    days: Sequence[date],
    asked: date | None,
    damaged: list[str],
) -> list[_Read]:
    read: list[_Read] = []
    for day in days:
        read += _read_day(home, conversation_id, day, damaged)
        if sum(len(each.conversation.messages) for each in read) > MOST_MESSAGES and len(days) > 1:
            damaged.clear()
            return _read_day(
                home, conversation_id, asked if asked in days and asked else days[0], damaged
            )
    return read


def _read_day(
    home: Home, conversation_id: ConversationId, day: date, damaged: list[str]
) -> list[_Read]:
    try:
        with home.store.open_conversations(day) as raw:
            conversations = raw.only(conversation_id)
        with home.store.open_chunks("basic_chunks", day) as chunks:
            basic = chunks.only(conversation_id)
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            current = chunks.only(conversation_id)
    except DamagedPartition as error:
        damaged.append(str(error))
        return []
    return [_Read(conversation, basic, current) for conversation in conversations]


def _lay(read: _Read) -> TalkDay:
    conversation = read.conversation
    rows = align(conversation, read.basic, read.current)
    return TalkDay(conversation.day, rows, len(conversation.messages), len(read.current))


def neighbours(days: Sequence[date], shown: Collection[date]) -> tuple[date | None, date | None]:
    """The days before and after those that are shown, where there are."""
    before = [day for day in days if shown and day < min(shown)]
    after = [day for day in days if shown and day > max(shown)]
    return (before[-1] if before else None), (after[0] if after else None)
