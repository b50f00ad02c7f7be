"""The user's own database as a source."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from dreaming.days import Calendar
from dreaming.errors import ConfigurationError, SourceError
from dreaming.home import open_home
from dreaming.sources.database import DatabaseSource
from dreaming.testing import make_settings

DAY = date(2026, 3, 1)
TOKYO = Calendar(ZoneInfo("Asia/Tokyo"), date(2020, 1, 1))
UTC_DAYS = Calendar(ZoneInfo("UTC"), date(2020, 1, 1))
QUERY = (
    "SELECT chat, sender AS role, body AS content, sent FROM talk "
    "WHERE sent >= :day_start AND sent < :day_end ORDER BY chat, sent"
)
COLUMNS = {"conversation_id": "chat", "timestamp": "sent"}
TALK = [
    ("b", "user", "14:59 UTC", datetime(2026, 2, 28, 14, 59, tzinfo=UTC)),
    ("b", "human", "15:00 UTC", datetime(2026, 2, 28, 15, 0, tzinfo=UTC)),
    ("a", "assistant", "noon", datetime(2026, 3, 1, 12, 0, tzinfo=UTC)),
    ("a", "user", "15:00 UTC", datetime(2026, 3, 1, 15, 0, tzinfo=UTC)),
]


def make_database(url, kind, form):
    engine = sa.create_engine(url)
    table = sa.Table(
        "talk",
        sa.MetaData(),
        *(sa.Column(name, sa.Text) for name in ("chat", "sender", "body")),
        sa.Column("sent", kind),
    )
    with engine.begin() as connection:
        table.create(connection)
        rows = [{"chat": c, "sender": s, "body": b, "sent": form(at)} for c, s, b, at in TALK]
        connection.execute(table.insert(), rows)
    engine.dispose()


@pytest.mark.parametrize(
    ("bounds", "kind", "form"),
    [("iso", sa.Text, datetime.isoformat), ("epoch", sa.Float, datetime.timestamp)],
)
def test_a_day_is_what_lies_between_two_local_midnights(tmp_path, bounds, kind, form):
    """The end is excluded; times as text or as seconds."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make_database(url, kind, form)
    source = DatabaseSource.configured("own", url, QUERY, COLUMNS, bounds)
    days = list(source.read_day(DAY, TOKYO))
    assert [(d.conversation_id, [m.content for m in d.messages]) for d in days] == [
        ("own:a", ["noon"]),
        ("own:b", ["15:00 UTC"]),
    ]
    assert days[1].messages[0].role == "user"
    assert days[1].messages[0].timestamp == datetime(2026, 2, 28, 15, 0, tzinfo=UTC)


def test_timestamps_of_a_real_server_are_compared_as_such(postgres_url):
    """The default form of the bounds."""
    make_database(postgres_url, sa.DateTime(timezone=True), lambda at: at)
    source = DatabaseSource.configured("own", postgres_url, QUERY, COLUMNS, "datetime")
    assert [d.conversation_id for d in source.read_day(DAY, TOKYO)] == ["own:a", "own:b"]


def test_its_conversations_are_chunked_like_any_other(tmp_path):
    """A message without an id gets a stable one; a second run changes nothing."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make_database(url, sa.Text, datetime.isoformat)
    source = DatabaseSource.configured("own", url, QUERY, COLUMNS, "iso")
    with open_home(make_settings(tmp_path / "home"), sources=[source]) as home:
        home.pipeline.run_day(DAY)
        before = home.store.hash_of("upgraded_chunks", DAY)
        home.pipeline.run_day(DAY)
        assert home.store.hash_of("upgraded_chunks", DAY) == before
        assert [hit.chunk.conversation_id for hit in home.memory.search("noon")] == ["own:a"]


@pytest.mark.parametrize(
    ("query", "columns", "message"),
    [
        ("SELECT 1", {}, "lacks the parameter :day_start"),
        (QUERY, {}, "gives no column 'conversation_id'"),
        (QUERY, COLUMNS | {"mood": "x"}, "maps \\['mood'\\]"),
        (QUERY.replace("talk", "nowhere"), COLUMNS, "did not answer for 2026-03-01: OperationalError"),
        (QUERY.replace("chat, sent", "sent").replace("sender AS role", "'user' AS role"), COLUMNS, None),
        (QUERY.replace("sender AS role", "'boss' AS role"), COLUMNS, "has role 'boss'"),
        (QUERY.replace("sent FROM", "'soon' AS sent FROM"), COLUMNS, "has timestamp 'soon'"),
    ],
)
def test_a_query_that_does_not_fit_is_named_with_what_is_expected(tmp_path, query, columns, message):
    """Never with its URL, which may hold a password."""
    url = f"sqlite:///{tmp_path / 'secret-password.db'}"
    make_database(url, sa.Text, datetime.isoformat)
    source = DatabaseSource.configured("own", url, query, columns, "iso")
    if message is None:
        assert list(source.read_day(DAY, UTC_DAYS))
        return
    with pytest.raises(SourceError, match=message) as error:
        list(source.read_day(DAY, UTC_DAYS))
    assert "secret-password" not in str(error.value)
    assert "secret-password" not in repr(source)


def test_rows_of_a_conversation_that_are_not_together_are_refused(tmp_path):
    """The message says what to add to the query."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make_database(url, sa.Text, datetime.isoformat)
    query = (
        "SELECT 'a' AS chat, 'user' AS role, 'x' AS content, :day_start AS sent "
        "UNION ALL SELECT 'b', 'user', 'x', :day_end UNION ALL SELECT 'a', 'user', 'y', :day_start"
    )
    source = DatabaseSource.configured("own", url, query, COLUMNS, "iso")
    with pytest.raises(SourceError, match="ORDER BY"):
        list(source.read_day(DAY, UTC_DAYS))


def test_unknown_bounds_are_refused():
    """Naming those that are known."""
    with pytest.raises(ConfigurationError, match="'datetime', 'iso', 'epoch'"):
        DatabaseSource.configured("own", "sqlite://", QUERY, COLUMNS, "julian")
