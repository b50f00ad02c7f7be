"""`python -m dreaming.learning FOLDER`: fit the segmenter that comes with dreaming.

CONTRIBUTING.md says when to use it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dreaming.chunking.segmenter import weights_file
from dreaming.embedding import open_encoder
from dreaming.learning.confidence import fit_confidence
from dreaming.learning.dialogues import read_dialogues
from dreaming.learning.evaluating import leave_one_set_out, predicted_topics
from dreaming.learning.examples import example_of
from dreaming.learning.fitting import fit_segmenter


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--version", required=True, help="What chunks say that it cuts: a new one for every fit."
)
@click.option(
    "--embedding",
    is_flag=True,
    help="Fit the one that reads meaning too, with the extra `embedding`.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="By default, over the weights that are there."
)
def fit(paths: tuple[Path, ...], version: str, embedding: bool, output: Path | None) -> None:
    """Fit on labelled talks (.jsonl, or folders of them), and write the weights."""
    encoder = open_encoder() if embedding else None
    output = output or weights_file(embedding=embedding)
    dialogues = read_dialogues(paths)
    examples = [example_of(dialogue, encoder) for dialogue in dialogues]
    fitted = fit_segmenter(examples, version=version, encoder=encoder)
    # Calibrated on sets that were left out: on the fitted ones, a segmenter is right too often.
    held_out = leave_one_set_out(examples, encoder)
    confidence = fit_confidence(predicted_topics(held_out))
    weights = replace(fitted.weights, confidence=confidence)
    output.write_text(_format_json(weights.as_json()), encoding="utf-8")
    click.echo(f"{output}: {version}, from {len(examples):,} talks.")


def _format_json(fields: dict[str, Any]) -> str:
    # A line a field, so that a diff of two fits shows which fields changed.
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    fit()
