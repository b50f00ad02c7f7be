"""A SQL database, SQLite or PostgreSQL, through one code path."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa
import tenacity
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from dreaming.errors import ConfigurationError, DamagedDatabase, StorageError

DatabaseName = Literal["archive", "ledger", "memory"]
"""What was imported; what was bought and asked; the index of chunks. On PostgreSQL they share one
database.
"""

LOCK_PATIENCE_SECONDS = 60.0
"""How long a writer waits for another writer of the same SQLite file."""

_Result = TypeVar("_Result")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970 so
    that both dialects hold the same.
    """

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
        # As SQLite has it anyway: by itself PostgreSQL shows each statement what was committed
        # before it.
        self._reader = (
            engine
            if self.is_sqlite
            else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._writer = engine.execution_options(dreaming_begin="BEGIN IMMEDIATE")
        self._one_writer = not self.is_sqlite and name != "ledger"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database and changes nothing."""
        with self._translated(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end, or rolled back whole on an error.

        Raises `StorageError` when another process holds the database for longer than
        `LOCK_PATIENCE_SECONDS`.
        """
        with self._translated(), self._writer.connect() as connection, self._begin(connection):
            if self._one_writer:
                # As SQLite has it anyway: what is looked up and then inserted must not be inserted
                # in between.
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": self.name}
                )
            yield connection

    def _begin(self, connection: sa.Connection) -> sa.RootTransaction:
        return _patiently(connection.begin)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # Not "from error": its text quotes statements and rows, which hold what people said.
            kind = DamagedDatabase if _is_damaged(error) else StorageError
            raise kind(
                f"The {self.name} database at {self._where()} refused: {_reason(error)}"
            ) from None

    def _where(self) -> str:
        return self.engine.url.render_as_string(hide_password=True)

    def erase_deleted(self) -> None:
        """Make what was deleted unreadable in the file too; PostgreSQL's own vacuum does the same
        in its time.
        """
        if self.is_sqlite:
            with (
                self._translated(),
                self.engine.connect().execution_options(dreaming_begin="") as connection,
            ):
                _patiently(lambda: connection.exec_driver_sql("VACUUM"))
                _patiently(lambda: _checkpoint(connection))

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def insert_new(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows whose key is not there; another process may
    insert the same at the same time.
    """
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(
            dialect.insert(table).on_conflict_do_nothing(), [dict(row) for row in rows]
        )


def fetch_raw(result: sa.CursorResult[Any]) -> Sequence[Any]:
    """The rows as the driver gives them: where there are thousands, SQLAlchemy would make an object
    of each.
    """
    return result.cursor.fetchall() if result.cursor else ()


def open_database(name: DatabaseName, *, home: Path, database_url: str | None) -> Database:
    """Open one of the project's databases, bringing its schema up to date.

    A memory index that is no database any more is set aside: it can be rebuilt. Raises
    `StorageError` when a database cannot be created or read, or is of a newer dreaming, and
    `ConfigurationError` for a URL that cannot be used.
    """
    if database_url:
        return _open(_postgresql_engine(database_url), name, home)
    # Nothing but SQLite may open its files: on any close, POSIX drops the locks that this process
    # has on the file.
    path = home / f"{name}.sqlite"
    try:
        return _open(_sqlite_engine(path), name, home)
    except DamagedDatabase:
        if name != "memory":
            raise
        path.replace(path.with_suffix(".damaged"))
        return _open(_sqlite_engine(path), name, home)


def _open(engine: sa.Engine, name: DatabaseName, home: Path) -> Database:
    from dreaming.storage.migrations import upgrade_schema

    database = Database(engine, name)
    upgrade_schema(database, home=home)
    return database


def _postgresql_engine(url: str) -> sa.Engine:
    # The messages of these errors may quote the URL, and its password.
    try:
        # In batches: many updates of the ledger go to the server at once, not one after the other.
        return sa.create_engine(url, pool_pre_ping=True, executemany_mode="values_plus_batch")
    except ImportError as error:
        raise ConfigurationError(
            f"DREAMING_DATABASE_URL names the driver {error.name!r}, which is not installed. "
            "Use postgresql://, or install the driver."
        ) from None
    except (ValueError, ArgumentError) as error:
        raise ConfigurationError(
            f"DREAMING_DATABASE_URL cannot be used: {type(error).__name__}. "
            "Expected postgresql://user:password@host:5432/name."
        ) from None


def _sqlite_engine(path: Path) -> sa.Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise StorageError(
            f"SQLite {sqlite3.sqlite_version} is too old; dreaming needs 3.35 or later."
        )
    engine = sa.create_engine(
        f"sqlite:///{path}", connect_args={"timeout": 0.05, "check_same_thread": False}
    )
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions by itself: writers begin IMMEDIATE, or two readers that
    # turn writers would refuse each other at once.
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


def _patiently(action: Callable[[], _Result]) -> _Result:
    """Do what another process may have locked: SQLite's own busy handler can starve among busy
    processes.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_locked),
        wait=tenacity.wait_random(0.001, 0.05),
        stop=tenacity.stop_after_delay(LOCK_PATIENCE_SECONDS),
        reraise=True,
    )
    return retrying(action)


def _checkpoint(connection: sa.Connection) -> None:
    busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
    if busy:
        raise OperationalError(
            "PRAGMA wal_checkpoint", None, sqlite3.OperationalError("database is locked")
        )


def _reason(error: DBAPIError) -> str:
    """What the database said, without PostgreSQL's DETAIL: that quotes rows, and rows hold chat
    text.
    """
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "message_primary", None) or str(error.orig)


def _is_damaged(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
