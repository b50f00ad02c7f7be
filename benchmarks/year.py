"""A year of small days: the same for every home, and every way to run it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from benchmarks.corpus import Corpus, make_conversations
from dreaming.home import Home, open_home
from dreaming.testing import make_settings

DAY_COUNT = 365
FIRST_DAY = date(2025, 6, 1)
CONVERSATION_BYTES = (300, 1_200, 600, 2_500)
"""The short conversations of each day: 4.6 kB of text in four."""


def days() -> list[date]:
    """The days, in order."""
    return [FIRST_DAY + timedelta(days=n) for n in range(DAY_COUNT)]


@contextmanager
def year_home(folder: Path, corpus: Corpus, of_days: Sequence[date]) -> Iterator[Home]:
    """A new home that the days have been imported into, and nothing run."""
    with open_home(make_settings(folder), folders=(), sources=()) as home:
        for day in of_days:
            home.archive.add(make_conversations(corpus, day, conversation_bytes=CONVERSATION_BYTES))
        yield home
