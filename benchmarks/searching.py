"""How fast a large memory is: built, asked, and a day of it replaced while others search; beside
other search engines.

Run as `python -m benchmarks searching`, or `python -m benchmarks.searching --chunks 20000` to try
it on fewer. Each engine is built and asked in processes of its own, whose peak memory is theirs
alone.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec

import click
from rich.console import Console

from benchmarks.corpus import Corpus, load_corpus
from benchmarks.memory_day import peak_mb
from benchmarks.result import Aim, Result, print_result
from benchmarks.search_engines import ENGINES, Figures, build, search
from benchmarks.search_variants import search_variants
from benchmarks.searching_writer import EDITIONS, PAUSES_SECONDS, READERS, replace_while_searched

CHUNKS = 1_000_000
AIM_P50_MS, AIM_P95_MS, AIM_REPLACED_SECONDS = 50.0, 200.0, 1.0
OURS = "dreaming"

_Given = ParamSpec("_Given")


def measure_searching(corpus: Corpus, chunk_count: int = CHUNKS) -> Result:
    """Build a memory of so many chunks in each engine that is installed, and ask all of them the
    same.
    """
    figures: dict[str, Figures] = {}
    notes = [f"Text: {corpus.source}."]
    for name, engine in ENGINES.items():
        if engine.missing:
            notes.append(
                f"{name} was left out: not installed. pip install {' '.join(engine.missing)}"
            )
        else:
            with TemporaryDirectory(prefix="dreaming-searching-") as folder:
                figures[name] = _measure(name, Path(folder), corpus, chunk_count)
    names = [name for name in ENGINES if name in figures]
    told = dict.fromkeys(figure for name in names for figure in figures[name])
    return Result(
        name="searching",
        title=f"a memory of {chunk_count:,} chunks",
        rows=tuple(
            {"what": what, **{name: figures[name].get(what) for name in names}} for what in told
        ),
        aims=_aims(figures[OURS]),
        notes=tuple(notes),
    )


def _measure(name: str, folder: Path, corpus: Corpus, chunk_count: int) -> Figures:
    figures = _in_own_process("building", build, name, folder, corpus.data, chunk_count)
    figures |= _in_own_process("asking", search, name, folder, corpus.data, chunk_count)
    if name == OURS:
        figures |= _in_own_process("filtering", search_variants, folder, corpus.data, chunk_count)
        figures |= replace_while_searched(folder, corpus, chunk_count)
    return figures


def _in_own_process(
    step: str, work: Callable[_Given, Figures], *args: _Given.args, **options: _Given.kwargs
) -> Figures:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        figures = process.submit(work, *args, **options).result()
        return figures | {f"peak MB, {step}": process.submit(peak_mb).result()}


def _aims(ours: Figures) -> tuple[Aim, ...]:
    bounds = {
        "p50 ms": AIM_P50_MS,
        "p95 ms": AIM_P95_MS,
        **{
            f"{what}, s, {READERS} readers {tempo}": AIM_REPLACED_SECONDS
            for what in EDITIONS
            for tempo in PAUSES_SECONDS
        },
        "searches that saw an old or half a day": 0.0,
    }
    return tuple(Aim(what, ours[what], bound, at_most=True) for what, bound in bounds.items())


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--chunks", type=click.IntRange(min=4_000), default=CHUNKS, show_default=True)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="DREAMING_TEST_DATA",
)
def main(chunks: int, data: Path | None) -> None:
    """Measure a memory of another size."""
    print_result(Console(), measure_searching(load_corpus(data), chunks))


if __name__ == "__main__":
    main()
