"""Search engines that hold the same chunks and are asked the same: ours, and other people's as far
as installed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.corpus import load_corpus
from benchmarks.made_up_memory import (
    Talk,
    days_of,
    make_day,
    make_questions,
    read_talk,
    two_character_words,
)
from dreaming.home import Home, open_home
from dreaming.remembering.passages import SpokenChunk
from dreaming.testing import FixedClock, make_settings

LIMIT = 10
QUESTIONS = 100
"""Of each language."""
WARMING = 25
"""Other questions of each language, asked before."""
TWO_CHARACTER_WORDS = 500
_ASKING, _WARMING = 1, 2

Figures = dict[str, float]
Search = Callable[[str], Sequence[str]]
"""A question -> the texts of its hits."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that holds chunks and finds them."""

    modules: tuple[str, ...]
    """What must be installed."""
    fill: Callable[[Path, Iterable[Sequence[SpokenChunk]]], None]
    """Holds the chunks of days in a folder."""
    open: Callable[[Path, date], AbstractContextManager[Search]]
    """Opens what a folder holds, to be asked on a day."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not installed."""
        return tuple(module for module in self.modules if find_spec(module) is None)


def build(name: str, folder: Path, data: Path | None, chunk_count: int) -> Figures:
    """Fill an engine; making the chunks is part of the time, since some engines work meanwhile."""
    talk, days = read_talk(load_corpus(data)), days_of(chunk_count)
    started = perf_counter()
    ENGINES[name].fill(folder, (list(make_day(talk, day)) for day in days))
    seconds = perf_counter() - started
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "chunks/s": chunk_count / seconds,
        "GB": size / 1e9,
        "bytes a chunk": size / chunk_count,
    }


def search(name: str, folder: Path, data: Path | None, chunk_count: int) -> Figures:
    """Ask an engine the questions, and for words of two Chinese or Japanese characters."""
    talk = read_talk(load_corpus(data))
    with ENGINES[name].open(folder, days_of(chunk_count)[-1]) as ask:
        figures = {
            "first question, ms": milliseconds(
                ask, ["What is the first thing that anybody asked about?"]
            )[0]
        }
        warm(ask, talk)
        taken = {language: milliseconds(ask, asked) for language, asked in questions(talk).items()}
        figures |= percentiles("", [ms for each in taken.values() for ms in each])
        figures |= {
            f"p50 ms, {language}": percentiles("", each)["p50 ms"]
            for language, each in taken.items()
        }
        words = two_character_words(talk, TWO_CHARACTER_WORDS)
        found = sum(any(word in text for text in ask(word)) for word in words)
    return figures | {"two-character words found": found / len(words)}


def questions(talk: Talk) -> dict[Any, list[str]]:
    """Those that are measured, by language."""
    return {**make_questions(talk, QUESTIONS, seed=_ASKING)}


def warm(ask: Callable[[str], object], talk: Talk) -> None:
    """Ask others before."""
    for asked in make_questions(talk, WARMING, seed=_WARMING).values():
        for question in asked:
            ask(question)


def milliseconds(ask: Callable[[str], object], asked: Iterable[str]) -> list[float]:
    """How long each question takes."""
    taken = []
    for question in asked:
        started = perf_counter()
        ask(question)
        taken.append((perf_counter() - started) * 1000)
    return taken


def percentiles(of: str, taken: Sequence[float]) -> Figures:
    """The median and the slow end of times, named for what they are of."""
    return {f"p{share} ms{of}": float(np.percentile(taken, share)) for share in (50, 95, 99)}


@contextmanager
def open_memory(folder: Path, last_day: date) -> Iterator[Home]:
    """A home on the evening of a day."""
    clock = FixedClock(datetime.combine(last_day, time(20), UTC))
    with open_home(make_settings(folder), folders=(), sources=(), clock=clock) as home:
        yield home


def _fill_ours(folder: Path, days: Iterable[Sequence[SpokenChunk]]) -> None:
    with open_memory(folder, date.max) as home:
        for chunks in days:
            home.index.replace_day(chunks[0].chunk.day, chunks, partition_hash="made up")


@contextmanager
def _open_ours(folder: Path, last_day: date) -> Iterator[Search]:
    with open_memory(folder, last_day) as home:
        yield lambda question: [
            hit.chunk.content for hit in home.memory.search(question, limit=LIMIT)
        ]


def _fill_tantivy(folder: Path, days: Iterable[Sequence[SpokenChunk]]) -> None:
    tantivy: Any = import_module("tantivy")
    schema = tantivy.SchemaBuilder().add_text_field("text", stored=True).build()
    writer = tantivy.Index(schema, path=str(folder)).writer()
    for chunks in days:
        for spoken in chunks:
            writer.add_document(tantivy.Document(text=[spoken.chunk.content]))
    writer.commit()
    writer.wait_merging_threads()


@contextmanager
def _open_tantivy(folder: Path, _last_day: date) -> Iterator[Search]:
    index: Any = import_module("tantivy").Index.open(str(folder))
    searcher = index.searcher()

    def ask(question: str) -> list[str]:
        # Leniently: a question is no query, and its marks mean nothing.
        query, _errors = index.parse_query_lenient(question, ["text"])
        hits = searcher.search(query, LIMIT).hits
        return [searcher.doc(address)["text"][0] for _score, address in hits]

    yield ask


ENGINES = {
    "dreaming": Engine((), _fill_ours, _open_ours),
    "tantivy": Engine(("tantivy",), _fill_tantivy, _open_tantivy),
}
