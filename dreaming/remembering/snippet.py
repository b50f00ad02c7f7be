"""The part of a chunk that is worth showing for a query."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dreaming.remembering.words import fold, locate_words

WIDTH = 160
"""Characters that a snippet holds."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A slice of a chunk's text on one line, and the ranges in it that match the query."""

    text: str
    matches: tuple[tuple[int, int], ...]

    def marked(self, before: str, after: str) -> str:
        """The text with each match between two marks."""
        parts, at = [], 0
        for start, end in self.matches:
            parts += [self.text[at:start], before, self.text[start:end], after]
            at = end
        return "".join([*parts, self.text[at:]])


def make_snippet(content: str, terms: Collection[str], *, width: int = WIDTH) -> Snippet:
    """The window of a text that holds most of the query's terms,
    with an ellipsis where it is cut.
    """
    line = " ".join(content.split())
    folded = fold(line)
    if len(folded) != len(line):
        # Folding changed the length (ligatures and such): places in one are no places in the other.
        line = folded
    found = [
        (word.start, word.end, word.term) for word in locate_words(folded) if word.term in terms
    ]
    start = _best_start([(at, term) for at, _, term in found], width, len(line))
    end = min(start + width, len(line))
    lead, tail = "…" if start > 0 else "", "…" if end < len(line) else ""
    shift = len(lead) - start
    matches = tuple(
        join_ranges([(a + shift, b + shift) for a, b, _ in found if start <= a and b <= end])
    )
    return Snippet(lead + line[start:end] + tail, matches)


def _best_start(found: list[tuple[int, str]], width: int, length: int) -> int:
    """Where the window with most distinct terms starts, with some of the text before its first
    match.
    """
    best, best_count = 0, 0
    for index, (at, _) in enumerate(found):
        count = len({term for place, term in found[index:] if place < at + width * 3 // 4})
        if count > best_count:
            best, best_count = at, count
    return max(0, min(best - width // 4, length - width))


def join_ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places in ranges that neither overlap nor touch, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
