"""What the meaning of turns adds to their words: signs from a vector for the opening of each turn.

The vectors come from an encoder that is given: nothing here loads a model.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.cohesion import depths, number_exchanges
from dreaming.chunking.turns import Turn

Vectors = NDArray[np.float32]
"""Texts by dimensions, each of length 1."""

Encoder = Callable[[Sequence[str]], Vectors]
"""Gives each of some texts (at least one) its vector; texts of like meaning have a high dot
product.
"""

OPENING_BYTES = 100
"""Of UTF-8, which are read of a turn: they say what it is about, and an encoder's time is in
proportion to them.
"""
EXCHANGE_WINDOWS = (1, 2, 3)
TURN_WINDOWS = (1, 3)
LOOK_BACK_TURNS = 4

MEANING_SIGNS: tuple[str, ...] = (
    *(
        f"{sign}_{window}"
        for window in EXCHANGE_WINDOWS
        for sign in ("meaning_depth", "meaning_similarity")
    ),
    *(f"{sign}_{window}" for window in TURN_WINDOWS for sign in ("turn_depth", "turn_similarity")),
    "meaning_familiar",
    "meaning_unlike_the_talk",
)


def read_meaning(turns: Sequence[Turn], encode: Encoder) -> NDArray[np.float32]:
    """The signs of each turn but the first: turns less one, by `MEANING_SIGNS`."""
    if len(turns) < 2:
        return np.zeros((0, len(MEANING_SIGNS)), dtype=np.float32)
    vectors = encode([_opening(turn.text) for turn in turns])
    exchanges = np.array(number_exchanges(turns))
    opens = np.diff(exchanges, prepend=-1) > 0
    of_exchanges = np.zeros((exchanges[-1] + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(of_exchanges, exchanges, vectors)
    columns = []
    for window in EXCHANGE_WINDOWS:
        alike = _likeness(of_exchanges, window, window)
        columns += [
            np.where(opens, np.array(depths(alike.tolist()))[exchanges], 0.0),
            alike[exchanges],
        ]
    for window in TURN_WINDOWS:
        alike = _likeness(vectors, window, window)
        columns += [np.array(depths(alike.tolist())), alike]
    columns.append(_likeness(vectors, LOOK_BACK_TURNS, 1))
    columns.append(alike - alike[1:].mean())
    return np.array(columns, dtype=np.float32).T[1:]


def _opening(text: str) -> str:
    return text[:OPENING_BYTES].encode("utf-8", "replace")[:OPENING_BYTES].decode("utf-8", "ignore")


def _likeness(vectors: Vectors, before: int, after: int) -> NDArray[np.float32]:
    """The cosine of the sum of so many vectors before each place and of so many from it on; 0 for
    the first.
    """
    left, right = np.zeros_like(vectors), vectors.copy()
    for shift in range(1, before + 1):
        left[shift:] += vectors[:-shift]
    for shift in range(1, after):
        right[:-shift] += vectors[shift:]
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    alike: NDArray[np.float32] = (left * right).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return alike
