"""The words of a query in a text."""

from collections.abc import Collection, Iterable, Sequence

from dreaming.remembering.snippet import join_ranges
from dreaming.remembering.words import fold, locate_words

Part = tuple[str, bool]
"""A slice of a text, and whether it is one of the words."""


def mark_words(text: str, terms: Collection[str]) -> list[Part]:
    """The text in parts that join to it, each a run of the terms or of what is between them."""
    if not terms:
        return [(text, False)] if text else []
    folded, places = _fold_in_place(text)
    found = [(word.start, word.end) for word in locate_words(folded) if word.term in terms]
    return split_at(text, [(places[start], places[end - 1] + 1) for start, end in found])


def split_at(text: str, ranges: Iterable[tuple[int, int]]) -> list[Part]:
    """The text in parts, those in the ranges marked; ranges may overlap."""
    parts: list[Part] = []
    at = 0
    for start, end in join_ranges(ranges):
        parts += [(text[at:start], False), (text[start:end], True)]
        at = end
    parts.append((text[at:], False))
    return [part for part in parts if part[0]]


def _fold_in_place(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters where that is from."""
    folded = fold(text)
    if len(folded) == len(text):
        return folded, range(len(text))
    # Ligatures and such fold to several characters: then one by one.
    each = [fold(character) for character in text]
    return "".join(each), [at for at, characters in enumerate(each) for _ in characters]
