"""How much the words before a turn are those after it (Hearst 1997, TextTiling), with the exchange
as the unit.

An exchange is what one side says and all that is answered to it. Comparing exchanges and not single
turns is the largest gain that needs no labels: a question and its answer share few words and one
topic.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt

from dreaming.chunking.turns import Turn


def number_exchanges(turns: Sequence[Turn]) -> list[int]:
    """The number of the exchange that each turn belongs to, from 0.

    An exchange opens with the first of the user's turns in a row; without a user, or with nobody
    else, at every turn.
    """
    speakers = [turn.speaker for turn in turns]
    if "user" not in speakers or len(set(speakers)) == 1:
        return list(range(len(turns)))
    opens = [after == "user" != before for before, after in pairwise(speakers)]
    return list(accumulate(opens, initial=0))


def exchange_words(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[frozenset[str]]:
    """The words of each exchange, where `exchanges` are the numbers of the turns' exchanges."""
    words: list[list[frozenset[str]]] = [[] for _ in range(exchanges[-1] + 1)]
    for turn, number in zip(turns, exchanges, strict=True):
        words[number].append(turn.words)
    return [_union(sets) for sets in words]


def similarities(words: Sequence[frozenset[str]], window: int) -> list[float]:
    """The cosine of the `words` of the `window` exchanges before each exchange and those from it
    on.

    The first, which has nothing before it, has 0.
    """
    blocks = words
    if window > 1:
        blocks = [_union(words[index : index + window]) for index in range(len(words))]
    alike = [0.0]
    for index in range(1, len(words)):
        left = blocks[index - window] if index >= window else _union(words[:index])
        right = blocks[index]
        shared = len(left & right)
        alike.append(shared / sqrt(len(left) * len(right)) if shared else 0.0)
    return alike


def depths(alike: Sequence[float]) -> list[float]:
    """TextTiling's depth scores, 0 to 2: how far each value lies below the peaks to its left and
    right.

    The first, before which there is nothing, has 0.
    """
    if len(alike) < 2:
        return [0.0] * len(alike)
    left = _peaks(alike[1:])
    right = _peaks(alike[:0:-1])[::-1]
    return [0.0, *(a + b - 2 * value for a, b, value in zip(left, right, alike[1:], strict=True))]


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return sets[0] if len(sets) == 1 else frozenset().union(*sets)


def _peaks(values: Sequence[float]) -> list[float]:
    """For each value the height that is reached from it by going left for as long as that does not
    go down.
    """
    peaks = [values[0]]
    for before, value in pairwise(values):
        peaks.append(peaks[-1] if before >= value else value)
    return peaks
