"""Which local day a message belongs to.

The rule, in order: a message that has been given a day keeps it. Otherwise its own time decides, in
the pinned time zone, when that time can be believed: not before the start day, and not more than a
day in the future. Otherwise it belongs to the day of the message before it; the first ones to the
day on which the conversation started, else to the day of the first message that has one, else to
the day on which the conversation was last updated, else to the day of its import.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dreaming.conversation import Conversation, Message, MessageId
from dreaming.errors import UsageError


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local days that partitions are made of."""

    zone: ZoneInfo
    start: date
    """The first day that has a partition."""

    def day_of(self, moment: datetime) -> date:
        """The local day of an aware moment; raises OverflowError at the ends of time."""
        return moment.astimezone(self.zone).date()

    def believed_day(self, moment: datetime | None, *, now: datetime) -> date | None:
        """The local day of a moment, or None where there is no moment or it cannot be true."""
        if moment is None:
            return None
        try:
            day = self.day_of(moment)
        except (OverflowError, ValueError):
            return None
        return day if self.start <= day <= self.day_of(now) + timedelta(days=1) else None

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """The first moment of a day and of the next, aware; 23 to 25 hours apart where clocks
        change.
        """
        first, following = (
            datetime.combine(d, time.min, self.zone) for d in (day, day + timedelta(days=1))
        )
        return first, following

    def require(self, day: date, *, now: datetime) -> date:
        """The day itself; raises `UsageError` when it has no partition."""
        if day < self.start:
            raise UsageError(
                f"Day {day} is before the start day {self.start}. Set DREAMING_START_DATE={day} "
                "to include it."
            )
        if day > self.day_of(now):
            raise UsageError(
                f"Day {day} has not begun: today is {self.day_of(now)} in {self.zone.key}."
            )
        return day


def message_days(
    conversation: Conversation,
    *,
    calendar: Calendar,
    known: Mapping[MessageId, date],
    now: datetime,
) -> tuple[list[date], int]:
    """The day of each message, by the rule above, and how many had
    a time that cannot be believed.
    """
    own = [calendar.believed_day(m.timestamp, now=now) for m in conversation.messages]
    doubted = sum(
        1 for m, day in zip(conversation.messages, own, strict=True) if m.timestamp and not day
    )
    given = [known.get(m.id) or day for m, day in zip(conversation.messages, own, strict=True)]
    before = (
        calendar.believed_day(conversation.started_at, now=now)
        or next((day for day in given if day), None)
        or calendar.believed_day(conversation.updated_at, now=now)
        or calendar.day_of(now)
    )
    return list(_carried_forward(given, before)), doubted


def _carried_forward(days: Iterable[date | None], before: date) -> Iterator[date]:
    for day in days:
        before = day or before
        yield before


def day_range(first: date, last: date) -> list[date]:
    """All days from first to last, both included; raises `UsageError` when they are the wrong way
    round.
    """
    if last < first:
        raise UsageError(
            f"The range from {first} to {last} is empty: the first day must not be after the last."
        )
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def time_bounds(messages: Iterable[Message]) -> tuple[datetime | None, datetime | None]:
    """The first and the last timestamp among messages, or None twice."""
    moments = [m.timestamp for m in messages if m.timestamp]
    return (min(moments), max(moments)) if moments else (None, None)
