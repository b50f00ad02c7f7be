"""The features of each turn, from which the segmenter decides whether it starts a topic.

They are of words, cues, lengths and positions. None names a topic, so that weights learned on one
kind of conversation carry over to others.
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

Features = NDArray[np.float32]
"""A row for each turn but the first, a column for each of `FEATURES`."""

# The shipped weights were fitted on features read with these values: a change needs a new fit.
# How many turns back the words of a turn count as familiar.
LOOK_BACK_TURNS = 4
# How many turns around a gap are searched for words that begin, end and go on there.
NEIGHBOURHOOD_TURNS = 3
# The shares of familiar and of new words, for a turn without words.
UNKNOWN_FAMILIAR_SHARE = 0.3
UNKNOWN_NEW_SHARE = 0.5
# A turn with this many words or more does not count as short.
MANY_WORDS = 8
# A conversation counts as at least and at most this many turns: the data sets that the weights were
# fitted on do not show what holds beyond.
SHORT_TALK = 8
LONG_TALK = 200
_NO_CUES = Cues._make([False] * len(Cues._fields))

# Whose cues are features of a turn: those of the two turns before it, its own, and of the one
# after.
_CUE_PLACES = ("two_before", "before", "here", "after")

# The names are stored with the weights, so they and their order never change.
FEATURES: tuple[str, ...] = (
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
    *(f"{cue}_{where}" for where in _CUE_PLACES for cue in Cues._fields),
)


def read_features(turns: Sequence[Turn]) -> Features:
    """The features of each turn but the first."""
    if len(turns) < 2:
        return np.zeros((0, len(FEATURES)), dtype=np.float32)
    exchanges = number_exchanges(turns)
    columns = [
        *_speaker_columns(turns, exchanges),
        *_cohesion_columns(turns, exchanges),
        *_familiarity_columns(turns),
        *_length_columns(turns),
        *_position_columns(len(turns)),
        *_chain_columns(turns),
    ]
    # The first turn starts a topic for certain, so its row is left out.
    numbers = np.array(columns, dtype=np.float32).T[1:]
    return np.concatenate([numbers, _cue_matrix(turns)[1:]], axis=1)


def _speaker_columns(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[Sequence[float]]:
    count = len(turns)
    speakers = [turn.speaker for turn in turns]
    no_user = "user" not in speakers
    one_speaker = len(set(speakers)) == 1
    opens_exchange: Sequence[float] = _exchange_starts(exchanges)
    if no_user and not one_speaker:
        # Where several speak and none is the user, every turn is numbered as an exchange.
        opens_exchange = [False] * count
    is_user = [speaker == "user" for speaker in speakers]
    same_speaker = [False]
    same_speaker += [before == after for before, after in pairwise(speakers)]
    return [opens_exchange, is_user, [no_user] * count, [one_speaker] * count, same_speaker]


def _exchange_starts(exchanges: Sequence[int]) -> list[bool]:
    """Whether each turn is the first of its exchange."""
    return [True, *(before != after for before, after in pairwise(exchanges))]


def _cohesion_columns(turns: Sequence[Turn], exchanges: Sequence[int]) -> list[Sequence[float]]:
    """TextTiling's depth and similarity of the gap before each turn's exchange, for two windows."""
    words = exchange_words(turns, exchanges)
    starts = _exchange_starts(exchanges)
    columns: list[Sequence[float]] = []
    for window in (1, 2):
        cosines = similarities(words, window)
        exchange_depths = depths(cosines)
        turn_depths = []
        for number, is_start in zip(exchanges, starts, strict=True):
            # A valley between exchanges says nothing of the turns inside of one.
            turn_depths.append(exchange_depths[number] if is_start else 0.0)
        columns.append(turn_depths)
        columns.append([cosines[number] for number in exchanges])
    return columns


def _familiarity_columns(turns: Sequence[Turn]) -> list[Sequence[float]]:
    """The share of each turn's words that were said just before it, and the share of new words."""
    last_seen: dict[str, int] = {}
    familiar_shares: list[float] = []
    new_shares: list[float] = []
    for number, turn in enumerate(turns):
        last_turns = [last_seen.get(word, -1) for word in turn.words]
        count = len(last_turns)
        if count:
            # `map` over a bound method counts without a Python frame a word.
            earliest = max(0, number - LOOK_BACK_TURNS)
            familiar = sum(map(earliest.__le__, last_turns))
            familiar_shares.append(familiar / count)
            new_shares.append(last_turns.count(-1) / count)
        else:
            familiar_shares.append(UNKNOWN_FAMILIAR_SHARE)
            new_shares.append(UNKNOWN_NEW_SHARE)
        last_seen.update(dict.fromkeys(turn.words, number))
    return [familiar_shares, new_shares]


