"""A day of a large memory replaced again and again, while
processes search it and look at that day.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import NamedTuple

from benchmarks.corpus import Corpus
from benchmarks.made_up_memory import days_of, make_day, make_day_in_part, read_talk
from benchmarks.search_engines import Figures, open_memory, percentiles
from benchmarks.searching_reader import MARK, Reading, read_on
from dreaming.remembering.passages import SpokenChunk

READERS = 8
PAUSES_SECONDS = {"without a pause": 0.0, "a question a second each": 1.0}
SMALL_DAY_CHUNKS = 500
EDITIONS: Mapping[str, Callable[..., Iterator[SpokenChunk]]] = {
    "a day replaced": make_day,
    "a day that is new by a tenth": make_day_in_part,
    f"a day of {SMALL_DAY_CHUNKS} chunks replaced": partial(make_day, count=SMALL_DAY_CHUNKS),
}
"""What a day is replaced by."""
REPLACEMENTS = 10
REPLACEMENTS_ALONE = 5
BEFORE_SECONDS = 10.0
"""How long readers search before the first replacement."""


def replace_while_searched(folder: Path, corpus: Corpus, chunk_count: int) -> Figures:
    """Replace the day in the middle: alone, and beside readers in each tempo."""
    days = days_of(chunk_count)
    day, last_day = days[len(days) // 2], days[-1]
    writer = _Writer(folder, corpus, day, last_day)
    figures: Figures = {}
    for what in EDITIONS:
        taken = writer.replace_often(what, REPLACEMENTS_ALONE)
        figures[f"{what}, s, alone"] = median(one.seconds for one in taken)
        figures[f"{what}, s of CPU"] = median(one.cpu_seconds for one in taken)
    wrong = looked = 0
    for tempo, pause_seconds in PAUSES_SECONDS.items():
        of = f"{READERS} readers {tempo}"
        with _readers(folder, corpus.data, day, last_day, pause_seconds) as reading:
            sleep(BEFORE_SECONDS)
            for what in EDITIONS:
                seconds = [one.seconds for one in writer.replace_often(what, REPLACEMENTS, reading)]
                figures |= {
                    f"{what}, s, {of}": median(seconds),
                    f"{what}, the slowest, s, {of}": max(seconds),
                }
        before, meanwhile = reading.taken()
        figures |= percentiles(f", {of}", before) | percentiles(
            f", {of}, a day being replaced", meanwhile
        )
        wrong, looked = wrong + reading.wrong.value, looked + reading.looked.value
    return figures | {
        "searches that looked at the day": looked,
        "searches that saw an old or half a day": wrong,
    }


class _Taken(NamedTuple):
    """How long a replacement took."""

    seconds: float
    cpu_seconds: float
    """Of this process; what else is busy on the machine does not count."""


class _Writer:
    """Replaces a day by another edition of it."""

    def __init__(self, folder: Path, corpus: Corpus, day: date, last_day: date) -> None:
        self._folder = folder
        self._talk = read_talk(corpus)
        self._day = day
        self._last_day = last_day
        self._edition = 0

    def replace_often(self, what: str, times: int, reading: Reading | None = None) -> list[_Taken]:
        """Replace it so many times, after once by the same kind of edition."""
        return [self._replace(what, reading) for _ in range(times + 1)][1:]

    def _replace(self, what: str, reading: Reading | None) -> _Taken:
        """Replace it, and tell readers."""
        self._edition += 1
        marks = f"{MARK} {self._edition}"
        chunks = list(EDITIONS[what](self._talk, self._day, marks=marks))
        with open_memory(self._folder, self._last_day) as home:
            if reading:
                reading.is_written.set()
            started, cpu_started = perf_counter(), process_time()
            home.index.replace_day(self._day, chunks, partition_hash=marks)
            taken = _Taken(perf_counter() - started, process_time() - cpu_started)
            if reading:
                reading.edition.value = self._edition
        return taken


@contextmanager
def _readers(
    folder: Path, data: Path | None, day: date, last_day: date, pause_seconds: float
) -> Iterator[Reading]:
    """Processes that search until the block ends."""
    spawn = get_context("spawn")
    reading = Reading.shared(spawn, READERS)
    work = partial(read_on, reading, folder, data, day, last_day, pause_seconds)
    readers = [spawn.Process(target=work, args=(number,)) for number in range(READERS)]
    for reader in readers:
        reader.start()
    reading.ready.wait()
    try:
        yield reading
    finally:
        reading.is_over.set()
        reading.gather()
        for reader in readers:
            reader.join()
            assert reader.exitcode == 0
