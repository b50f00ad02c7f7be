"""An SQL query over the user's own database: a row a message, one local day at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
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
)
from dreaming.days import Calendar, time_bounds
from dreaming.errors import ConfigurationError, SourceError

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

_UNSTORABLE = str.maketrans({"\0": "\ufffd"} | {chr(c): "\ufffd" for c in range(0xD800, 0xE000)})


BoundsForm = Literal["datetime", "iso", "epoch"]
"""A database timestamp, ISO 8601 text in UTC, or seconds since 1970."""

_BOUNDS: Mapping[BoundsForm, Callable[[datetime], object]] = {
    "datetime": lambda moment: moment,
    "iso": lambda moment: moment.isoformat(),
    "epoch": lambda moment: moment.timestamp(),
}


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A query that gives the messages of a day.

    The query has the parameters `:day_start` and `:day_end` (aware moments, the end excluded), and orders its rows by
    conversation and time, for example::

        SELECT chat_id, sent_at, sender, body FROM messages
        WHERE sent_at >= :day_start AND sent_at < :day_end ORDER BY chat_id, sent_at
    """

    name: str
    """Stands before the conversation ids, so that two sources never clash."""
    url: str
    """An SQLAlchemy URL. It may hold a password: it is never shown."""
    query: str
    columns: Mapping[str, str]
    """Our column -> the query's column, where they differ (`REQUIRED_COLUMNS`, `OPTIONAL_COLUMNS`)."""
    bounds: BoundsForm = "datetime"
    """How the query wants the day's bounds, as its time column holds them."""

    @classmethod
    def configured(cls, name: str, url: str, query: str, columns: Mapping[str, str], bounds: str) -> "DatabaseSource":
        """The source of a configuration; raises `ConfigurationError` for what no query can be asked with."""
        for form in get_args(BoundsForm):
            if form == bounds:
                return cls(name, url, query, columns, form)
        raise ConfigurationError(f"Source {name!r} has bounds={bounds!r}; expected one of {get_args(BoundsForm)}.")

    def __repr__(self) -> str:
        """Name only: the URL is a secret."""
        return f"DatabaseSource({self.name!r})"

    def read_day(self, day: date, calendar: Calendar) -> Iterator[ConversationDay]:
        """The day's conversations, in the query's order, one in memory at a time.

        Raises `SourceError` when the database does not answer, a column is missing, or a conversation's rows are not
        together.
        """
        finished: set[str] = set()
        for conversation_id, rows in groupby(self._rows(day, calendar), key=lambda row: str(row["conversation_id"])):
            if conversation_id in finished:
                raise SourceError(
                    f"Source {self.name!r} gives conversation {conversation_id!r} in two places. "
                    "Add ORDER BY conversation and time to its query."
                )
            finished.add(conversation_id)
            yield self._conversation_day(day, conversation_id, list(rows))

    def _rows(self, day: date, calendar: Calendar) -> Iterator[dict[str, Any]]:
        start, end = (_BOUNDS[self.bounds](moment.astimezone(UTC)) for moment in calendar.bounds(day))
        self._require_parameters()
        try:
            engine = sa.create_engine(self.url, poolclass=sa.NullPool)
            with engine.connect() as connection:
                query = sa.text(self.query).bindparams(day_start=start, day_end=end)
                result = connection.execution_options(yield_per=500).execute(query)
                chosen = self._chosen(list(result.keys()))
                for row in result.mappings():
                    yield {ours: row[theirs] for ours, theirs in chosen.items()}
        except SQLAlchemyError as error:
            # The message may quote the URL or the data; the driver's own error type says enough.
            cause = getattr(error, "orig", None) or error
            raise SourceError(
                f"Source {self.name!r} did not answer for {day}: {type(cause).__name__}. "
                "Try its URL and its query in a database client."
            ) from None

    def _require_parameters(self) -> None:
        for name in ("day_start", "day_end"):
            if f":{name}" not in self.query:
                raise SourceError(f"The query of source {self.name!r} lacks the parameter :{name}.")

    def _chosen(self, given: Sequence[str]) -> dict[str, str]:
        unknown = self.columns.keys() - {*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS}
        if unknown:
            raise SourceError(
                f"Source {self.name!r} maps {sorted(unknown)}; known are {[*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS]}."
            )
        wanted = {ours: self.columns.get(ours, ours) for ours in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)}
        needed = {*REQUIRED_COLUMNS, *self.columns}
        missing = [theirs for ours, theirs in wanted.items() if ours in needed and theirs not in given]
        if missing:
            raise SourceError(
                f"The query of source {self.name!r} gives no column {missing[0]!r}; it gives {list(given)}."
            )
        return {ours: theirs for ours, theirs in wanted.items() if theirs in given}

    def _conversation_day(self, day: date, conversation_id: str, rows: Sequence[dict[str, Any]]) -> ConversationDay:
        messages = tuple(self._messages(rows))
        started_at, ended_at = time_bounds(messages)
        return ConversationDay(
            conversation_id=ConversationId(f"{self.name}:{conversation_id}"),
            day=day,
            source=self.name,
            title=rows[0].get("title"),
            started_at=started_at,
            ended_at=ended_at,
            updated_at=ended_at,
            content_hash=hash_messages(messages),
            local_only=False,
            messages=messages,
        )

    def _messages(self, rows: Sequence[dict[str, Any]]) -> Iterator[Message]:
        said: list[tuple[Role, MessageKind, str]] = [
            (self._role(row["role"]), self._kind(row.get("kind")), str(row["content"] or "").translate(_UNSTORABLE))
            for row in rows
        ]
        ids = content_message_ids(said)
        taken: set[str] = set()
        for row, (role, kind, content), own_id in zip(rows, said, ids, strict=True):
            given = row.get("message_id")
            message_id = own_id if given is None or str(given) in taken else MessageId(str(given))
            taken.add(message_id)
            yield Message(message_id, role, content, kind, row.get("name"), self._moment(row["timestamp"]))

    def _role(self, value: object) -> Role:
        role = _ROLES.get(str(value).strip().lower())
        if role is None:
            raise SourceError(f"Source {self.name!r} has role {value!r}; expected one of {sorted(_ROLES)}.")
        return role

    def _kind(self, value: object) -> MessageKind:
        if value is None:
            return "text"
        for kind in MESSAGE_KINDS:
            if value == kind:
                return kind
        raise SourceError(f"Source {self.name!r} has kind {value!r}; expected one of {list(MESSAGE_KINDS)}.")

    def _moment(self, value: object) -> datetime | None:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise SourceError(
                    f"Source {self.name!r} has timestamp {value!r}; expected ISO 8601, a timestamp, or epoch seconds."
                ) from None
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return None
