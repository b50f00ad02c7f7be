"""Labelled dialogues, and their files.

A file is JSON Lines of {"id", "turns": [{"speaker", "text"}], "boundaries": [i, ...]}.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreaming.errors import UsageError

EXPECTED = '{"id": ..., "turns": [{"speaker": ..., "text": ...}, ...], "boundaries": [i, ...]}'


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue, and where its topics start."""

    dialogue_id: str
    dataset: str
    turns: tuple[tuple[str, str], ...]
    """The speaker and the text of each."""
    boundaries: tuple[int, ...]
    """The turns that start a topic, ascending, without turn 0."""


def read_dialogues(paths: Iterable[Path]) -> list[Dialogue]:
    """The labelled dialogues of files, and of the .jsonl files in folders.

    The `dataset` of a dialogue is its own field, else the name of its file. Raises `UsageError`
    with the file and the line.
    """
    dialogues: list[Dialogue] = []
    for path in paths:
        for file in _files(path):
            dialogues += _read(file)
    return dialogues


def by_dataset(dialogues: Iterable[Dialogue]) -> dict[str, list[Dialogue]]:
    """The dialogues of each set."""
    sets: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        sets.setdefault(dialogue.dataset, []).append(dialogue)
    return sets


def _files(path: Path) -> Sequence[Path]:
    # Sorted, because the order of dialogues decides on the folds that they are held out in.
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise UsageError(
            f"There are no labelled talks at {str(path)!r}. Give a .jsonl file, or a folder of "
            "them."
        )
    return files


def _read(file: Path) -> Iterator[Dialogue]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield _dialogue(json.loads(line), default_dataset=file.stem)
            except (ValueError, KeyError, TypeError, AttributeError):
                # Not JSON, or JSON of another shape: all that the user can mend is the line.
                raise UsageError(
                    f"Line {number} of {file} is no labelled talk. Expected {EXPECTED}."
                ) from None


def _dialogue(fields: dict[str, Any], *, default_dataset: str) -> Dialogue:
    turns = tuple((str(turn["speaker"]), str(turn["text"])) for turn in fields["turns"])
    boundaries = tuple(sorted({int(boundary) for boundary in fields["boundaries"]}))
    if boundaries:
        are_in_range = boundaries[0] >= 1 and boundaries[-1] < len(turns)
        if not are_in_range:
            raise ValueError(boundaries)
    dataset = str(fields.get("dataset") or default_dataset)
    return Dialogue(str(fields["id"]), dataset, turns, boundaries)
