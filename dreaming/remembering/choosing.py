"""Which ranked passages a search shows: for a reader, or for a prompt of limited size."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from dreaming.remembering.retrieval import RankedPassages

# A reader stops after an unknown number of words, and must have read the best passages by then. So
# a chunk shows only passages that come early in the ranking: with larger values hits show more of
# each chunk, and the best passage of the next hit comes later.
FIRST_CHUNK_WORDS = 600
"""The best chunk shows its passages that are among this many words of the ranking."""
LATER_CHUNK_FACTOR = 2.0
"""A later chunk shows those among `FIRST_CHUNK_WORDS` and this many times the words before it."""

MIN_SCORE_SHARE = 0.5
"""A chunk shows passages that have at least this share of its best passage's score."""

HEADING_WORDS = 3.0
"""The cost of the line with the day above each chunk."""

# Hardly any passage fits into less, with the name before it.
_MIN_REMAINING_WORDS = 2.0


@dataclass(slots=True)
class Choice:
    """A chunk, and which of its passages to show."""

    row_id: int
    score: float
    """The score of its best passage."""
    numbers: set[int] = field(default_factory=set)
    """The numbers of the passages in the chunk."""
    cut_words: float | None = None
    """Words to show of its only passage, where even that does not fit; None for all."""


class _RankedPassage(NamedTuple):
    row_id: int
    number: int
    score: float
    words: float


def choose_hits(ranked: RankedPassages, *, limit: int) -> list[Choice]:
    """The best chunks, each with its passages that are about as good as its best one.

    How much will be read is not known: a reader who stops after some hits has read the best
    passages.
    """
    chosen: dict[int, Choice] = {}
    # Up to how many words of the ranking each chunk shows its passages.
    shown_until: dict[int, float] = {}
    words = 0.0
    for passage in _in_order(ranked):
        choice = chosen.get(passage.row_id)
        if choice is None:
            if len(chosen) == limit:
                # Not `break`: chunks that were chosen may still show more. Nor do the words of
                # chunks that are not shown count.
                continue
            choice = Choice(passage.row_id, passage.score, {passage.number})
            chosen[passage.row_id] = choice
            shown_until[passage.row_id] = LATER_CHUNK_FACTOR * words + FIRST_CHUNK_WORDS
        elif (
            words < shown_until[passage.row_id] and passage.score >= MIN_SCORE_SHARE * choice.score
        ):
            choice.numbers.add(passage.number)
        words += passage.words
    return list(chosen.values())


def choose_to_fill(
    ranked: RankedPassages, budget_words: float, *, limit: int | None
) -> list[Choice]:
    """The best passages that fit a budget, with the name before each and the day above each chunk.

    The best passage comes with those next to it. Where not even the best one fits, it is cut.
    """
    passages = list(_in_order(ranked))
    chosen: dict[int, Choice] = {}
    remaining = budget_words
    for rank in _with_neighbours(ranked):
        passage = passages[rank]
        choice = chosen.get(passage.row_id)
        cost = passage.words + float(ranked.label_words[rank])
        if choice is None:
            cost += HEADING_WORDS
        is_beyond_limit = choice is None and len(chosen) == limit
        # A neighbour of the best passage comes again at its own rank.
        is_shown = choice is not None and passage.number in choice.numbers
        if cost > remaining or is_beyond_limit or is_shown:
            continue
        if choice is None:
            choice = Choice(passage.row_id, passage.score)
            chosen[passage.row_id] = choice
        choice.numbers.add(passage.number)
        remaining -= cost
        if remaining < HEADING_WORDS + _MIN_REMAINING_WORDS:
            break
    if chosen:
        return list(chosen.values())
    best = passages[0]
    cut_words = remaining - HEADING_WORDS - float(ranked.label_words[0])
    return [Choice(best.row_id, best.score, {best.number}, cut_words=cut_words)]


def _with_neighbours(ranked: RankedPassages) -> Iterator[int]:
    """The ranks in order, those of neighbours right after the passage that they are next to."""
    for rank in range(len(ranked.row_id)):
        yield rank
        if rank < len(ranked.next_to):
            yield from ranked.next_to[rank]


def _in_order(ranked: RankedPassages) -> Iterator[_RankedPassage]:
    columns = (ranked.row_id, ranked.number, ranked.score, ranked.words)
    # Lists of Python numbers: to read an array item by item takes longer.
    return map(_RankedPassage, *(column.tolist() for column in columns))
