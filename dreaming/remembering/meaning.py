"""Texts by their meaning: a code of 512 bits for each, which of a vector keeps the signs alone.

The signs are a random projection's in all but name (Charikar 2002): the share of equal bits tells
the angle. Beside the whole vector of the question they lose next to nothing here, and take a
thirty-second of the room.
"""

from collections.abc import Iterable, Sequence
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.embedding_features import Encoder
from dreaming.remembering.passages import SIGNS

Codes = NDArray[np.uint8]
"""Texts by bytes."""

DIMENSIONS = 512
CODE_BYTES = DIMENSIONS // 8
NO_CODE = bytes(CODE_BYTES)
"""Of what has none."""
OPENING_CHARACTERS = 400
"""Of a message, which are read: an encoder's time grows with them."""
LIKE = 0.55
"""Terms are alike from this cosine on."""
MOST_ALIKE = 12
"""Terms that are looked for beside one of the question's, at most."""
_WITHIN = 0.4
"""What the cosine seems to be, by signs alone, of those that are looked at more closely."""


def encode_texts(texts: Iterable[str], encode: Encoder) -> Codes:
    """The codes of texts."""
    openings = [text[:OPENING_CHARACTERS] for text in texts]
    return to_codes(encode(openings)) if openings else np.zeros((0, CODE_BYTES), dtype=np.uint8)


def to_codes(vectors: NDArray[np.float32] | NDArray[np.int64]) -> Codes:
    """The signs of vectors."""
    return np.packbits(vectors > 0, axis=1)


def to_signs(codes: Codes) -> NDArray[np.float32]:
    """Codes as vectors of length 1."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)
    signs: NDArray[np.float32] = (bits * 2 - 1) / sqrt(DIMENSIONS)
    return signs


def read_codes(held: bytes) -> Codes:
    """Codes as they are kept."""
    return np.frombuffer(held, np.uint8).reshape(-1, CODE_BYTES)


def codes_or_zeros(held: bytes | None, signs: bytes) -> bytes:
    """The codes of a chunk's passages; bits that are all 0 where it has none."""
    return held or bytes(len(signs) // SIGNS.itemsize * CODE_BYTES)


def join_codes(held: bytes) -> bytes:
    """The code of several texts together: the sign of the sum of theirs."""
    bits = np.unpackbits(read_codes(held), axis=1).astype(np.int64)
    return to_codes(bits.sum(axis=0, keepdims=True) * 2 - len(bits)).tobytes()


def likeness(signs: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosines of texts and a question, from the signs of the one and the vector of the other:
    an estimate.
    """
    alike: NDArray[np.float32] = signs @ vector * sqrt(pi / 2)
    return alike


def differing_bits(codes: Codes, code: Codes) -> NDArray[np.int64]:
    """In how many bits each of the codes is not as one code."""
    wide = np.ascontiguousarray(codes).view(np.uint64)
    bits: NDArray[np.int64] = np.bitwise_count(wide ^ code.view(np.uint64)).sum(
        axis=1, dtype=np.int64
    )
    return bits


def terms_alike(
    vector: NDArray[np.float32], terms: Sequence[str], codes: Codes
) -> dict[str, float]:
    """The terms whose meaning is like a vector's, the most alike first, and how alike they are."""
    within = DIMENSIONS * np.arccos(_WITHIN) / pi
    near = np.flatnonzero(differing_bits(codes, to_codes(vector[None])[0]) <= within)
    alike = likeness(to_signs(codes[near]), vector)
    order = np.argsort(-alike, kind="stable")[:MOST_ALIKE]
    return {terms[near[at]]: float(alike[at]) for at in order.tolist() if alike[at] > LIKE}
