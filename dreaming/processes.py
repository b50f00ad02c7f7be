"""Which process this is, and whether another one is still alive: a pid alone is given out again."""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, told apart from every other one that was or will be."""

    host: str
    boot_id: str
    pid: int
    started_at: datetime

    def is_alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be told from here: it is on another machine."""
        if self.host != socket.gethostname():
            return None
        if self.boot_id != boot_id():
            return False
        try:
            started_at = datetime.fromtimestamp(psutil.Process(self.pid).create_time(), UTC)
        except psutil.NoSuchProcess:
            return False
        # A new process may have got the number of the dead one.
        return abs(started_at - self.started_at) < timedelta(seconds=1)

    def __str__(self) -> str:
        return f"{self.host}|{self.boot_id}|{self.pid}|{self.started_at.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> "ProcessIdentity":
        """The identity that was written as text."""
        host, boot, pid, started_at = text.rsplit("|", 3)
        return cls(host, boot, int(pid), datetime.fromisoformat(started_at))


def this_process() -> ProcessIdentity:
    """The identity of the process that asks."""
    return _identity(os.getpid())


@cache
def _identity(pid: int) -> ProcessIdentity:
    started_at = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    return ProcessIdentity(socket.gethostname(), boot_id(), pid, started_at)


def boot_id() -> str:
    """What changes when the machine restarts."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else str(int(psutil.boot_time()))
