"""A SQL database, SQLite or PostgreSQL, through one code path."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
import tenacity
from sqlalchemy.exc import DBAPIError, OperationalError

from dreaming.errors import StorageError

DatabaseName = Literal["archive", "ledger", "memory"]
"""What was imported; what was bought and asked; the index of chunks. On PostgreSQL they share one database."""

LOCK_PATIENCE_SECONDS = 60.0
"""How long a writer waits for another writer of the same SQLite file."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970 so that both dialects hold the same."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        """To microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """From microseconds."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Database:
    """One of the project's databases, at the newest schema."""

    def __init__(self, engine: sa.Engine, name: DatabaseName) -> None:
        self.engine = engine
        self.name = name
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._writer = engine.execution_options(dreaming_begin="BEGIN IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database and changes nothing."""
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end, or rolled back whole on an error.

        Raises `StorageError` when another process holds the database for longer than `LOCK_PATIENCE_SECONDS`.
        """
        with self._translated(), self._writer.connect() as connection, self._begin(connection):
            yield connection

    def _begin(self, connection: sa.Connection) -> sa.RootTransaction:
        # SQLite's own busy handler can starve a process among busy ones; short tries with jitter do not.
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_locked),
            wait=tenacity.wait_random(0.001, 0.05),
            stop=tenacity.stop_after_delay(LOCK_PATIENCE_SECONDS),
            reraise=True,
        ):
            with attempt:
                return connection.begin()
        raise AssertionError("unreachable: the last attempt raises")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StorageError(f"The {self.name} database at {self._where()} refused: {error.orig}") from error

    def _where(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)

    def erase_deleted(self) -> None:
        """Make what was deleted unreadable in the file too; PostgreSQL's own vacuum does the same in its time."""
        if self.is_sqlite:
            with self._translated(), self.engine.connect().execution_options(dreaming_begin="") as connection:
                connection.exec_driver_sql("VACUUM")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def open_database(name: DatabaseName, *, home: Path, database_url: str | None) -> Database:
    """Open one of the project's databases, bringing its schema up to date.

    Raises `StorageError` when it cannot be created, read, or is of a newer dreaming.
    """
    from dreaming.storage.migrations import upgrade_schema

    engine = _postgresql_engine(database_url) if database_url else _sqlite_engine(home / f"{name}.sqlite")
    database = Database(engine, name)
    upgrade_schema(database, home=home)
    return database


def _postgresql_engine(url: str) -> sa.Engine:
    return sa.create_engine(url, pool_pre_ping=True)


def _sqlite_engine(path: Path) -> sa.Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise StorageError(f"SQLite {sqlite3.sqlite_version} is too old; dreaming needs 3.35 or later.")
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.05, "check_same_thread": False})
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: writers begin IMMEDIATE, or two readers that turn writers
    # would refuse each other at once.
    connection.isolation_level = None
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(sqlite3.OperationalError),
        wait=tenacity.wait_random(0.001, 0.05),
        stop=tenacity.stop_after_delay(5),
        reraise=True,
    ):
        with attempt:
            connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    statement = connection.get_execution_options().get("dreaming_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
