"""What can be seen of each turn that tells whether it starts a topic: a row of numbers a turn, for
the segmenter.

Words, cues, lengths and places; nothing that names a topic, so that what is learned on one kind of
talk carries over to others.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.cohesion import depths, exchange_words, number_exchanges, similarities
from dreaming.chunking.cues import Cues
from dreaming.chunking.turns import Turn

Signs = NDArray[np.float32]
"""Turns but the first, by `SIGNS`."""

LOOK_BACK_TURNS = 4
"""How many turns back a turn's own words are looked for."""
NEIGHBOURHOOD_TURNS = 3
"""Around a gap, for the words that begin, end and go on there."""
UNKNOWN_SHARE = 0.3
"""Of familiar words, where a turn has none."""
MANY_WORDS = 8
SHORT_TALK, LONG_TALK = 8, 200
"""Talks are taken to be at least and at most so long: the sets that were learned from say nothing
beyond.
"""
NO_CUES = Cues._make([False] * len(Cues._fields))

_NEAR_CUES = ("two_before", "before", "here", "after")

SIGNS: tuple[str, ...] = (
    "opens_exchange",
    "is_user",
    "no_user",
    "one_speaker",
    "same_speaker",
    "depth_1",
    "similarity_1",
    "depth_2",
    "similarity_2",
    "familiar_words",
    "new_words",
    "few_words",
    "length",
    "length_before",
    "length_after",
    "relative_length",
    "talk_length",
    "second_turn",
    "third_turn",
    "last_turn",
    "words_beginning",
    "words_ending",
    "words_going_on",
    "words_turning_over",
    *(f"{cue}_{where}" for where in _NEAR_CUES for cue in Cues._fields),
)


def read_signs(turns: Sequence[Turn]) -> Signs:
    """The signs of each turn but the first."""
    if len(turns) < 2:
        return np.zeros((0, len(SIGNS)), dtype=np.float32)
    exchanges = number_exchanges(turns)
    columns = [
        *_speaking(turns, exchanges),
        *_cohesion(turns, exchanges),
        *_recurring(turns),
        *_lengths(turns),
    ]
    columns += [*_places(len(turns)), *_chains(turns)]
    return np.concatenate([np.array(columns, dtype=np.float32).T[1:], _cues(turns)[1:]], axis=1)


def _speaking(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[Sequence[float]]:
    speakers = [turn.speaker for turn in turns]
    no_user, one_speaker = "user" not in speakers, len(set(speakers)) == 1
    begins = [True, *(before != after for before, after in pairwise(exchanges))]
    # Nobody knows where an exchange opens when several speak and none is the user.
    opens = begins if one_speaker or not no_user else [False] * len(turns)
    return [
        opens,
        [speaker == "user" for speaker in speakers],
        [no_user] * len(turns),
        [one_speaker] * len(turns),
        [False, *(before == after for before, after in pairwise(speakers))],
    ]


def _cohesion(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[Sequence[float]]:
    """How alike the exchanges before and after each turn are, and how far that lies below its
    surroundings.
    """
    words = exchange_words(turns, exchanges)
    begins = [True, *(before != after for before, after in pairwise(exchanges))]
    columns: list[Sequence[float]] = []
    for window in (1, 2):
        alike = similarities(words, window)
        deep = depths(alike)
        columns.append(
            [
                deep[number] if first else 0.0
                for number, first in zip(exchanges, begins, strict=True)
            ]
        )
        columns.append([alike[number] for number in exchanges])
    return columns


def _recurring(turns: Sequence[Turn]) -> list[Sequence[float]]:
    """The shares of each turn's words that the turns just before it have, and that none before it
    has.
    """
    seen: dict[str, int] = {}
    familiar, new = [], []
    for number, turn in enumerate(turns):
        last = [seen.get(word, -1) for word in turn.words]
        count, near = len(last), max(0, number - LOOK_BACK_TURNS)
        familiar.append(sum(map(near.__le__, last)) / count if count else UNKNOWN_SHARE)
        new.append(last.count(-1) / count if count else 0.5)
        seen.update(dict.fromkeys(turn.words, number))
    return [familiar, new]


def _lengths(turns: Sequence[Turn]) -> list[Sequence[float]]:
    counts = [len(turn.words) for turn in turns]
    average = sum(counts) / len(counts) + 1
    lengths = [log(1 + len(turn.text)) for turn in turns]
    return [
        [min(count, MANY_WORDS) / MANY_WORDS for count in counts],
        lengths,
        [0.0, *lengths[:-1]],
        [*lengths[1:], 0.0],
        [count / average for count in counts],
    ]


def _places(count: int) -> list[Sequence[float]]:
    talk = log(min(max(count, SHORT_TALK), LONG_TALK))
    return [
        [talk] * count,
        [number == 1 for number in range(count)],
        [number == 2 for number in range(count)],
        [number == count - 1 for number in range(count)],
    ]


class _Recurrences(NamedTuple):
    """Of words that are said in more than one turn, by turn."""

    begin: list[int]
    """How many are said there first."""
    end: list[int]
    """How many are said there last."""
    change: list[int]
    """How many more than before the turn have been said just before it and will be said again."""


def _chains(turns: Sequence[Turn]) -> list[Sequence[float]]:
    """The words that begin, end and go on about each turn (lexical chains, Morris and Hirst 1991),
    as logarithms.
    """
    found = _recurrences(turns)
    begin_before, end_before = [0, *accumulate(found.begin)], [0, *accumulate(found.end)]
    going_on = list(accumulate(found.change[: len(turns)]))
    near, count = NEIGHBOURHOOD_TURNS, len(turns)
    beginning = [begin_before[min(n + near, count)] - begin_before[n] for n in range(count)]
    ending = [end_before[n] - end_before[max(n - near, 0)] for n in range(count)]
    turning = [
        (b + e) / (b + e + 2 * o + 1) for b, e, o in zip(beginning, ending, going_on, strict=True)
    ]
    return [
        *([log(1 + value) for value in values] for values in (beginning, ending, going_on)),
        turning,
    ]


def _recurrences(turns: Sequence[Turn]) -> _Recurrences:
    count = len(turns)
    found = _Recurrences([0] * count, [0] * count, [0] * (count + NEIGHBOURHOOD_TURNS + 2))
    last: dict[str, int] = {}
    repeated: dict[str, int] = {}
    for number, turn in enumerate(turns):
        for word in turn.words:
            before = last.get(word)
            if before is not None:
                if word not in repeated:
                    found.begin[before] += 1
                repeated[word] = number
                found.change[before + 1] += 1
                found.change[min(number, before + NEIGHBOURHOOD_TURNS) + 1] -= 1
            last[word] = number
    for number in repeated.values():
        found.end[number] += 1
    return found


def _cues(turns: Sequence[Turn]) -> Signs:
    """The cues of the turns around each, in the order of `SIGNS`."""
    own = np.array([NO_CUES, NO_CUES, *(turn.cues for turn in turns), NO_CUES], dtype=np.float32)
    count = len(turns)
    return np.concatenate([own[shift : shift + count] for shift in range(len(_NEAR_CUES))], axis=1)