def _length_columns(turns: Sequence[Turn]) -> list[Sequence[float]]:
    word_counts = [len(turn.words) for turn in turns]
    # One more than the mean, so that it is never 0.
    typical_count = sum(word_counts) / len(word_counts) + 1
    lengths = [log(1 + len(turn.text)) for turn in turns]
    few_words = [min(count, MANY_WORDS) / MANY_WORDS for count in word_counts]
    length_before = [0.0, *lengths[:-1]]
    length_after = [*lengths[1:], 0.0]
    relative_lengths = [count / typical_count for count in word_counts]
    return [few_words, lengths, length_before, length_after, relative_lengths]


def _position_columns(count: int) -> list[Sequence[float]]:
    talk_length = log(min(max(count, SHORT_TALK), LONG_TALK))
    numbers = range(count)
    return [
        [talk_length] * count,
        [number == 1 for number in numbers],
        [number == 2 for number in numbers],
        [number == count - 1 for number in numbers],
    ]


class _Recurrences(NamedTuple):
    """Counts of the words that occur in more than one turn, by turn."""

    begin: list[int]
    """The words that occur there for the first time."""
    end: list[int]
    """The words that occur there for the last time."""
    change: list[int]
    """By how many the words that go on over this gap are more than those over the gap before it.

    A word goes on over a gap where it occurs just before it, and again after it.
    """


def _chain_columns(turns: Sequence[Turn]) -> list[Sequence[float]]:
    """Lexical chains (Morris and Hirst 1991): the words that begin, end and go on at each turn."""
    recurrences = _count_recurrences(turns)
    count = len(turns)
    # Sums from the beginning: the sum over a neighbourhood is the difference of two of them.
    begin_sums = [0, *accumulate(recurrences.begin)]
    end_sums = [0, *accumulate(recurrences.end)]
    going_on = list(accumulate(recurrences.change[:count]))
    beginning = []
    ending = []
    turning_over = []
    for n in range(count):
        begin_count = begin_sums[min(n + NEIGHBOURHOOD_TURNS, count)] - begin_sums[n]
        end_count = end_sums[n] - end_sums[max(n - NEIGHBOURHOOD_TURNS, 0)]
        changing = begin_count + end_count
        turning_over.append(changing / (changing + 2 * going_on[n] + 1))
        # Logarithms: one word more matters less where there are many.
        beginning.append(log(1 + begin_count))
        ending.append(log(1 + end_count))
    return [beginning, ending, [log(1 + words) for words in going_on], turning_over]


def _count_recurrences(turns: Sequence[Turn]) -> _Recurrences:
    count = len(turns)
    begin = [0] * count
    end = [0] * count
    change = [0] * (count + NEIGHBOURHOOD_TURNS + 2)
    last_seen: dict[str, int] = {}
    last_repeated: dict[str, int] = {}
    for number, turn in enumerate(turns):
        for word in turn.words:
            before = last_seen.get(word)
            if before is not None:
                if word not in last_repeated:
                    begin[before] += 1
                last_repeated[word] = number
                # The word goes on over the gaps from here to its next turn, but over no more than
                # the neighbourhood.
                change[before + 1] += 1
                change[min(number, before + NEIGHBOURHOOD_TURNS) + 1] -= 1
            last_seen[word] = number
    for number in last_repeated.values():
        end[number] += 1
    return _Recurrences(begin, end, change)


def _cue_matrix(turns: Sequence[Turn]) -> Features:
    """The cues of the turns around each turn, in the order of `FEATURES`."""
    count = len(turns)
    # Rows of no cues before and after the turns, so that each place is one shifted slice.
    padded = [_NO_CUES, _NO_CUES, *(turn.cues for turn in turns), _NO_CUES]
    cues = np.array(padded, dtype=np.float32)
    shifted = [cues[shift : shift + count] for shift in range(len(_CUE_PLACES))]
    return np.concatenate(shifted, axis=1)
