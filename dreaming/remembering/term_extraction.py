"""The terms of many texts at once: those that `words.analyse` finds in each, in less time.

All texts are joined into one array of code points, and each step works on all of it: a day has
hundreds of thousands of words, and Python steps for each of them take long. A test holds the two
implementations together.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreaming.remembering.arrays import Bools, Ints
from dreaming.remembering.words import UNSPACED_RUN, WORD_ALONE, WORD_RUN, term_of

# Bits of a character's kind: Han is both a character of a script without spaces and a word alone.
_WORD = 1
_UNSPACED = 2
_ALONE = 4
_KINDS = ((WORD_RUN, _WORD), (UNSPACED_RUN, _UNSPACED), (WORD_ALONE, _ALONE))

_CODE_POINTS = 0x110000
_SPACE = ord(" ")

# A pair of characters as one integer: the first in the upper bits. A single one is below all pairs.
_PAIR_SHIFT = 32
_CHARACTER_MASK = (1 << _PAIR_SHIFT) - 1

# Four bytes a character, so that an index into the array is an index into the text. Lone
# surrogates, which a string of Python may have, pass through.
_CODE = "utf-32-le"
_ERRORS = "surrogatepass"


class ExtractedTerms(NamedTuple):
    """The terms of texts: arrays of one item for each occurrence of a term, in no order."""

    vocabulary: list[str]
    """All terms, each once."""
    numbers: Ints
    """The term: an index into the vocabulary."""
    texts: Ints
    """The index of its text."""
    half_words: Ints
    """The length of each text for a reader."""


def extract_terms(folded: Sequence[str]) -> ExtractedTerms:
    """The terms of folded texts."""
    # The line break ends words: none reaches from one text into the next.
    joined = "\n".join([*folded, ""])
    codes = _encode(joined)
    lengths = [len(text) + 1 for text in folded]
    text_of = np.repeat(np.arange(len(folded)), lengths)
    kinds = _kinds(codes)
    in_word = kinds == _WORD
    is_unspaced = kinds & _UNSPACED > 0
    word_starts = np.flatnonzero(np.diff(in_word, prepend=False) & in_word)
    pairs = np.flatnonzero(is_unspaced[:-1] & is_unspaced[1:])
    alone = np.flatnonzero(kinds & _ALONE)
    spaced_words, word_numbers = _number_words(_words(codes, in_word))
    pair_keys = codes[pairs] << _PAIR_SHIFT | codes[pairs + 1]
    keys, key_numbers = np.unique(
        np.concatenate([pair_keys, codes[alone]]),
        return_inverse=True,
    )
    unspaced_counts = np.bincount(text_of[is_unspaced], minlength=len(folded))
    word_counts = np.bincount(text_of[word_starts], minlength=len(folded))
    return ExtractedTerms(
        vocabulary=spaced_words + _characters(keys),
        numbers=np.concatenate([word_numbers, key_numbers + len(spaced_words)]),
        texts=text_of[np.concatenate([word_starts, pairs, alone])],
        half_words=unspaced_counts + 2 * word_counts,
    )


def _words(codes: Ints, in_word: Bools) -> list[str]:
    """The words of scripts with spaces, in order."""
    # Everything else becomes a space, so that one call splits all texts.
    return _decode(np.where(in_word, codes, _SPACE)).split()


def _kinds(codes: Ints) -> NDArray[np.uint8]:
    """The kind of each character, by the patterns of `words`."""
    # The patterns see each different character once; a table by code point gives the kind to all.
    table = np.zeros(_CODE_POINTS, dtype=np.uint8)
    table[codes] = 1
    present = np.flatnonzero(table)
    characters = _decode(present)
    table[present] = 0
    for pattern, kind in _KINDS:
        for match in pattern.finditer(characters):
            table[present[match.start() : match.end()]] |= kind
    return table[codes]


def _number_words(words: Sequence[str]) -> tuple[list[str], Ints]:
    """The terms of words, and the number of each word's term."""
    terms: dict[str, int] = {}
    number_of: dict[str, int] = {}
    # Different words may have the same stem. Each different word is stemmed once.
    for word in dict.fromkeys(words):
        number_of[word] = terms.setdefault(term_of(word), len(terms))
    numbers = np.array(
        [number_of[word] for word in words],
        dtype=np.int64,
    )
    return list(terms), numbers


def _characters(keys: Ints) -> list[str]:
    """The texts of sorted keys: single characters first, then pairs."""
    single_count = int(np.searchsorted(keys, 1 << _PAIR_SHIFT))
    single = _decode(keys[:single_count])
    pairs = keys[single_count:]
    firsts = _decode(pairs >> _PAIR_SHIFT)
    seconds = _decode(pairs & _CHARACTER_MASK)
    return [*single, *map("".join, zip(firsts, seconds, strict=True))]


def _encode(text: str) -> Ints:
    return np.frombuffer(text.encode(_CODE, _ERRORS), "<u4").astype(np.int64)


def _decode(codes: Ints) -> str:
    return codes.astype("<u4").tobytes().decode(_CODE, _ERRORS)
