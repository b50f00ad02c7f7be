"""Priority of the processes that replace a day over those that search, where processors are few.

Searches that never pause take processors from a writer: the more searches, the less is left for it.
So while a day is being replaced, at most one search fewer than there are processors runs at once,
and the others wait.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock: there no search waits.
    fcntl = None  # type: ignore[assignment]

# A search that probes the writers' lock holds it for an instant, so that one failed attempt does
# not prove a writer. Four attempts, each after a pause of up to a millisecond, make it rare that a
# search takes another one for a writer; that costs it a wait, never a wrong answer.
_PROBES = 4
_MAX_PAUSE_SECONDS = 0.001


class WriterPriority:
    """The locks of all processes of one machine that use one memory.

    They are `flock` locks on files: the operating system releases those of a process that dies.
    """

    def __init__(self, folder: Path | None) -> None:
        """Use the lock files of a folder; with None, no search ever waits."""
        self._folder = folder if fcntl else None
        if self._folder:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One processor is left for the writer, but on a single one searches must run as well.
        self._slots = max((os.cpu_count() or 1) - 1, 1)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Replace a day in the block; several processes may do so at once."""
        if self._folder is None:
            yield
            return
        with _open(self._folder / "replacing") as file:
            # Shared among writers; searches probe for it with an exclusive lock.
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Search in the block; beside a writer it begins when a slot is free."""
        if self._folder is None or not _has_writer(self._folder / "replacing"):
            yield
            return
        # A slot at random needs no list of waiting searches that the processes would have to share.
        # Two searches may draw the same slot while another is free: then one waits needlessly.
        slot = random.randrange(self._slots)
        with _open(self._folder / f"searching-{slot}") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def _open(path: Path) -> Iterator[int]:
    # Opened anew for each use: threads of one process would share the lock of one open file.
    # Not inherited: a child process would keep the lock after its parent released it.
    file = os.open(
        path,
        os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
        0o600,
    )
    try:
        yield file
    finally:
        os.close(file)


def _has_writer(path: Path) -> bool:
    """Whether a writer holds the lock."""
    with _open(path) as file:
        for _ in range(_PROBES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Another search may be probing. A random pause keeps two from probing in step.
                time.sleep(random.random() * _MAX_PAUSE_SECONDS)
            else:
                return False
    return True
