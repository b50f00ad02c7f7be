"""Whether the memory of a day stays flat as the day grows: 10 MB and 100 MB of conversations on one
day.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.corpus import Corpus
from benchmarks.result import Aim, Cell, Result

DAY_MEGABYTES = (10, 100)
AIM_TIMES = 1.5


def measure_memory(corpus: Corpus) -> Result:
    """Run a day of each size in a process of its own, after another one has imported it."""
    rows = [_measure(megabytes, corpus.data) for megabytes in DAY_MEGABYTES]
    small, large = (float(row["peak MB"] or 0) for row in rows)
    return Result(
        name="memory",
        title="a day through all steps (Pipeline.run_day), by its size",
        rows=tuple(rows),
        aims=(
            Aim(
                f"peak memory of a day of {DAY_MEGABYTES[1]} MB at most {AIM_TIMES:g} x that of "
                f"{DAY_MEGABYTES[0]} MB",
                large / small,
                bound=AIM_TIMES,
                at_most=True,
            ),
        ),
        notes=(f"Text: {corpus.source}.",),
    )


def _measure(megabytes: int, data: Path | None) -> dict[str, Cell]:
    with TemporaryDirectory(prefix="dreaming-memory-") as folder:
        made = _in_own_process("import", folder, megabytes, data)
        ran = _in_own_process("run", folder, megabytes, data)
    return {
        "day": f"{megabytes} MB",
        "conversations": made["conversations"],
        "chunks": ran["chunks"],
        "import MB": made["peak_mb"],
        "idle MB": ran["idle_mb"],
        "peak MB": ran["peak_mb"],
        "seconds": ran["seconds"],
        "MB/s": megabytes / ran["seconds"],
    }


def _in_own_process(step: str, home: str, megabytes: int, data: Path | None) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory_day",
        step,
        home,
        str(megabytes),
        *([str(data)] if data else []),
    ]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found
