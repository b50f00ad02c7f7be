"""The command: `python -m benchmarks [NAME ...]`."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks.corpus import Corpus, load_corpus
from benchmarks.one_core import ask_for_one_thread
from benchmarks.result import Result, print_result


def _chunking(corpus: Corpus) -> Result:
    from benchmarks.chunking import measure_chunking

    return measure_chunking(corpus)


def _segmenting(corpus: Corpus) -> Result:
    from benchmarks.segmenting import measure_segmenting

    return measure_segmenting(corpus)


def _memory(corpus: Corpus) -> Result:
    from benchmarks.memory import measure_memory

    return measure_memory(corpus)


def _backfill(corpus: Corpus) -> Result:
    from benchmarks.backfill import measure_backfill

    return measure_backfill(corpus)


def _large_day(corpus: Corpus) -> Result:
    from benchmarks.large_day import measure_large_day

    return measure_large_day(corpus)


def _fleet(corpus: Corpus) -> Result:
    from benchmarks.fleet import measure_fleet

    return measure_fleet(corpus)


def _batches(corpus: Corpus) -> Result:
    from benchmarks.batches import measure_batches

    return measure_batches(corpus)


def _choosing(corpus: Corpus) -> Result:
    from benchmarks.choosing import measure_choosing

    return measure_choosing(corpus)


def _economy(corpus: Corpus) -> Result:
    from benchmarks.economy import measure_economy

    return measure_economy(corpus)


def _budgets(corpus: Corpus) -> Result:
    from benchmarks.budgets import measure_budgets

    return measure_budgets(corpus)


def _month(corpus: Corpus) -> Result:
    from benchmarks.month import measure_month

    return measure_month(corpus)


def _learning(corpus: Corpus) -> Result:
    from benchmarks.learning import measure_learning

    return measure_learning(corpus)


def _searching(corpus: Corpus) -> Result:
    from benchmarks.searching import measure_searching

    return measure_searching(corpus)


def _finding(corpus: Corpus) -> Result:
    from benchmarks.finding import measure_finding

    return measure_finding(corpus)


def _masking(corpus: Corpus) -> Result:
    from benchmarks.masking import measure_masking

    return measure_masking(corpus)


BENCHMARKS: dict[str, Callable[[Corpus], Result]] = {
    "chunking": _chunking,
    "segmenting": _segmenting,
    "memory": _memory,
    "backfill": _backfill,
    "budgets": _budgets,
    "large_day": _large_day,
    "batches": _batches,
    "choosing": _choosing,
    "economy": _economy,
    "month": _month,
    "learning": _learning,
    "searching": _searching,
    "finding": _finding,
    "fleet": _fleet,
    "masking": _masking,
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="DREAMING_TEST_DATA",
    help="A folder with conversations/*.jsonl; the shipped samples without it. [env: "
    "DREAMING_TEST_DATA]",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")
def main(names: tuple[str, ...], data: Path | None, as_json: bool) -> None:
    """Measure all of them, or those that are named."""
    ask_for_one_thread()
    warnings.filterwarnings("ignore", module=r"dagster\.")
    corpus = load_corpus(data)
    for name in names or BENCHMARKS:
        result = BENCHMARKS[name](corpus)
        if as_json:
            click.echo(json.dumps(result.as_json(), ensure_ascii=False))
        else:
            print_result(Console(), result)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
