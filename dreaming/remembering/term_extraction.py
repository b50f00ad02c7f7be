"""The terms of many texts at once: what `words.analyse` finds in
each, in a fraction of the time.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.words import UNSPACED_RUN, WORD_ALONE, WORD_RUN, term_of

_WORD, _UNSPACED, _ALONE = 1, 2, 4
_KINDS = ((WORD_RUN, _WORD), (UNSPACED_RUN, _UNSPACED), (WORD_ALONE, _ALONE))
_CODE_POINTS = 0x110000
_SPACE = ord(" ")
_PAIR_SHIFT = 32
_CODE = "utf-32-le"


class ExtractedTerms(NamedTuple):
    """The terms of texts: a row for each time that one stands in a text, in no order."""

    vocabulary: list[str]
    """All terms, each once."""
    numbers: NDArray[np.int64]
    """Of the vocabulary, which one it is."""
    texts: NDArray[np.int64]
    """Which of the texts it stands in."""
    half_words: NDArray[np.int64]
    """How long each text is to a reader."""


def find_terms(folded: Sequence[str]) -> ExtractedTerms:
    """The terms of folded texts."""
    joined = "\n".join([*folded, ""])
    codes = np.frombuffer(joined.encode(_CODE, "surrogatepass"), "<u4").astype(np.int64)
    text_of = np.repeat(np.arange(len(folded)), [len(text) + 1 for text in folded])
    kinds = _kinds(codes)
    in_word, is_unspaced = kinds == _WORD, kinds & _UNSPACED > 0
    starts = np.flatnonzero(np.diff(in_word, prepend=False) & in_word)
    pairs, alone = (
        np.flatnonzero(is_unspaced[:-1] & is_unspaced[1:]),
        np.flatnonzero(kinds & _ALONE),
    )
    vocabulary, of_words = _number_words(_decode(np.where(in_word, codes, _SPACE)).split())
    keys = np.concatenate([codes[pairs] << _PAIR_SHIFT | codes[pairs + 1], codes[alone]])
    different, of_characters = np.unique(keys, return_inverse=True)
    return ExtractedTerms(
        vocabulary + _characters(different),
        np.concatenate([of_words, of_characters + len(vocabulary)]),
        text_of[np.concatenate([starts, pairs, alone])],
        np.bincount(text_of[is_unspaced], minlength=len(folded))
        + 2 * np.bincount(text_of[starts], minlength=len(folded)),
    )


def _kinds(codes: NDArray[np.int64]) -> NDArray[np.uint8]:
    """What each character is, by the patterns that say it."""
    table = np.zeros(_CODE_POINTS, dtype=np.uint8)
    table[codes] = 1
    held = np.flatnonzero(table)
    characters = _decode(held)
    table[held] = 0
    for pattern, kind in _KINDS:
        for match in pattern.finditer(characters):
            table[held[match.start() : match.end()]] |= kind
    return table[codes]


def _number_words(words: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The terms of words, and which each word has."""
    terms: dict[str, int] = {}
    number_of = {word: terms.setdefault(term_of(word), len(terms)) for word in dict.fromkeys(words)}
    return list(terms), np.array([number_of[word] for word in words], dtype=np.int64)


def _characters(keys: NDArray[np.int64]) -> list[str]:
    """The single characters of the lower keys, and the pairs of the higher ones, in order."""
    single = int(np.searchsorted(keys, 1 << _PAIR_SHIFT))
    pairs = _decode(
        np.stack([keys[single:] >> _PAIR_SHIFT, keys[single:] & (1 << _PAIR_SHIFT) - 1], axis=1)
    )
    return [*_decode(keys[:single]), *map("".join, zip(pairs[::2], pairs[1::2], strict=True))]


def _decode(codes: NDArray[np.int64]) -> str:
    return codes.astype("<u4").tobytes().decode(_CODE, "surrogatepass")
