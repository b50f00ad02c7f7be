"""The same questions with a budget of words, and with filters."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from benchmarks.corpus import load_corpus
from benchmarks.made_up_memory import LABELS, days_of, read_talk
from benchmarks.search_engines import (
    LIMIT,
    Figures,
    milliseconds,
    open_memory,
    percentiles,
    questions,
    warm,
)
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.search import Memory

BUDGET_WORDS = 1_000
RANGE_DAYS = 30


def search_variants(folder: Path, data: Path | None, chunk_count: int) -> Figures:
    """Ask our memory in each way."""
    talk, days = read_talk(load_corpus(data)), days_of(chunk_count)
    asked = [question for each in questions(talk).values() for question in each]
    figures: Figures = {}
    with open_memory(folder, days[-1]) as home:
        for told, ask in _ways(home.memory, days[len(days) // 2]).items():
            warm(ask, talk)
            figures |= percentiles(f", {told}", milliseconds(ask, asked))
    return figures


def _ways(memory: Memory, day: date) -> dict[str, Callable[[str], object]]:
    in_range = ChunkFilter(first_day=day - timedelta(RANGE_DAYS - 1), last_day=day)
    return {
        f"{BUDGET_WORDS:,} words": partial(memory.search, budget_words=BUDGET_WORDS),
        "one language": partial(memory.search, wanted=ChunkFilter(languages=("ja",)), limit=LIMIT),
        "one label": partial(memory.search, wanted=ChunkFilter(labels=LABELS[:1]), limit=LIMIT),
        f"{RANGE_DAYS} days": partial(memory.search, wanted=in_range, limit=LIMIT),
    }
