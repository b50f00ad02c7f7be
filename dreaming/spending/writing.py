"""The one thread of a process that writes the ledger.

Many calls are under way at once, and a commit to disk takes as long for one entry as for fifty: so
what waits is written together.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from dreaming.errors import StorageError
from dreaming.spending.entries import Entries, Work
from dreaming.storage.database import Database

MOST_TOGETHER = 256
"""Entries in one transaction."""
GATHERING_SECONDS = 0.025
"""How long entries are gathered before they are written: nothing beside the time that a model
takes.
"""
DEADLOCK_ATTEMPTS = 5
"""PostgreSQL ends one of two transactions that wait for each other; it is done again."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work
    future: Future[Any] = field(default_factory=Future)


class LedgerWriter:
    """Writes entries in the order in which they come. Its thread begins with the first, and ends
    when it is closed.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def submit(self, work: Work) -> Future[Any]:
        """Have an entry written; gives what became of it, or the error that kept it from being
        written.
        """
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._write_all, name="dreaming-ledger", daemon=True)
                self._thread.start()
        waiting = _Waiting(work)
        self._waiting.put(waiting)
        return waiting.future

    def _write_all(self) -> None:
        while (batch := self._next_batch()) is not None:
            batch = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            try:
                results = self._write(batch)
            except Exception:  # noqa: BLE001 # of one of them: alone, each succeeds or tells its own error
                self._write_each(batch)
            else:
                for waiting, result in zip(batch, results, strict=True):
                    waiting.future.set_result(result)

    def _next_batch(self) -> list[_Waiting] | None:
        first = self._waiting.get()
        if first is None:
            return None
        time.sleep(GATHERING_SECONDS)
        batch = [first]
        while len(batch) < MOST_TOGETHER and not self._waiting.empty():
            following = self._waiting.get()
            if following is None:
                self._waiting.put(None)
                break
            batch.append(following)
        return batch

    def _write_each(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            try:
                result = self._write([waiting], attempts=DEADLOCK_ATTEMPTS)[0]
            except Exception as error:  # noqa: BLE001 # whoever waits for it is told
                waiting.future.set_exception(error)
            else:
                waiting.future.set_result(result)

    def _write(self, batch: Sequence[_Waiting], *, attempts: int = 1) -> list[Any]:
        try:
            with self._database.write() as connection:
                return Entries(connection, self._clock()).make([waiting.work for waiting in batch])
        except StorageError as error:
            if attempts > 1 and "deadlock" in str(error):
                return self._write(batch, attempts=attempts - 1)
            raise
