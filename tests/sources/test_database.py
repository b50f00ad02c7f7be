"""The user's own database as a source."""

from datetime import UTC, date, datetime, timedelta
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


def plain(moment):
    """As SQLite's own functions write it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


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
    [
        ("iso", sa.Text, datetime.isoformat),
        ("iso", sa.Text, lambda at: at.strftime("%Y-%m-%dT%H:%M:%S")),
        ("iso", sa.Text, lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        ("text", sa.Text, plain),
        ("datetime", sa.Text, plain),
        ("datetime", sa.DateTime, lambda at: at),
        ("epoch", sa.Float, datetime.timestamp),
    ],
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
        (
            QUERY.replace("talk", "nowhere"),
            COLUMNS,
            "did not answer for 2026-03-01: OperationalError",
        ),
        (
            QUERY.replace("chat, sent", "sent").replace("sender AS role", "'user' AS role"),
            COLUMNS,
            None,
        ),
        (QUERY.replace("sender AS role", "'boss' AS role"), COLUMNS, "has role 'boss'"),
        (QUERY.replace("sent FROM", "'soon' AS sent FROM"), COLUMNS, "has timestamp 'soon'"),
    ],
)
def test_a_query_that_does_not_fit_is_named_with_what_is_expected(
    tmp_path, query, columns, message
):
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
        "UNION ALL SELECT 'b', 'user', 'x', :day_start UNION ALL SELECT 'a', 'user', 'y', "
        ":day_start "
        "WHERE :day_start < :day_end"
    )
    source = DatabaseSource.configured("own", url, query, COLUMNS, "iso")
    with pytest.raises(SourceError, match="ORDER BY"):
        list(source.read_day(DAY, UTC_DAYS))


def test_unknown_bounds_are_refused():
    """Naming those that are known."""
    with pytest.raises(ConfigurationError, match="'datetime', 'iso', 'text', 'epoch'"):
        DatabaseSource.configured("own", "sqlite://", QUERY, COLUMNS, "julian")


@pytest.mark.parametrize(
    ("bounds", "kind", "form", "looks", "advice"),
    [
        ("iso", sa.Text, plain, "text with a space", "Set its bounds to 'text'"),
        ("datetime", sa.Text, datetime.isoformat, "ISO 8601 text", "Set its bounds to 'iso'"),
        ("text", sa.Text, datetime.isoformat, "ISO 8601 text", "Set its bounds to 'iso'"),
        (
            "iso",
            sa.Text,
            lambda at: at.astimezone(ZoneInfo("America/New_York")).isoformat(),
            "ISO 8601 text",
            "Convert its time column to UTC",
        ),
    ],
)
def test_a_row_of_another_day_is_refused_with_the_bounds_that_fit(
    tmp_path, bounds, kind, form, looks, advice
):
    """Bounds of another form than the column's compare as something, but not as times."""
    url = f"sqlite:///{tmp_path / 'own.db'}"
    make_database(url, kind, form)
    source = DatabaseSource.configured("own", url, QUERY, COLUMNS, bounds)
    wrong = []
    for day in (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)):
        try:
            list(source.read_day(day, TOKYO))
        except SourceError as error:
            wrong.append((day, str(error)))
    assert wrong
    for day, message in wrong:
        assert f"Source 'own' gives for {day} a message of 2026-" in message
        assert f"Its timestamp is {looks}; its bounds are {bounds!r}. {advice}" in message


def test_a_timestamp_of_a_server_without_a_zone_is_refused_where_it_moves_the_day(postgres_url):
    """The server reads it in the session's zone, dreaming in UTC."""
    make_database(postgres_url, sa.DateTime(timezone=False), lambda at: at.replace(tzinfo=None))
    url = sa.make_url(postgres_url).update_query_dict({"options": "-c timezone=Asia/Tokyo"})
    source = DatabaseSource.configured(
        "own", url.render_as_string(hide_password=False), QUERY, COLUMNS, "datetime"
    )
    with pytest.raises(SourceError, match="Convert its time column to UTC in the query"):
        list(source.read_day(DAY, TOKYO))


