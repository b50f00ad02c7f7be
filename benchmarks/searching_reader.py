"""A process that searches a memory on and on, and looks at the day that is being replaced."""

from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext
from pathlib import Path
from random import Random
from time import perf_counter, sleep
from typing import Any

from benchmarks.corpus import load_corpus
from benchmarks.made_up_memory import CHUNKS_A_DAY, read_talk
from benchmarks.search_engines import LIMIT, open_memory, questions
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.search import Memory

MARK = "neuausgabe"
"""In every new chunk of the replaced day and nowhere else; the number of the edition follows."""
LOOK_EACH = 10
"""Every so many questions a reader looks at the day."""
LOOKED_AT = 100
"""So many of the day's chunks."""


@dataclass(slots=True)
class Reading:
    """What the writer and the readers share."""

    edition: Any
    """The last one that was committed."""
    is_written: Any
    is_over: Any
    ready: Any
    looked: Any
    wrong: Any
    told: Any
    """A queue: of each reader the times before the first replacement, and since."""
    count: int
    _taken: list[tuple[list[float], list[float]]] = field(default_factory=list)

    @classmethod
    def shared(cls, spawn: SpawnContext, count: int) -> "Reading":
        """For so many readers and one writer."""
        return cls(
            edition=spawn.Value("i", 0),
            is_written=spawn.Event(),
            is_over=spawn.Event(),
            ready=spawn.Barrier(count + 1),
            looked=spawn.Value("i", 0),
            wrong=spawn.Value("i", 0),
            told=spawn.SimpleQueue(),
            count=count,
        )

    def gather(self) -> None:
        """Wait for what each reader tells."""
        self._taken = [self.told.get() for _ in range(self.count)]

    def taken(self) -> tuple[list[float], list[float]]:
        """The milliseconds of all readers' questions: before the first replacement, and since."""
        before, since = zip(*self._taken, strict=True)
        return list(chain.from_iterable(before)), list(chain.from_iterable(since))


def read_on(
    reading: Reading,
    folder: Path,
    data: Path | None,
    day: date,
    last_day: date,
    pause_seconds: float,
    number: int,
) -> None:
    """Search until it is over, and tell how long each search took."""
    asked = [
        question for each in questions(read_talk(load_corpus(data))).values() for question in each
    ]
    numbers = Random(number)
    taken: tuple[list[float], list[float]] = ([], [])
    with open_memory(folder, last_day) as home:
        home.memory.search(numbers.choice(asked))
        reading.ready.wait()
        sleep(pause_seconds * numbers.random())
        while not reading.is_over.is_set() and _is_wanted():
            at = taken[reading.is_written.is_set()]
            started = perf_counter()
            home.memory.search(numbers.choice(asked), limit=LIMIT)
            at.append((perf_counter() - started) * 1000)
            if len(at) % LOOK_EACH == 0 and reading.edition.value:
                _look(reading, home.memory, day)
            sleep(max(0.0, pause_seconds - (perf_counter() - started)))
    reading.told.put(taken)


def _is_wanted() -> bool:
    """Whether there is still somebody who will say that it is over."""
    parent = parent_process()
    return parent is None or parent.is_alive()


def _look(reading: Reading, memory: Memory, day: date) -> None:
    """Count whether the day is one edition throughout, and none
    before the last that was committed.
    """
    committed = reading.edition.value
    hits = memory.search(MARK, ChunkFilter(first_day=day, last_day=day), limit=LOOKED_AT)
    editions = {int(hit.chunk.content.rsplit(" ", 1)[1]) for hit in hits}
    is_right = (
        len(hits) == min(LOOKED_AT, CHUNKS_A_DAY)
        and len(editions) == 1
        and min(editions) >= committed
    )
    for counter, more in ((reading.looked, 1), (reading.wrong, not is_right)):
        with counter.get_lock():
            counter.value += more
