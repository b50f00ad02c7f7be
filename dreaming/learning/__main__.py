"""`python -m dreaming.learning FOLDER`: fit the segmenter that comes with dreaming on public sets (CONTRIBUTING.md)."""

import json
from dataclasses import replace
from pathlib import Path

import click

import dreaming.chunking.segmenter
from dreaming.learning.confidence import fit_confidence
from dreaming.learning.dialogues import read_dialogues
from dreaming.learning.evaluating import leave_one_set_out, topics_of
from dreaming.learning.examples import example_of
from dreaming.learning.fitting import fit_segmenter

SHIPPED = Path(dreaming.chunking.segmenter.__file__).with_name("segmenter.json")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--version", required=True, help="What chunks say that it cuts: a new one for every fit.")
@click.option("--output", type=click.Path(path_type=Path), default=SHIPPED, show_default=True)
def fit(paths: tuple[Path, ...], version: str, output: Path) -> None:
    """Fit on labelled talks (.jsonl, or folders of them), and write the weights."""
    examples = [example_of(dialogue) for dialogue in read_dialogues(paths)]
    fitted = fit_segmenter(examples, version=version)
    confidence = fit_confidence(topics_of(leave_one_set_out(examples)))
    stored = replace(fitted.weights, confidence=confidence).as_json()
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in stored.items())
    output.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    click.echo(f"{output}: {version}, from {len(examples):,} talks.")


if __name__ == "__main__":
    fit()