def only_day(url, bounds="datetime", **expressions):
    """The conversation of a query that answers with one row, each value as the driver gives what
    SQL makes of it.
    """
    row = {
        "conversation_id": "'c'",
        "role": "'user'",
        "content": "'x'",
        "timestamp": "'2026-03-01 09:00:00'",
    } | expressions
    selected = ", ".join(f"{value} AS {column}" for column, value in row.items())
    query = f"SELECT {selected} WHERE :day_start < :day_end"
    [found] = DatabaseSource.configured("own", url, query, {}, bounds).read_day(DAY, UTC_DAYS)
    return found


@pytest.mark.parametrize(
    "given",
    [
        "TIMESTAMP '2026-03-01 09:00:00'",
        "TIMESTAMPTZ '2026-03-01 10:00:00+01'",
        "extract(epoch FROM TIMESTAMP '2026-03-01 09:00:00')",
        "1772355600",
        "CAST(1772355600 AS float)",
        "'2026-03-01 09:00:00'",
        "'2026-03-01T10:00:00+01:00'",
    ],
)
def test_a_timestamp_may_be_what_drivers_give_for_one(postgres_server, given):
    """PostgreSQL gives extracted seconds as a Decimal."""
    assert only_day(postgres_server, timestamp=given).started_at == datetime(
        2026, 3, 1, 9, tzinfo=UTC
    )


def test_a_message_may_have_no_timestamp(postgres_server):
    """It is of the day that it was asked for."""
    assert only_day(postgres_server, timestamp="NULL").messages[0].timestamp is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("DATE '2026-03-01'", "timestamp of type 'date'"),
        ("TRUE", "timestamp of type 'bool'"),
        ("CAST('2026-03-01' AS bytea)", "timestamp of type 'memoryview'"),
        ("1772355600000", "1772355600000, which is out of range; expected seconds since 1970"),
        ("CAST('NaN' AS numeric)", "expected seconds since 1970"),
        ("CAST('Infinity' AS float)", "expected seconds since 1970"),
        ("'0001-01-01T00:00:00+05:00'", "which has no UTC"),
        ("TIMESTAMP '9999-12-31 23:59:59'", "is another day"),
    ],
)
def test_a_timestamp_that_is_none_is_refused(postgres_server, given, message):
    """Naming its type, or what was expected."""
    with pytest.raises(SourceError, match=message):
        only_day(postgres_server, timestamp=given)


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ("NULL", ""),
        ("''", ""),
        ("0", "0"),
        ("FALSE", "False"),
        ("1.50", "1.50"),
        ("CAST('caf\u00e9' AS bytea)", "caf\u00e9"),
    ],
)
def test_content_becomes_text(postgres_server, given, content):
    """NULL is empty, bytes are UTF-8, and a number is what it prints as."""
    assert only_day(postgres_server, content=given).messages[0].content == content


def test_bytes_that_are_no_utf_8_are_refused():
    """Without showing them."""
    with pytest.raises(SourceError, match="'content' that are no UTF-8") as error:
        only_day("sqlite://", content="x'70726976617465ff'")
    assert "private" not in str(error.value)


def test_what_no_store_holds_is_replaced_in_every_text():
    """SQLite keeps NUL in a text; a number is a title too."""
    nul = "'a' || char(0)"
    found = only_day(
        "sqlite://", conversation_id=nul, content=nul, name=nul, message_id=nul, title="7"
    )
    [message] = found.messages
    assert {message.content, message.name, message.id} == {"a\ufffd"}
    assert (found.conversation_id, found.title) == ("own:a\ufffd", "7")
    assert only_day("sqlite://", title=nul, content="x'6100'").title == "a\ufffd"


def test_a_row_without_a_conversation_is_refused():
    """All such rows would be one conversation, named None."""
    with pytest.raises(SourceError, match="conversation_id is NULL"):
        only_day("sqlite://", conversation_id="NULL")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql+pymysql://me:hunter2@localhost/chats", "needs the driver 'pymysql'"),
        ("nosuch://me:hunter2@localhost/chats", "cannot be used: NoSuchModuleError"),
        ("postgresql://me:hunter2@localhost:hunter2/chats", "cannot be used: ValueError"),
        ("hunter2", "cannot be used: ArgumentError"),
    ],
)
def test_a_url_that_no_engine_takes_is_refused_without_being_shown(url, message):
    """It may hold a password."""
    source = DatabaseSource.configured("own", url, QUERY, COLUMNS, "datetime")
    with pytest.raises(SourceError, match=message) as error:
        list(source.read_day(DAY, UTC_DAYS))
    assert "hunter2" not in str(error.value)
