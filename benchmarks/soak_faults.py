"""What is done to work that is under way."""

import resource
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from time import sleep

from benchmarks.soak_world import Process, Soak

Strike = Callable[[Soak, Process, Random, tuple[str, ...]], None]
"""Does it to a process that makes a run, and mends it again; told the command, to start it once
more.
"""

ASLEEP_SECONDS = 8.0
AWAY_SECONDS = 3.0
FULL_AT_KILOBYTES = (60, 400)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault."""

    strike: Strike
    embedded: bool = False
    """On SQLite and local files, in the place of PostgreSQL and an object store."""
    file_kilobytes: tuple[int, int] | None = None
    """No file of the process can grow beyond a size between these."""

    def before(self, chance: Random) -> Callable[[], None] | None:
        """What is done in the process before it begins."""
        if self.file_kilobytes is None:
            return None
        limit = chance.randint(*self.file_kilobytes) * 1024
        return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def _restart_postgres(
    soak: Soak, _process: Process, _chance: Random, _command: tuple[str, ...]
) -> None:
    soak.services.restart_postgres()


def _fail_store(soak: Soak, _process: Process, chance: Random, _command: tuple[str, ...]) -> None:
    soak.services.moods.failing_share = chance.choice((0.3, 1.0))
    sleep(AWAY_SECONDS)
    soak.services.moods.failing_share = 0.0


def _slow_store(soak: Soak, _process: Process, chance: Random, _command: tuple[str, ...]) -> None:
    soak.services.moods.slow_seconds = chance.uniform(0.5, 1.5)
    sleep(2 * AWAY_SECONDS)
    soak.services.moods.slow_seconds = 0.0


def _nothing(_soak: Soak, _process: Process, _chance: Random, _command: tuple[str, ...]) -> None:
    """It was done to the process before it began."""


def _kill(_soak: Soak, process: Process, _chance: Random, _command: tuple[str, ...]) -> None:
    process.kill()


def _sleep(_soak: Soak, process: Process, _chance: Random, _command: tuple[str, ...]) -> None:
    process.send_signal(signal.SIGSTOP)
    sleep(ASLEEP_SECONDS)
    process.send_signal(signal.SIGCONT)


def _twice(soak: Soak, _process: Process, _chance: Random, command: tuple[str, ...]) -> None:
    others = [soak.start(*command) for _ in range(2)]
    for other in others:
        other.wait()


FAULTS: Mapping[str, Fault] = {
    "PostgreSQL restarts": Fault(_restart_postgres),
    "object store answers 503": Fault(_fail_store),
    "object store writes slowly": Fault(_slow_store),
    "disk full": Fault(_nothing, embedded=True, file_kilobytes=FULL_AT_KILOBYTES),
    "worker killed, PostgreSQL and S3": Fault(_kill),
    "worker killed, embedded": Fault(_kill, embedded=True),
    "asleep in the middle": Fault(_sleep),
    "the same run three times at once": Fault(_twice),
}
