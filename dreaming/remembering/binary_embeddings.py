"""Embeddings as codes of 512 bits: the signs of a vector's dimensions, without their sizes.

The share of equal bits of two codes gives the angle between their vectors, as with a random
projection (Charikar 2002). Texts are stored as codes, which take a thirty-second of the space of
the vectors; the question keeps its whole vector, and so compared the codes lose next to nothing.
"""

from collections.abc import Iterable, Sequence
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from dreaming.chunking.embedding_features import Encoder
from dreaming.remembering.arrays import Ints, Vectors
from dreaming.remembering.passages import SIGNS

Codes = NDArray[np.uint8]
"""A row a text, `CODE_BYTES` each."""

DIMENSIONS = 512
CODE_BYTES = DIMENSIONS // 8
NO_CODE = bytes(CODE_BYTES)
"""The code of a chunk that has none."""

# An encoder's time grows with the text. What follows in a longer message is found by words only.
OPENING_CHARACTERS = 400
"""Characters of a message that are encoded: its first ones."""

# With a lower value, words of other meanings count like the question's own.
MIN_SIMILARITY = 0.55
"""Terms are similar from this cosine on."""

# The postings of each similar term are read and scored as well.
MAX_SIMILAR_TERMS = 12
"""Similar terms that are looked for beside one of the question's, at most."""

# By bits alone a cosine is estimated roughly: terms down to this estimate are compared with the
# whole vector, so that few similar ones are missed.
_MIN_ESTIMATED_SIMILARITY = 0.4


def encode_texts(texts: Iterable[str], encode: Encoder) -> Codes:
    """The codes of texts."""
    openings = [text[:OPENING_CHARACTERS] for text in texts]
    # An encoder need not take an empty batch.
    if not openings:
        return np.zeros((0, CODE_BYTES), dtype=np.uint8)
    return to_codes(encode(openings))


def to_codes(vectors: Vectors | Ints) -> Codes:
    """The signs of vectors."""
    return np.packbits(vectors > 0, axis=1)


def to_signs(codes: Codes) -> Vectors:
    """Codes as vectors of length 1, whose dimensions differ in their signs only."""
    bits = np.unpackbits(codes, axis=1).astype(np.float32)
    signs: Vectors = (bits * 2 - 1) / sqrt(DIMENSIONS)
    return signs


def read_codes(stored: bytes) -> Codes:
    """Codes as an array, from the bytes that are stored."""
    return np.frombuffer(stored, np.uint8).reshape(-1, CODE_BYTES)


def codes_or_zeros(stored: bytes | None, signs: bytes) -> bytes:
    """The codes of a chunk's passages; all bits 0 where it has none."""
    if stored:
        return stored
    passage_count = len(signs) // SIGNS.itemsize
    return bytes(passage_count * CODE_BYTES)


def join_codes(stored: bytes) -> bytes:
    """One code for several texts: the sign of the sum of theirs."""
    bits = np.unpackbits(read_codes(stored), axis=1).astype(np.int64)
    ones = bits.sum(axis=0, keepdims=True)
    # Each bit stands for +1 or -1: twice the ones, less the number of texts, is their sum.
    return to_codes(2 * ones - len(bits)).tobytes()


def likeness(signs: Vectors, vector: Vectors) -> Vectors:
    """The cosines of texts and a question, estimated from signs and from the whole vector."""
    # A vector's product with signs of length 1 is on average sqrt(2 / pi) of the cosine.
    alike: Vectors = signs @ vector * sqrt(pi / 2)
    return alike


def differing_bits(codes: Codes, code: Codes) -> Ints:
    """The number of bits in which each of the codes differs from one code."""
    # Eight bytes at a time: every chunk of the memory is compared.
    words = np.ascontiguousarray(codes).view(np.uint64)
    differing = np.bitwise_count(words ^ code.view(np.uint64))
    counts: Ints = differing.sum(axis=1, dtype=np.int64)
    return counts


def similar_terms(
    vector: Vectors,
    terms: Sequence[str],
    codes: Codes,
) -> dict[str, float]:
    """The terms whose meaning is similar to a vector's, with the cosine, the most similar first."""
    [code] = to_codes(vector[None])
    # The share of differing bits is the angle as a share of a half turn.
    max_differing = DIMENSIONS * np.arccos(_MIN_ESTIMATED_SIMILARITY) / pi
    near = np.flatnonzero(differing_bits(codes, code) <= max_differing)
    cosines = likeness(to_signs(codes[near]), vector)
    order = np.argsort(-cosines, kind="stable")[:MAX_SIMILAR_TERMS]
    similar = {}
    for index in order.tolist():
        cosine = float(cosines[index])
        if cosine > MIN_SIMILARITY:
            similar[terms[near[index]]] = cosine
    return similar
