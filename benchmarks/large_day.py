"""A day of a million messages: `dreaming run` in one piece beside eight shards, its seconds and its
memory.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pyarrow.parquet as pq

from benchmarks.corpus import Corpus, load_corpus, make_talks
from benchmarks.memory_day import peak_mb
from benchmarks.result import Aim, Cell, Result
from benchmarks.servers import bare_environment
from dreaming.home import open_home
from dreaming.settings import Settings

DAY = date(2026, 3, 1)
DAY_MESSAGES = (100_000, 1_000_000)
TALK_MESSAGES = (6, 12, 20, 40, 80, 160)
"""Of usual conversations, in turns."""
HUGE_TALKS, HUGE_MESSAGES = 2, 20_000
"""Conversations that each day has besides: a program's log, talked about all day."""
SHARDS = 8
AIM_TIMES = 1.5
SAMPLE_SECONDS = 0.1


@dataclass(slots=True)
class _Memory:
    """The most memory that processes had resident, in MB."""

    largest: float = 0.0
    """Of any one process."""
    together: float = 0.0
    """Of all at the same time, pages that they share counted for each."""

    def sample(self, process: psutil.Process) -> None:
        """Look at a process and all that it started."""
        sizes = [_resident_mb(each) for each in [process, *process.children(recursive=True)]]
        self.largest, self.together = max(self.largest, *sizes), max(self.together, sum(sizes))


def measure_large_day(corpus: Corpus, sizes: tuple[int, ...] = DAY_MESSAGES) -> Result:
    """Run a day of each size in each way, in the same home, which is brought back to before the run
    in between.
    """
    rows = [row for messages in sizes for row in _measure(messages, corpus)]
    peaks = [float(row["largest process MB"] or 0) for row in rows]
    return Result(
        name="large_day",
        title="one huge day, dreaming run",
        rows=tuple(rows),
        aims=tuple(
            Aim(
                f"largest process of the largest day at most {AIM_TIMES:g} x that of the "
                f"smallest, {way}",
                peaks[-2 + n] / peaks[n],
                bound=AIM_TIMES,
                at_most=True,
            )
            for n, way in enumerate(("one piece", f"{SHARDS} shards"))
        ),
        notes=(f"Text: {corpus.source}.", f"{os.cpu_count()} cores."),
    )


def _measure(messages: int, corpus: Corpus) -> Iterator[dict[str, Cell]]:
    with TemporaryDirectory(prefix="dreaming-large-day-") as folder:
        environment = {
            "DREAMING_HOME": folder,
            "DREAMING_TIMEZONE": "UTC",
            "DAGSTER_HOME": f"{folder}/dagster",
        }
        settings = Settings.from_environment(environment)
        _in_own_process(
            environment,
            "benchmarks.large_day",
            str(messages),
            *([str(corpus.data)] if corpus.data else []),
        )
        hashes = []
        for way, options in (("one piece", ()), (f"{SHARDS} shards", ("--shards", str(SHARDS)))):
            _forget_the_run(settings)
            memory, started = _Memory(), time.perf_counter()
            _in_own_process(
                environment,
                "dagster_project",
                "run",
                "--day",
                DAY.isoformat(),
                "--json",
                *options,
                memory=memory,
            )
            seconds = time.perf_counter() - started
            chunks, same = _content_hash(settings)
            hashes.append(same)
            yield {
                "messages": messages,
                "way": way,
                "chunks": chunks,
                "seconds": seconds,
                "seconds a million": seconds * 1e6 / messages,
                "largest process MB": memory.largest,
                "all processes MB": memory.together,
                "same chunks": "yes" if same == hashes[0] else "NO",
            }


def _in_own_process(
    environment: dict[str, str], *command: str, memory: _Memory | None = None
) -> None:
    process = psutil.Popen(
        [sys.executable, "-m", *command],
        env=bare_environment() | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while process.poll() is None:
        if memory:
            memory.sample(process)
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{command} failed: {process.stderr.read().decode()[-1000:]}")


def _resident_mb(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss) / 1e6
    except psutil.Error:
        return 0.0


def _forget_the_run(settings: Settings) -> None:
    """Leave only what was imported, and no run."""
    for name in ("partitions", "dagster"):
        shutil.rmtree(settings.home / name, ignore_errors=True)
    for file in settings.home.glob("memory.sqlite*"):
        file.unlink()


def _content_hash(settings: Settings) -> tuple[int, str]:
    """The chunks of the day, and the hash of all columns of both chunk partitions but the time they
    were made at.
    """
    found = hashlib.sha256()
    for asset in ("basic_chunks", "upgraded_chunks"):
        file = pq.ParquetFile(Path(settings.store_url) / asset / f"{DAY}.parquet")
        columns = [name for name in file.schema_arrow.names if name != "created_at"]
        for group in range(file.num_row_groups):
            for batch in file.read_row_group(group, columns=columns).to_batches():
                found.update(batch.serialize())
    return file.metadata.num_rows, found.hexdigest()


def fill(messages: str, data: str | None = None) -> None:
    """Import the day into the home that the environment names."""
    sizes, left = [HUGE_MESSAGES] * HUGE_TALKS, int(messages) - HUGE_TALKS * HUGE_MESSAGES
    for size in cycle(TALK_MESSAGES):
        if left <= 0:
            break
        sizes.append(min(size, left))
        left -= sizes[-1]
    with open_home(Settings.from_environment(), folders=(), sources=()) as home:
        home.archive.add(
            make_talks(load_corpus(Path(data) if data else None), DAY, talk_messages=sizes)
        )
    print(peak_mb())


if __name__ == "__main__":
    fill(*sys.argv[1:])
