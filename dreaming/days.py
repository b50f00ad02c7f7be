"""The local day that a message belongs to.

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
        # Years 1 and 9999 have moments that have no local day in some zones.
        except (OverflowError, ValueError):
            return None
        # A day ahead: the clock of the machine that wrote the message may be wrong.
        latest = self.day_of(now) + timedelta(days=1)
        return day if self.start <= day <= latest else None

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """The first moments of a day and of the next one, 23 to 25 hours apart."""
        # From the next date, not 24 hours later: where clocks change, a day is longer or shorter.
        first = datetime.combine(day, time.min, self.zone)
        following = datetime.combine(day + timedelta(days=1), time.min, self.zone)
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
    """The day of each message, by the module's rule; and the number of doubted timestamps.

    A timestamp is doubted when it cannot be true. `known` has the days that messages have already.
    """
    days: list[date | None] = []
    doubted = 0
    for message in conversation.messages:
        day = calendar.believed_day(message.timestamp, now=now)
        if message.timestamp and not day:
            doubted += 1
        # A day that was given before stays: partitions and bought chunks were made by it.
        days.append(known.get(message.id) or day)
    first_day = next((day for day in days if day), None)
    before = (
        calendar.believed_day(conversation.started_at, now=now)
        or first_day
        or calendar.believed_day(conversation.updated_at, now=now)
        or calendar.day_of(now)
    )
    return list(_carried_forward(days, before)), doubted


def _carried_forward(days: Iterable[date | None], before: date) -> Iterator[date]:
    for day in days:
        before = day or before
        yield before


def day_range(first: date, last: date) -> list[date]:
    """All days from first to last, both included; raises `UsageError` if first is after last."""
    if last < first:
        raise UsageError(
            f"The range from {first} to {last} is empty: the first day must not be after the last."
        )
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def time_bounds(messages: Iterable[Message]) -> tuple[datetime | None, datetime | None]:
    """The first and the last timestamp among messages, or None twice."""
    moments = [message.timestamp for message in messages if message.timestamp]
    if not moments:
        return None, None
    return min(moments), max(moments)
