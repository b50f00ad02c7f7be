"""Labelled talks: JSON Lines of {"id", "turns": [{"speaker", "text"}], "boundaries": [i, ...]}."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreaming.errors import UsageError

EXPECTED = '{"id": ..., "turns": [{"speaker": ..., "text": ...}, ...], "boundaries": [i, ...]}'


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A talk, and where its topics start."""

    dialogue_id: str
    dataset: str
    turns: tuple[tuple[str, str], ...]
    """Speaker and text of each."""
    boundaries: tuple[int, ...]
    """The turns that start a topic, from 1 on, ascending; that the first one does is not told."""


def read_dialogues(paths: Iterable[Path]) -> list[Dialogue]:
    """The labelled talks of files, and of the .jsonl files in folders.

    A talk's `dataset` is what it says, else the name of its file. Raises `UsageError` naming the
    file and the line.
    """
    return [dialogue for path in paths for file in _files(path) for dialogue in _read(file)]


def by_dataset(dialogues: Iterable[Dialogue]) -> dict[str, list[Dialogue]]:
    """The talks of each set."""
    sets: dict[str, list[Dialogue]] = {}
    for dialogue in dialogues:
        sets.setdefault(dialogue.dataset, []).append(dialogue)
    return sets


def _files(path: Path) -> Sequence[Path]:
    found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not found or not found[0].exists():
        raise UsageError(
            f"There are no labelled talks at {str(path)!r}. Give a .jsonl file, or a folder of "
            "them."
        )
    return found


def _read(file: Path) -> Iterator[Dialogue]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield _dialogue(json.loads(line), default_dataset=file.stem)
                except (ValueError, KeyError, TypeError, AttributeError):
                    raise UsageError(
                        f"Line {number} of {file} is no labelled talk. Expected {EXPECTED}."
                    ) from None


def _dialogue(told: dict[str, Any], *, default_dataset: str) -> Dialogue:
    turns = tuple((str(turn["speaker"]), str(turn["text"])) for turn in told["turns"])
    boundaries = tuple(sorted({int(boundary) for boundary in told["boundaries"]}))
    if boundaries and not 1 <= boundaries[0] <= boundaries[-1] < len(turns):
        raise ValueError(boundaries)
    return Dialogue(str(told["id"]), str(told.get("dataset") or default_dataset), turns, boundaries)
