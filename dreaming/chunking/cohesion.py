"""Lexical cohesion: how similar the words before and after a turn are (TextTiling, Hearst 1997).

Compared are exchanges: what the user says, and all that is answered to it. Comparing exchanges and
not single turns is the largest gain that needs no labels: a question and its answer share few
words, and one topic.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import sqrt

from dreaming.chunking.turns import Turn


def number_exchanges(turns: Sequence[Turn]) -> list[int]:
    """The number of each turn's exchange, from 0.

    An exchange opens with the first of the user's turns in a row. Where no user speaks, or no one
    but the user, each turn is an exchange.
    """
    speakers = [turn.speaker for turn in turns]
    if "user" not in speakers or len(set(speakers)) == 1:
        return list(range(len(turns)))
    opens_exchange = [after == "user" != before for before, after in pairwise(speakers)]
    return list(accumulate(opens_exchange, initial=0))


def exchange_words(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[frozenset[str]]:
    """The words of each exchange; `exchanges` has the number of each turn's exchange."""
    exchange_count = exchanges[-1] + 1
    word_sets: list[list[frozenset[str]]] = [[] for _ in range(exchange_count)]
    for turn, number in zip(turns, exchanges, strict=True):
        word_sets[number].append(turn.words)
    return [_union(sets) for sets in word_sets]


def similarities(words: Sequence[frozenset[str]], window: int) -> list[float]:
    """The cosine of the words in the `window` exchanges before each exchange and from it on.

    The first exchange, which has nothing before it, has 0.
    """
    # Each window of words is joined once: it is the right side of one gap and the left of another.
    windows = words
    if window > 1:
        windows = [_union(words[index : index + window]) for index in range(len(words))]
    cosines = [0.0]
    for index in range(1, len(words)):
        # Near the beginning there are fewer than `window` exchanges on the left.
        left = windows[index - window] if index >= window else _union(words[:index])
        right = windows[index]
        shared = len(left & right)
        cosine = shared / sqrt(len(left) * len(right)) if shared else 0.0
        cosines.append(cosine)
    return cosines


def depths(cosines: Sequence[float]) -> list[float]:
    """TextTiling's depth scores, 0 to 2: how far each value is below the peaks on both sides.

    The first, which has nothing before it, has 0.
    """
    if len(cosines) < 2:
        return [0.0] * len(cosines)
    # The first value is 0 by definition, not by its words: as a valley it would be a false one.
    values = cosines[1:]
    left_peaks = _peaks(values)
    right_peaks = _peaks(values[::-1])[::-1]
    scores = [0.0]
    for left, right, value in zip(left_peaks, right_peaks, values, strict=True):
        scores.append(left + right - 2 * value)
    return scores


def _union(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    return sets[0] if len(sets) == 1 else frozenset().union(*sets)


def _peaks(values: Sequence[float]) -> list[float]:
    """The height reached from each value by going left while the values do not fall."""
    peaks = [values[0]]
    for before, value in pairwise(values):
        peak = peaks[-1] if before >= value else value
        peaks.append(peak)
    return peaks
