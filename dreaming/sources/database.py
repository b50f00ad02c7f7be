"""An SQL query over the user's own database: one row for each message, one local day at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from dreaming.conversation import (
    MESSAGE_KINDS,
    ConversationDay,
    ConversationId,
    Message,
    MessageId,
    MessageKind,
    Role,
    content_message_ids,
    hash_messages,
    storable,
)
from dreaming.days import Calendar, time_bounds
from dreaming.errors import ConfigurationError, SourceError

ROWS_PER_FETCH = 500
"""Rows are fetched in parts of this size: a day's messages may be larger than memory."""

REQUIRED_COLUMNS = ("conversation_id", "role", "content", "timestamp")
OPTIONAL_COLUMNS = ("message_id", "kind", "name", "title")

_ROLES: Mapping[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}


BoundsForm = Literal["datetime", "iso", "text", "epoch"]
"""A database timestamp, ISO 8601 text in UTC, the text 'YYYY-MM-DD HH:MM:SS' in UTC, or seconds
since 1970.
"""


def _plain_text(moment: datetime, separator: str = " ") -> str:
    return moment.replace(tzinfo=None).isoformat(separator, "seconds")


_BOUNDS: Mapping[BoundsForm, Callable[[datetime], object]] = {
    "datetime": lambda moment: moment,
    "iso": lambda moment: moment.isoformat(),
    "text": _plain_text,
    "epoch": lambda moment: moment.timestamp(),
}

# SQLite has no timestamps and compares texts. Where a bound has a fraction or an offset that the
# column has not, the message of midnight sorts before its own day; a bound that is a prefix of the
# column's texts is right for all.
_SQLITE_BOUNDS: Mapping[BoundsForm, Callable[[datetime], object]] = {
    **_BOUNDS,
    "datetime": _plain_text,
    "iso": lambda moment: _plain_text(moment, "T"),
}


