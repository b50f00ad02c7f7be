"""Features by embedding: how similar in meaning turns are, by a vector of each turn's opening.

The caller passes the encoder: nothing here loads a model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.cohesion import depths, number_exchanges
from dreaming.chunking.turns import Turn

Vectors = NDArray[np.float32]
"""A row a text, each of length 1."""

Encoder = Callable[[Sequence[str]], Vectors]
"""Encodes one or more texts; similar meanings give vectors with a high dot product."""

# UTF-8 bytes read of each turn. The opening shows what a turn is about, and an encoder's time is in
# proportion to what it reads. Bytes and not characters, so that it is the same in every language.
OPENING_BYTES = 100
# Exchanges or turns on each side of a gap that are compared. As all the constants here, part of
# what the shipped weights were fitted with: a change needs a new fit.
EXCHANGE_WINDOWS = (1, 2, 3)
TURN_WINDOWS = (1, 3)
LOOK_BACK_TURNS = 4

# The names are stored with the weights, so they and their order never change.
EMBEDDING_FEATURES: tuple[str, ...] = (
    "meaning_depth_1",
    "meaning_similarity_1",
    "meaning_depth_2",
    "meaning_similarity_2",
    "meaning_depth_3",
    "meaning_similarity_3",
    "turn_depth_1",
    "turn_similarity_1",
    "turn_depth_3",
    "turn_similarity_3",
    "meaning_familiar",
    "meaning_unlike_the_talk",
)


def read_embedding_features(turns: Sequence[Turn], encode: Encoder) -> NDArray[np.float32]:
    """The features of each turn but the first: a row a turn, a column for each name."""
    if len(turns) < 2:
        return np.zeros((0, len(EMBEDDING_FEATURES)), dtype=np.float32)
    turn_vectors = encode([_opening(turn.text) for turn in turns])
    columns = _exchange_columns(turns, turn_vectors)
    for window in TURN_WINDOWS:
        cosines = _cosines(turn_vectors, window, window)
        columns.append(np.array(depths(cosines.tolist())))
        columns.append(cosines)
    columns.append(_cosines(turn_vectors, LOOK_BACK_TURNS, 1))
    # Relative to the mean of the conversation, over the largest window; the first value is a 0 that
    # compares nothing.
    columns.append(cosines - cosines[1:].mean())
    return np.array(columns, dtype=np.float32).T[1:]


def _exchange_columns(turns: Sequence[Turn], turn_vectors: Vectors) -> list[NDArray[Any]]:
    exchanges = np.array(number_exchanges(turns))
    opens_exchange = np.diff(exchanges, prepend=-1) > 0
    exchange_count = exchanges[-1] + 1
    exchange_vectors = np.zeros((exchange_count, turn_vectors.shape[1]), dtype=np.float32)
    np.add.at(exchange_vectors, exchanges, turn_vectors)
    columns: list[NDArray[Any]] = []
    for window in EXCHANGE_WINDOWS:
        cosines = _cosines(exchange_vectors, window, window)
        exchange_depths = np.array(depths(cosines.tolist()))
        # A valley between exchanges says nothing of the turns inside of one.
        columns.append(np.where(opens_exchange, exchange_depths[exchanges], 0.0))
        columns.append(cosines[exchanges])
    return columns


def _opening(text: str) -> str:
    # Cut once before encoding, so that a long message is not encoded whole. A lone surrogate
    # becomes "?", and a character that the cut splits is dropped.
    head = text[:OPENING_BYTES].encode("utf-8", "replace")
    return head[:OPENING_BYTES].decode("utf-8", "ignore")


def _cosines(vectors: Vectors, before: int, after: int) -> NDArray[np.float32]:
    """At each place, the cosine of the sum of `before` vectors before it and of `after` from it on.

    The first place has 0.
    """
    left = np.zeros_like(vectors)
    right = vectors.copy()
    for shift in range(1, before + 1):
        left[shift:] += vectors[:-shift]
    for shift in range(1, after):
        right[:-shift] += vectors[shift:]
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    # A sum of opposite vectors, and the empty sum, have no length: their cosine is taken as 0.
    divisors = np.where(lengths > 0, lengths, 1.0)
    cosines: NDArray[np.float32] = (left * right).sum(axis=1) / divisors
    return cosines
