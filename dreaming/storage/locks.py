"""One writer of a day at a time, over threads, processes and, with PostgreSQL, machines."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Protocol

import filelock
import sqlalchemy as sa

from dreaming.errors import StorageError
from dreaming.storage.database import Database

# No writer holds the lock over a paid call, so that waits are short. After this long the other
# writer hangs.
PATIENCE_SECONDS = 600.0
"""How long a writer waits for another writer of the day."""


class DayLocks(Protocol):
    """The lock of each day. Those of a process that died are released."""

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the lock for the block; raises `StorageError` after `PATIENCE_SECONDS`."""
        ...


class FileDayLocks:
    """Locks as files of the operating system, for one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the lock of the day's file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{day}.lock"
        lock = filelock.FileLock(path, timeout=PATIENCE_SECONDS, mode=0o600)
        try:
            with lock:
                yield
        except filelock.Timeout as error:
            raise StorageError(
                f"Day {day} has been held by another writer for {PATIENCE_SECONDS:.0f} s: "
                f"{lock.lock_file}"
            ) from error


class PostgresDayLocks:
    """Advisory locks of PostgreSQL, for several machines.

    The server releases them when a connection ends.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the day's advisory lock."""
        with self._database.write() as connection:
            milliseconds = int(PATIENCE_SECONDS * 1000)
            # LOCAL: the connection goes back to the pool, where its timeout must not stay.
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {milliseconds}"))
            # Two numbers: the first keeps days apart from other advisory locks of the database.
            lock = sa.text("SELECT pg_advisory_xact_lock(hashtext('dreaming:day'), :day)")
            connection.execute(lock, {"day": day.toordinal()})
            yield
