"""Which process this is, and whether another one is still alive: a pid alone is given out again."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import psutil

_PRECISION_SECONDS = 1.5
"""The time of the boot is told in whole seconds, and worked out anew from the clock each time."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, told apart from every other one that was or will be."""

    host: str
    boot_id: str
    pid: int
    started: float
    """Seconds after the machine's boot: a clock that is set does not change it."""

    def is_alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be known: it is on another machine."""
        if self.host != socket.gethostname():
            return None
        if self.boot_id != boot_id():
            return False
        try:
            started = _seconds_after_boot(self.pid)
        except psutil.NoSuchProcess:
            return False
        # A new process may have got the number of the dead one.
        return abs(started - self.started) < _PRECISION_SECONDS

    def __str__(self) -> str:
        return f"{self.host}|{self.boot_id}|{self.pid}|{self.started}"

    @classmethod
    def parse(cls, text: str) -> "ProcessIdentity":
        """The identity that was written as text."""
        host, boot, pid, started = text.rsplit("|", 3)
        return cls(host, boot, int(pid), float(started))


def is_over(owner: str | None, until: datetime | None, now: datetime) -> bool:
    """Whether the process that began something is gone.

    By the process itself; where that cannot be asked, by the time after which it surely is.

    `owner` is an identity as text, None where no process minds it any more; `until` is when it
    surely is over.
    """
    alive = None if owner is None else ProcessIdentity.parse(owner).is_alive()
    return until is not None and until < now if alive is None else not alive


def this_process() -> ProcessIdentity:
    """The identity of the process that asks."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> ProcessIdentity:
    return ProcessIdentity(socket.gethostname(), boot_id(), pid, _seconds_after_boot(pid))


def _seconds_after_boot(pid: int) -> float:
    return psutil.Process(pid).create_time() - psutil.boot_time()


def boot_id() -> str:
    """What changes when the machine restarts."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else str(int(psutil.boot_time()))
