"""The words of a query in a text."""

from collections.abc import Collection, Iterable, Sequence

from dreaming.remembering.snippet import join_ranges
from dreaming.remembering.words import fold, locate_words

Part = tuple[str, bool]
"""A slice of a text, and whether it is marked."""


def mark_words(text: str, terms: Collection[str]) -> list[Part]:
    """The text in parts that join to it; those that are words of the terms are marked."""
    if not terms:
        return [(text, False)] if text else []
    folded, origins = _fold_with_origins(text)
    words = [word for word in locate_words(folded) if word.term in terms]
    # The end is the origin of the last character, plus one: a word at the end has no next one.
    return split_at(text, [(origins[word.start], origins[word.end - 1] + 1) for word in words])


def split_at(text: str, ranges: Iterable[tuple[int, int]]) -> list[Part]:
    """The text in parts, those in the ranges marked; ranges may overlap."""
    parts: list[Part] = []
    position = 0
    for start, end in join_ranges(ranges):
        parts.append((text[position:start], False))
        parts.append((text[start:end], True))
        position = end
    parts.append((text[position:], False))
    return [(part, is_marked) for part, is_marked in parts if part]


def _fold_with_origins(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and the position in `text` that each of its characters is from."""
    folded = fold(text)
    if len(folded) == len(text):
        return folded, range(len(text))
    # Ligatures and the like fold to several characters, which shifts all that follow. One by one
    # their origins are known; the whole text at once is much faster, so it is tried first.
    folded_characters: list[str] = []
    origins: list[int] = []
    for position, character in enumerate(text):
        folded_character = fold(character)
        folded_characters.append(folded_character)
        origins += [position] * len(folded_character)
    return "".join(folded_characters), origins
