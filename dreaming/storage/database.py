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
"""What was imported; what was bought and asked; the index of chunks.

In SQLite each is a file, on PostgreSQL they share one database.
"""

# Writers hold a file for seconds at most; among many busy processes a wait takes longer. After this
# something is wrong, and an error says which database is held.
LOCK_PATIENCE_SECONDS = 60.0
"""How long a writer waits for other writers of the same SQLite file."""

# SQLite's own waiting is short, because `_retry_locked` does the rest of it.
_BUSY_TIMEOUT_SECONDS = 0.05

# Random pauses, so that processes that wait for one another do not retry in step.
_RETRY_PAUSE = tenacity.wait_random(0.001, 0.05)

# Only the first opening of a file changes its journal mode, while others may be opening it too.
_WAL_PATIENCE_SECONDS = 5

_Result = TypeVar("_Result")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970, the same in both dialects."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: sa.Dialect,  # noqa: ARG002
    ) -> int | None:
        """To microseconds."""
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(
        self,
        value: int | None,
        dialect: sa.Dialect,  # noqa: ARG002
    ) -> datetime | None:
        """From microseconds."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Database:
    """One of the project's databases, at the newest schema."""

    def __init__(self, engine: sa.Engine, name: DatabaseName) -> None:
        self.engine = engine
        self.name = name
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._reader = engine
        if not self.is_sqlite:
            # A read transaction of SQLite sees one state of the database; PostgreSQL's default
            # shows each statement what was committed before it.
            self._reader = engine.execution_options(isolation_level="REPEATABLE READ")
        # SQLite's default takes the write lock at the first write. Two transactions that have both
        # read by then would refuse each other.
        self._writer = engine.execution_options(dreaming_begin="BEGIN IMMEDIATE")
        # The ledger is written row by row, under locks of rows: many upgrade runs write at once.
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
                # SQLite has one writer at a time: code that looks a row up and then inserts it
                # relies on it.
                lock = sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))")
                connection.execute(lock, {"name": self.name})
            yield connection

    def _begin(self, connection: sa.Connection) -> sa.RootTransaction:
        return _retry_locked(connection.begin)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the driver into the project's."""
        try:
            yield
        except DBAPIError as error:
            # Not "from error": its text quotes statements and rows, which have what people said.
            kind = DamagedDatabase if _is_damaged(error) else StorageError
            url = self.engine.url.render_as_string(hide_password=True)
            raise kind(f"The {self.name} database at {url} refused: {_reason(error)}") from None

    def erase_deleted(self) -> None:
        """Make deleted rows unreadable in the file too.

        On PostgreSQL, its own vacuum does so later.
        """
        if not self.is_sqlite:
            return
        with (
            self._translated(),
            # Without a transaction, in which VACUUM does not run.
            self.engine.connect().execution_options(dreaming_begin="") as connection,
        ):
            _retry_locked(lambda: connection.exec_driver_sql("VACUUM"))
            # The log has the old pages until it is cut.
            _retry_locked(lambda: _checkpoint(connection))

    def close(self) -> None:
        self.engine.dispose()


def insert_new(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows whose key does not exist yet.

    Another process may insert the same ones at the same time: the database decides, not a look-up.
    """
    if not rows:
        return
    # Each dialect of SQLAlchemy has this insert of its own, for the same SQL.
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table).on_conflict_do_nothing()
    connection.execute(insert, [dict(row) for row in rows])


def fetch_raw(result: sa.CursorResult[Any]) -> Sequence[Any]:
    """The rows as the driver returns them, for queries of thousands of rows.

    SQLAlchemy would make an object of each.
    """
    return result.cursor.fetchall() if result.cursor else ()


def open_database(
    name: DatabaseName,
    *,
    home: Path,
    database_url: str | None,
) -> Database:
    """Open one of the project's databases, and bring its schema up to date.

    A file of the memory index that is not a database is set aside: the index can be rebuilt. Raises
    `StorageError` when a database cannot be created or read, or is of a newer dreaming, and
    `ConfigurationError` for a URL that cannot be used.
    """
    if database_url:
        return _open(_postgresql_engine(database_url), name, home)
    # Only SQLite may open its files: when this process closes one otherwise, POSIX drops the locks
    # that SQLite has on it.
    path = home / f"{name}.sqlite"
    try:
        return _open(_sqlite_engine(path), name, home)
    except DamagedDatabase:
        # The others cannot be rebuilt: the user decides.
        if name != "memory":
            raise
        path.replace(path.with_suffix(".damaged"))
        return _open(_sqlite_engine(path), name, home)


def _open(
    engine: sa.Engine,
    name: DatabaseName,
    home: Path,
) -> Database:
    from dreaming.storage.migrations import upgrade_schema

    database = Database(engine, name)
    upgrade_schema(database, home=home)
    return database


def _postgresql_engine(url: str) -> sa.Engine:
    # Raised "from None": the messages of these errors may quote the URL, and its password.
    try:
        # Many updates of the ledger go to the server at once, instead of one after the other.
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
    # SQLAlchemy's pool gives a connection to one thread at a time; the driver would bind it to the
    # thread that opened it.
    connect_args = {"timeout": _BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    engine = sa.create_engine(f"sqlite:///{path}", connect_args=connect_args)
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not begin transactions: `_begin_sqlite` does, and writers begin IMMEDIATE.
    connection.isolation_level = None
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(sqlite3.OperationalError),
        wait=_RETRY_PAUSE,
        stop=tenacity.stop_after_delay(_WAL_PATIENCE_SECONDS),
        reraise=True,
    )
    # With a write-ahead log, searches read while a day is written.
    retrying(connection.execute, "PRAGMA journal_mode=WAL")
    # A commit survives a power failure: the ledger must not forget a paid call.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    statement = connection.get_execution_options().get("dreaming_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _retry_locked(action: Callable[[], _Result]) -> _Result:
    """Run an action, again and again while another process has the database locked."""
    # Retried here, because with SQLite's own busy handler a process can starve among busy ones.
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_locked),
        wait=_RETRY_PAUSE,
        stop=tenacity.stop_after_delay(LOCK_PATIENCE_SECONDS),
        reraise=True,
    )
    return retrying(action)


def _checkpoint(connection: sa.Connection) -> None:
    """Write the log into the file, and cut it."""
    is_busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar()
    # Reported as a value, not as an error: raised, so that it is retried like other locks.
    if is_busy:
        reason = sqlite3.OperationalError("database is locked")
        raise OperationalError("PRAGMA wal_checkpoint", None, reason)


def _reason(error: DBAPIError) -> str:
    """The message of a database error, without the values of rows, which have chat text."""
    # PostgreSQL's message also has a DETAIL, which quotes rows; its primary part does not.
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "message_primary", None) or str(error.orig)


def _is_damaged(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, OperationalError) and "locked" in str(error.orig)
