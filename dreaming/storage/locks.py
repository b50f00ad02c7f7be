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

PATIENCE_SECONDS = 600.0
"""How long a writer waits for the day's other writer: no writer holds it over a paid call."""


class DayLocks(Protocol):
    """Gives each day's lock; a lock of a process that died is free at once."""

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the day for the block; raises `StorageError` after `PATIENCE_SECONDS`."""
        ...


class FileDayLocks:
    """Locks as files of the operating system, for one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the day's file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(self._folder / f"{day}.lock", timeout=PATIENCE_SECONDS, mode=0o600)
        try:
            with lock:
                yield
        except filelock.Timeout as error:
            raise StorageError(
                f"Day {day} has been held by another writer for {PATIENCE_SECONDS:.0f} s: "
                f"{lock.lock_file}"
            ) from error


class PostgresDayLocks:
    """Advisory locks of PostgreSQL, for several machines; the server frees them when a connection
    ends.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(self, day: date) -> Iterator[None]:
        """Hold the day's advisory lock."""
        with self._database.write() as connection:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {int(PATIENCE_SECONDS * 1000)}"))
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtext('dreaming:day'), :day)"),
                {"day": day.toordinal()},
            )
            yield
