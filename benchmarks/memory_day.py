"""The process whose memory is measured: imports or runs one big day, and prints its figures as
JSON.
"""

import json
import resource
import sys
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.corpus import load_corpus, make_conversations
from dreaming.home import Home, open_home
from dreaming.testing import make_settings

DAY = date(2026, 3, 1)
CONVERSATION_BYTES = (20_000, 30_000, 40_000, 50_000)
"""Their sizes, in turns: long talks, none of which is big by itself."""


def main(step: str, home_folder: str, megabytes: str, data: str | None = None) -> None:
    """Do a step of the day in a home, and print the figures."""
    with open_home(make_settings(Path(home_folder)), folders=(), sources=()) as home:
        found = (
            _import(home, int(megabytes), Path(data) if data else None)
            if step == "import"
            else _run(home)
        )
    print(json.dumps(found | {"peak_mb": peak_mb()}))


def _import(home: Home, megabytes: int, data: Path | None) -> dict[str, Any]:
    count = megabytes * 1_000_000 * len(CONVERSATION_BYTES) // sum(CONVERSATION_BYTES)
    sizes = list(islice(cycle(CONVERSATION_BYTES), count))
    stored = home.archive.add(make_conversations(load_corpus(data), DAY, conversation_bytes=sizes))
    return {"conversations": stored.added}


def _run(home: Home) -> dict[str, Any]:
    idle, started = peak_mb(), perf_counter()
    statistics = home.pipeline.run_day(DAY)
    return {"chunks": statistics.chunks, "seconds": perf_counter() - started, "idle_mb": idle}


def peak_mb() -> float:
    """The most memory that this process has had resident, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not `ru_maxrss`: Linux starts a child's at the peak of the process that made it.
        kibibytes = next(
            line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")
        )
        return int(kibibytes) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main(*sys.argv[1:])
