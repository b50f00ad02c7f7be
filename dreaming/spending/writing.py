"""The one thread of a process that writes reservations and settlements to the ledger.

Many calls are under way at once, and a commit to disk takes as long for one entry as for fifty. So
the entries that wait are written together, in one transaction.
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

# Each entry adds rows to one statement and scopes to lock: more would hold the locks for longer.
MOST_TOGETHER = 256
"""The most entries in one transaction."""

# Little beside the seconds that a model takes. Without it each entry would get a commit of its own
# as soon as the thread is free.
GATHERING_SECONDS = 0.025
"""How long the thread waits after the first entry for others to join its transaction."""

# PostgreSQL aborts one of two transactions that wait for each other; redone, it most likely works.
DEADLOCK_ATTEMPTS = 5
"""How often an entry is tried before its deadlock is reported."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An entry that is not written yet, and the future of its result."""

    work: Work
    future: Future[Any] = field(default_factory=Future)


class LedgerWriter:
    """Writes entries in the order in which they are submitted.

    Its thread starts with the first entry, and ends when the writer is closed.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._waiting: SimpleQueue[_Waiting | None] = SimpleQueue()
        """The entries in order; None ends the thread."""
        self._thread: Thread | None = None
        # Two threads that submit the first entry at once would start two writers.
        self._starting = Lock()

    def close(self) -> None:
        """Write what waits, and end the thread."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def submit(self, work: Work) -> Future[Any]:
        """Write an entry soon; the future has its result, or the error that prevented it."""
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._write_all, name="dreaming-ledger", daemon=True)
                self._thread.start()
        waiting = _Waiting(work)
        self._waiting.put(waiting)
        return waiting.future

    def _write_all(self) -> None:
        while (batch := self._next_batch()) is not None:
            # An entry whose caller cancelled it before this point is not written at all. After it,
            # the caller can no longer cancel.
            batch = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            try:
                results = self._write(batch)
            # One bad entry rolls all of them back. Alone, each succeeds or gets its own error.
            except Exception:  # noqa: BLE001
                self._write_each(batch)
            else:
                # After the commit: a caller that has its result may send the call.
                for waiting, result in zip(batch, results, strict=True):
                    waiting.future.set_result(result)

    def _next_batch(self) -> list[_Waiting] | None:
        """Wait for an entry, and take those that follow it; None when the writer is closed."""
        first = self._waiting.get()
        if first is None:
            return None
        time.sleep(GATHERING_SECONDS)
        batch = [first]
        while len(batch) < MOST_TOGETHER and not self._waiting.empty():
            following = self._waiting.get()
            if following is None:
                # Put back: this batch is written first, and the next look ends the thread.
                self._waiting.put(None)
                break
            batch.append(following)
        return batch

    def _write_each(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            try:
                result = self._write([waiting], attempts=DEADLOCK_ATTEMPTS)[0]
            # The caller gets the error from the future. The thread must go on for the others.
            except Exception as error:  # noqa: BLE001
                waiting.future.set_exception(error)
            else:
                waiting.future.set_result(result)

    def _write(self, batch: Sequence[_Waiting], *, attempts: int = 1) -> list[Any]:
        try:
            with self._database.write() as connection:
                entries = Entries(connection, self._clock())
                return entries.make([waiting.work for waiting in batch])
        except StorageError as error:
            # The error's text is the only sign of a deadlock that is left here.
            if attempts > 1 and "deadlock" in str(error):
                return self._write(batch, attempts=attempts - 1)
            raise