def _bounds_form(timestamp: object) -> tuple[str, BoundsForm]:
    """A description of a timestamp, and the form of bounds that can be compared with it."""
    if isinstance(timestamp, datetime):
        return "a database timestamp", "datetime"
    if isinstance(timestamp, str):
        # The character between YYYY-MM-DD and the time.
        if timestamp[10:11] == " ":
            return "text with a space", "text"
        return "ISO 8601 text", "iso"
    return "a number", "epoch"


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A query that returns the messages of a day.

    The query has the parameters `:day_start` and `:day_end` (aware moments, the end excluded), and
    orders its rows by conversation and time, for example::

        SELECT chat_id, sent_at, sender, body FROM messages
        WHERE sent_at >= :day_start AND sent_at < :day_end ORDER BY chat_id, sent_at
    """

    name: str
    """Prefix of its conversation ids, so that two sources never have the same id."""
    url: str
    """An SQLAlchemy URL. It may hold a password: it is never shown."""
    query: str
    columns: Mapping[str, str]
    """Our column -> the query's column, where they differ (`REQUIRED_COLUMNS`, `OPTIONAL_COLUMNS`).
    """
    bounds: BoundsForm = "datetime"
    """The form of the day's bounds: that of the values in the query's time column."""

    @classmethod
    def configured(
        cls, name: str, url: str, query: str, columns: Mapping[str, str], bounds: str
    ) -> "DatabaseSource":
        """A source from a configuration; raises `ConfigurationError` for an unknown `bounds`."""
        for form in get_args(BoundsForm):
            if form == bounds:
                return cls(name, url, query, columns, form)
        raise ConfigurationError(
            f"Source {name!r} has bounds={bounds!r}; expected one of {get_args(BoundsForm)}."
        )

    def __repr__(self) -> str:
        # The name only: the URL may hold a password.
        return f"DatabaseSource({self.name!r})"

    def read_day(self, day: date, calendar: Calendar) -> Iterator[ConversationDay]:
        """The day's conversations, in the query's order, one in memory at a time.

        Raises `SourceError` when the database does not answer, a column is missing, a value is not
        what its column is for, a row is of another day, or a conversation's rows are not together.
        """
        # Only ids are kept of what was read: a day may be larger than memory.
        finished: set[str] = set()
        for conversation_id, rows in groupby(self._rows(day, calendar), key=self._conversation_id):
            if conversation_id in finished:
                raise SourceError(
                    f"Source {self.name!r} gives conversation {conversation_id!r} in two places. "
                    "Add ORDER BY conversation and time to its query."
                )
            finished.add(conversation_id)
            yield self._conversation_day(day, calendar, conversation_id, list(rows))

    def _rows(self, day: date, calendar: Calendar) -> Iterator[dict[str, Any]]:
        self._require_parameters()
        engine = self._engine()
        forms = _SQLITE_BOUNDS if engine.dialect.name == "sqlite" else _BOUNDS
        to_bound = forms[self.bounds]
        day_start, day_end = (moment.astimezone(UTC) for moment in calendar.bounds(day))
        try:
            query = sa.text(self.query).bindparams(
                day_start=to_bound(day_start), day_end=to_bound(day_end)
            )
            with engine.connect() as connection:
                streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
                result = streaming.execute(query)
                columns = self._columns_of(list(result.keys()))
                for row in result.mappings():
                    yield {ours: row[theirs] for ours, theirs in columns.items()}
        except SQLAlchemyError as error:
            # The message may quote the URL or the data; the driver's own error type says enough.
            cause = getattr(error, "orig", None) or error
            raise SourceError(
                f"Source {self.name!r} did not answer for {day}: {type(cause).__name__}. "
                "Try its URL and its query in a database client."
            ) from None

    def _engine(self) -> sa.Engine:
        # The messages of these errors may quote the URL.
        try:
            return sa.create_engine(self.url, poolclass=sa.NullPool)
        except ImportError as error:
            raise SourceError(
                f"Source {self.name!r} needs the driver {error.name!r}, which is not installed. "
                "Install it beside dreaming, or name another driver in the URL."
            ) from None
        except (ValueError, SQLAlchemyError) as error:
            raise SourceError(
                f"The URL of source {self.name!r} cannot be used: {type(error).__name__}. "
                "Expected an SQLAlchemy URL, as in postgresql://user:password@host:5432/name."
            ) from None

    def _require_parameters(self) -> None:
        for name in ("day_start", "day_end"):
            if f":{name}" not in self.query:
                raise SourceError(f"The query of source {self.name!r} lacks the parameter :{name}.")

    def _columns_of(self, given: Sequence[str]) -> dict[str, str]:
        """Our columns -> the query's columns, those that the query returns."""
        unknown = self.columns.keys() - {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
        if unknown:
            raise SourceError(
                f"Source {self.name!r} maps {sorted(unknown)}; known are "
                f"{[*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS]}."
            )
        wanted = {
            ours: self.columns.get(ours, ours) for ours in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
        }
        needed = {*REQUIRED_COLUMNS, *self.columns}
        missing = [
            theirs for ours, theirs in wanted.items() if ours in needed and theirs not in given
        ]
        if missing:
            raise SourceError(
                f"The query of source {self.name!r} gives no column {missing[0]!r}; it gives "
                f"{list(given)}."
            )
        return {ours: theirs for ours, theirs in wanted.items() if theirs in given}

    def _conversation_id(self, row: Mapping[str, Any]) -> str:
        given = row["conversation_id"]
        if given is None:
            raise SourceError(
                f"Source {self.name!r} gives a row whose conversation_id is NULL. "
                "Give such rows an id in its query, or leave them out."
            )
        return storable(str(given))[0]

    def _conversation_day(
        self, day: date, calendar: Calendar, conversation_id: str, rows: Sequence[dict[str, Any]]
    ) -> ConversationDay:
        messages = tuple(self._messages(day, calendar, rows))
        started_at, ended_at = time_bounds(messages)
        return ConversationDay(
            conversation_id=ConversationId(f"{self.name}:{conversation_id}"),
            day=day,
            source=self.name,
            title=self._text_or_none(rows[0], "title"),
            started_at=started_at,
            ended_at=ended_at,
            updated_at=ended_at,
            content_hash=hash_messages(messages),
            local_only=False,
            messages=messages,
        )

    def _messages(
        self, day: date, calendar: Calendar, rows: Sequence[dict[str, Any]]
    ) -> Iterator[Message]:
        contents: list[tuple[Role, MessageKind, str]] = []
        for row in rows:
            role = self._role(row["role"])
            kind = self._kind(row.get("kind"))
            contents.append((role, kind, self._text_or_none(row, "content") or ""))
        content_ids = content_message_ids(contents)
        used_ids: set[str] = set()
        for row, (role, kind, content), content_id in zip(rows, contents, content_ids, strict=True):
            message_id = content_id
            row_id = row.get("message_id")
            if row_id is not None:
                # The database may repeat an id, which must be unique in a conversation here.
                stored_id = storable(str(row_id))[0]
                if stored_id not in used_ids:
                    message_id = MessageId(stored_id)
            used_ids.add(message_id)
            moment = self._moment_of_day(row["timestamp"], day, calendar)
            yield Message(message_id, role, content, kind, self._text_or_none(row, "name"), moment)

    def _text_or_none(self, row: Mapping[str, Any], column: str) -> str | None:
        value = row.get(column)
        if value is None:
            return None
        if isinstance(value, bytes | bytearray | memoryview):
            try:
                value = bytes(value).decode()
            except UnicodeDecodeError:
                raise SourceError(
                    f"Source {self.name!r} has bytes in {column!r} that are no UTF-8. Convert it "
                    "to text in its query."
                ) from None
        return storable(str(value))[0]

    def _role(self, value: object) -> Role:
        role = _ROLES.get(str(value).strip().lower())
        if role is None:
            raise SourceError(
                f"Source {self.name!r} has role {value!r}; expected one of {sorted(_ROLES)}."
            )
        return role

    def _kind(self, value: object) -> MessageKind:
        if value is None:
            return "text"
        for kind in MESSAGE_KINDS:
            if value == kind:
                return kind
        raise SourceError(
            f"Source {self.name!r} has kind {value!r}; expected one of {list(MESSAGE_KINDS)}."
        )

    def _moment_of_day(self, value: object, day: date, calendar: Calendar) -> datetime | None:
        moment = self._moment(value)
        day_start, day_end = calendar.bounds(day)
        if moment is None or day_start <= moment < day_end:
            return moment
        # The database compared the bounds with values of another form, and returned other rows
        # than were requested.
        description, fitting_form = _bounds_form(value)
        if fitting_form != self.bounds:
            advice = f"Set its bounds to {fitting_form!r}."
        else:
            advice = (
                "Convert its time column to UTC in the query, and compare it with :day_start and "
                ":day_end."
            )
        raise SourceError(
            f"Source {self.name!r} gives for {day} a message of {moment.isoformat()}, which is "
            f"another day in {calendar.zone.key}. Its timestamp is {description}; its bounds are "
            f"{self.bounds!r}. {advice}"
        )

    def _moment(self, value: object) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = self._parsed(value)
        # A bool is an int to Python, but no timestamp.
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return self._from_seconds(value)
        if not isinstance(value, datetime):
            raise SourceError(
                f"Source {self.name!r} has a timestamp of type {type(value).__name__!r}; "
                "expected a timestamp, ISO 8601 text, or seconds since 1970."
            )
        # A time without a zone counts as UTC.
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise SourceError(
                f"Source {self.name!r} has timestamp {value.isoformat()}, which has no UTC."
            ) from None

    def _parsed(self, value: str) -> datetime:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise SourceError(
                f"Source {self.name!r} has timestamp {value!r}; expected ISO 8601, a timestamp, "
                "or epoch seconds."
            ) from None

    def _from_seconds(self, value: float | Decimal) -> datetime:
        try:
            return datetime.fromtimestamp(float(value), UTC)
        except (ValueError, OverflowError, OSError):
            raise SourceError(
                f"Source {self.name!r} has timestamp {value}, which is out of range; expected "
                "seconds since 1970. "
                "Divide milliseconds by 1000 in its query, in the column and in WHERE."
            ) from None
