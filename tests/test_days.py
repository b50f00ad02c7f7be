"""Which local day a message belongs to."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dreaming.days import Calendar, day_range, message_days
from dreaming.errors import UsageError
from dreaming.testing import make_conversation

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOKYO = Calendar(ZoneInfo("Asia/Tokyo"), date(2020, 1, 1))


def days_of(conversation, calendar=TOKYO, known=None):
    return message_days(conversation, calendar=calendar, known=known or {}, now=NOW)


def test_a_message_belongs_to_its_local_day():
    """15:00 UTC is the next day in Tokyo, so a conversation over midnight has two days."""
    talk = make_conversation(["a", "b", "c"], at=datetime(2026, 3, 1, 14, 59, tzinfo=UTC))
    assert days_of(talk) == ([date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 2)], 0)


def test_a_day_once_given_stays():
    """A later import cannot move a message to another day."""
    talk = make_conversation(["a", "b"])
    known = {talk.messages[0].id: date(2025, 7, 7)}
    assert days_of(talk, known=known)[0] == [date(2025, 7, 7), date(2026, 3, 1)]


def test_an_undated_conversation_belongs_to_the_day_of_its_import():
    """Nothing else is known of it."""
    assert days_of(make_conversation(["a", "b"], at=None)) == ([date(2026, 11, 23)] * 2, 0)


@pytest.mark.parametrize(
    "moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)]
)
def test_a_time_that_cannot_be_true_is_counted_and_the_neighbours_decide(moment):
    """Epoch zero and the far future are placeholders, not times."""
    talk = make_conversation(["a", "b"], at=datetime(2026, 3, 1, 3, tzinfo=UTC))
    first, second = talk.messages
    odd = type(second)(second.id, second.role, second.content, timestamp=moment)
    changed = type(talk)(talk.id, talk.source, None, talk.started_at, talk.updated_at, (first, odd))
    assert days_of(changed) == ([date(2026, 3, 1)] * 2, 1)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)]
)
def test_a_day_has_the_hours_that_its_clock_shows(day, hours):
    """Days on which clocks change are shorter and longer."""
    first, following = Calendar(ZoneInfo("Europe/Berlin"), date(2020, 1, 1)).bounds(day)
    assert (following.astimezone(UTC) - first.astimezone(UTC)) == timedelta(hours=hours)


def test_a_day_before_the_start_is_refused_with_what_to_do():
    """The message names the day, the start and the variable."""
    with pytest.raises(
        UsageError, match=r"2019-12-31 is before the start day 2020-01-01\. Set DREAMING_START_DATE"
    ):
        TOKYO.require(date(2019, 12, 31), now=NOW)


def test_a_day_that_has_not_begun_is_refused():
    """Tomorrow has no partition."""
    with pytest.raises(UsageError, match="has not begun"):
        TOKYO.require(date(2026, 11, 24), now=NOW)


def test_a_range_the_wrong_way_round_is_refused():
    """The message names both days."""
    with pytest.raises(UsageError, match="2026-03-02 to 2026-03-01 is empty"):
        day_range(date(2026, 3, 2), date(2026, 3, 1))
