"""The `verbatim` reply shape: the units that the text repeated by a model begins and ends in.

A model changes white space, quotation marks and words, and leaves parts out. So each content is
searched by its beginning, by letters and digits alone, from the place of the content before it. A
content that is not found is left out, and text between two anchors belongs to the first.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from dreaming.chunking.lane import Unit

_HEADS = (80, 40, 20, 10)
"""The lengths of a beginning that are searched, in letters and digits; the first match counts."""

_SHORTEST_HEAD = 4
"""A content of no more letters and digits than this is searched whole."""


def anchor_contents(contents: Sequence[str], units: Sequence[Unit]) -> list[tuple[int, int] | None]:
    """The positions of each content's first unit and after its last one, or None.

    No two of them overlap.
    """
    texts = [_letters(unit.text) for unit in units]
    offsets = [0, *accumulate(map(len, texts))]
    source = "".join(texts)
    places: list[tuple[int, int] | None] = []
    reached = 0
    for content in contents:
        letters = _letters(_without_numbers(content))
        start = _find(letters, source, reached)
        if start is None:
            places.append(None)
            continue
        end = min(start + max(len(letters), 1), len(source))
        first = _unit_at(offsets, start)
        last = _unit_at(offsets, end - 1) + 1
        taken = next((place for place in reversed(places) if place is not None), None)
        if taken is not None and first < taken[1]:
            # A content that begins within a unit cannot have it: units are not cut.
            first = taken[1]
        places.append((first, last) if first < last else None)
        reached = start + min(len(letters), _HEADS[-1])
    return places


def _find(letters: str, source: str, start: int) -> int | None:
    if len(letters) <= _SHORTEST_HEAD:
        place = source.find(letters, start) if letters else -1
        return place if place >= 0 else None
    for length in _HEADS:
        place = source.find(letters[:length], start)
        if place >= 0:
            return place
    return None


def _unit_at(offsets: Sequence[int], position: int) -> int:
    return bisect_right(offsets, position, 0, len(offsets) - 1) - 1


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _without_numbers(content: str) -> str:
    """The content without the beginning of a unit, which some models repeat."""
    stripped = content.lstrip()
    head, bracket, rest = stripped.partition("] ")
    if bracket and head.startswith("[") and head[1:].isdigit():
        role, colon, text = rest.partition(": ")
        has_role = colon and role in ("user", "assistant", "system", "tool")
        return text if has_role else rest
    return stripped
