"""Commands on topic boundaries and quality: segment, eval, accuracy."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreaming.cli.group import cli, console, write_json
from dreaming.cli.options import DAY, json_option, shipped_option
from dreaming.errors import UsageError
from dreaming.settings import Settings

if TYPE_CHECKING:
    from dreaming.chunking.segmenter import Segmenter
    from dreaming.measuring.evaluation import Unseen


@cli.command()
@shipped_option
def segment(shipped: bool) -> None:
    """Find topic boundaries: {"id","turns":[{"speaker","text"}]} lines in,
    {"id","boundaries":[i,...]} lines out.

    i means that a new topic starts at turn i, counted from 0.
    """
    from dreaming.chunking.segment import segment_turns

    segmenter = _segmenter(shipped=shipped)
    for number, line in enumerate(sys.stdin, 1):
        if line.strip():
            dialogue = _dialogue(line, number)
            turns = [(turn["speaker"], turn["text"]) for turn in dialogue["turns"]]
            write_json({"id": dialogue["id"], "boundaries": segment_turns(turns, segmenter)})


@cli.command("eval")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--unseen",
    type=click.Choice(["sets", "talks"]),
    help="Fit a segmenter without the set, or without the fourth of all talks, that is measured.",
)
@shipped_option
@json_option
def evaluate(
    paths: tuple[Path, ...], unseen: "Unseen | None", shipped: bool, as_json: bool
) -> None:
    """Measure topic boundaries on labelled talks:
    {"id","turns":[{"speaker","text"}],"boundaries":[i,...]} lines.

    Beside what needs no learning. Without --unseen it is the segmenter in use, which has seen the
    sets that it was fitted on.
    """
    from dreaming.cli.printing import print_evaluation
    from dreaming.measuring.evaluation import evaluate_files

    found = evaluate_files(paths, unseen=unseen, segmenter=_segmenter(shipped=shipped))
    if as_json:
        write_json(found)
    else:
        print_evaluation(console, found)


@cli.command()
@click.option("--from", "first", type=DAY, help="First day; without it, all that were published.")
@click.option("--to", "last", type=DAY, help="Last day.")
@json_option
def accuracy(first: date | None, last: date | None, as_json: bool) -> None:
    """Measure how near basic chunks come to good and premium ones, and good to premium, where both
    have the talk.
    """
    from dreaming.cli.printing import print_tiers
    from dreaming.home import open_home
    from dreaming.measuring.evaluation import evaluate_tiers

    with open_home(Settings.from_environment()) as home:
        rows = evaluate_tiers(home, first=first, last=last)
    if as_json:
        write_json(rows)
    else:
        print_tiers(console, rows)


def _segmenter(*, shipped: bool) -> "Segmenter":
    """The segmenter in use here; without a home, or where asked for, the shipped one."""
    from dreaming.home import open_home, segmenter_of

    settings = Settings.from_environment()
    if shipped or not (settings.home.is_dir() or settings.database_url):
        return segmenter_of(settings)
    with open_home(settings) as home:
        return home.segmenters.current()


def _dialogue(line: str, number: int) -> dict[str, Any]:
    expected = '{"id": ..., "turns": [{"speaker": ..., "text": ...}, ...]}'
    try:
        dialogue = json.loads(line)
        valid = "id" in dialogue and all(
            isinstance(turn[key], str) for turn in dialogue["turns"] for key in ("speaker", "text")
        )
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        raise UsageError(f"Line {number} is no dialogue; expected {expected}.")
    result: dict[str, Any] = dialogue
    return result
