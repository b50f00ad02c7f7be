"""How much the words before a turn are those after it (Hearst 1997, TextTiling), with the exchange as the unit.

An exchange is what one side says and all that is answered to it. Comparing exchanges and not single turns is the
largest gain that needs no labels: a question and its answer share few words and one topic.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt

from dreaming.chunking.turns import Turn

LOOK_BACK_TURNS = 4
"""How many turns back a turn's own words are looked for."""


def number_exchanges(turns: Sequence[Turn]) -> list[int]:
    """The number of the exchange that each turn belongs to, from 0.

    An exchange opens with the first of the user's turns in a row; without a user, or with nobody else, at every turn.
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


def depths(words: Sequence[frozenset[str]], *, window: int) -> list[float]:
    """TextTiling's depth score at the beginning of each exchange with these `words`; 0 to 2.

    The similarity of the `window` exchanges before and after is compared with the peaks on either side of it.
    """
    return _depths(_similarities(words, window))


def familiarity(turns: Sequence[Turn], unknown: float = 0.3) -> list[float]:
    """The share of each turn's words that one of the `LOOK_BACK_TURNS` turns before has; `unknown` if it has none."""
    sets = [turn.words for turn in turns]
    shares = []
    for index, words in enumerate(sets):
        if words:
            new = words.difference(*sets[max(0, index - LOOK_BACK_TURNS) : index])
            shares.append(1 - len(new) / len(words))
        else:
            shares.append(unknown)
    return shares


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return sets[0] if len(sets) == 1 else frozenset().union(*sets)


def _similarities(exchanges: Sequence[frozenset[str]], window: int) -> list[float]:
    """The cosine of the words before each exchange and those from it on; the first has nothing before it."""
    blocks = exchanges
    if window > 1:
        blocks = [_union(exchanges[index : index + window]) for index in range(len(exchanges))]
    similarities = [0.0]
    for index in range(1, len(exchanges)):
        left = blocks[index - window] if index >= window else _union(exchanges[:index])
        right = blocks[index]
        shared = len(left & right)
        similarities.append(shared / sqrt(len(left) * len(right)) if shared else 0.0)
    return similarities


def _depths(values: Sequence[float]) -> list[float]:
    """How far each value lies below the peaks to its left and right; the first, before which there is nothing, 0."""
    if len(values) < 2:
        return [0.0] * len(values)
    left = _peaks(values[1:])
    right = _peaks(values[:0:-1])[::-1]
    return [0.0, *(a + b - 2 * value for a, b, value in zip(left, right, values[1:], strict=True))]


def _peaks(values: Sequence[float]) -> list[float]:
    """For each value the height that is reached from it by going left for as long as that does not go down."""
    peaks = [values[0]]
    for before, value in pairwise(values):
        peaks.append(peaks[-1] if before >= value else value)
    return peaks
