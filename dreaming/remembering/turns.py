"""Who goes first where processors are few: whoever replaces a day, before those who search.

Searches that never pause leave a writer the smaller a share of the processors the more of them
there are. So while a day is being replaced, no more of them run at once than leave one processor
free; the others wait for their turn.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # On Windows, where nobody waits.
    fcntl = None  # type: ignore[assignment]

_LOOKS = 4
_BETWEEN_LOOKS_SECONDS = 0.001


class Turns:
    """The turns of all processes of a machine that use one memory; those of a process that died are
    free at once.
    """

    def __init__(self, folder: Path | None) -> None:
        """The folder of the files that are locked; None where nobody is to wait."""
        self._folder = folder if fcntl else None
        if self._folder:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._places = max((os.cpu_count() or 1) - 1, 1)

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Replace a day in the block; several may at once."""
        if self._folder is None:
            yield
            return
        with _open(self._folder / "replacing") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def searching(self) -> Iterator[None]:
        """Search in the block, which begins when there is a place."""
        if self._folder is None or not _is_held(self._folder / "replacing"):
            yield
            return
        with _open(self._folder / f"searching-{random.randrange(self._places)}") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def _open(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _is_held(path: Path) -> bool:
    """Whether it is held for longer than others need who look whether it is."""
    with _open(path) as file:
        for _ in range(_LOOKS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(random.random() * _BETWEEN_LOOKS_SECONDS)
            else:
                return False
    return True
