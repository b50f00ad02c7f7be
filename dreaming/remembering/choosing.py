"""Which of the passages that answer a question are worth their words: chosen for a reader, or to a
prompt's size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dreaming.remembering.retrieval import RankedPassages

WORTH_WORDS = 600
"""Without a budget, the best chunk shows its passages among so many of the best words;"""
WORTH_TIMES = 2.0
"""and one that comes later, those among so many times the words before it, and as many more."""
WORTH_SHARE = 0.5
"""Of a chunk only those that have this share of its best passage's score."""
HEADING_WORDS = 3.0
"""What the day above a chunk costs a reader."""
_FEWEST_WORDS = 2.0
"""With less left of a budget, nothing more is looked for."""


@dataclass(slots=True)
class Choice:
    """A chunk, and the passages of it to be shown."""

    row_id: int
    score: float
    """Of its best passage."""
    numbers: set[int] = field(default_factory=set)
    cut_words: float | None = None
    """How much of its one passage to show, where not even that fits; None for all."""


def choose_hits(found: RankedPassages, *, limit: int) -> list[Choice]:
    """The best chunks, each with its passages that are about as good.

    How much will be read is not known: so the hits are such that whoever stops after some has read
    the best passages.
    """
    chosen: dict[int, Choice] = {}
    worth: dict[int, float] = {}
    words = 0.0
    for row_id, number, score, length in _rows(found):
        choice = chosen.get(row_id)
        if choice is None:
            if len(chosen) == limit:
                continue
            choice = chosen[row_id] = Choice(row_id, score, {number})
            worth[row_id] = WORTH_TIMES * words + WORTH_WORDS
        elif words < worth[row_id] and score >= WORTH_SHARE * choice.score:
            choice.numbers.add(number)
        words += length
    return list(chosen.values())


def choose_to_fill(
    found: RankedPassages, budget_words: float, *, limit: int | None
) -> list[Choice]:
    """The best passages that fit a budget together with who says them and when, and those next to
    the best one.

    Where not even the best fits, as much of it as does.
    """
    rows = list(_rows(found))
    chosen: dict[int, Choice] = {}
    left = budget_words
    for rank in _with_neighbours(found):
        row_id, number, score, length = rows[rank]
        choice = chosen.get(row_id)
        cost = length + float(found.label_words[rank]) + (0.0 if choice else HEADING_WORDS)
        if (
            cost > left
            or (choice is None and len(chosen) == limit)
            or (choice and number in choice.numbers)
        ):
            continue
        if choice is None:
            choice = chosen[row_id] = Choice(row_id, score)
        choice.numbers.add(number)
        left -= cost
        if left < HEADING_WORDS + _FEWEST_WORDS:
            break
    if chosen:
        return list(chosen.values())
    row_id, number, score, _ = rows[0]
    return [
        Choice(
            row_id, score, {number}, cut_words=left - HEADING_WORDS - float(found.label_words[0])
        )
    ]


def _with_neighbours(found: RankedPassages) -> Iterator[int]:
    for rank in range(len(found.row_id)):
        yield rank
        if rank < len(found.next_to):
            yield from found.next_to[rank]


def _rows(found: RankedPassages) -> Iterable[tuple[int, int, float, float]]:
    return zip(
        found.row_id.tolist(),
        found.number.tolist(),
        found.score.tolist(),
        found.words.tolist(),
        strict=True,
    )
