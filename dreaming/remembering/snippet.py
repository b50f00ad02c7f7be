"""Snippets: the part of a text, on one line, that has most of what a query looks for."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dreaming.remembering.words import Word, fold, locate_words

WIDTH = 160
"""Characters of a snippet, at most."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A slice of a text on one line, and the ranges in it that match the query."""

    text: str
    matches: tuple[tuple[int, int], ...]

    def marked(self, before: str, after: str) -> str:
        """The text with something before and after each match."""
        parts: list[str] = []
        rest = 0
        for start, end in self.matches:
            parts += [self.text[rest:start], before, self.text[start:end], after]
            rest = end
        parts.append(self.text[rest:])
        return "".join(parts)


def make_snippet(
    content: str,
    terms: Collection[str],
    *,
    width: int = WIDTH,
) -> Snippet:
    """The window of a text with most different terms; an ellipsis where it is cut."""
    line = " ".join(content.split())
    folded = fold(line)
    if len(folded) != len(line):
        # Folding changed the length (ligatures and such): an index into the one text is not an
        # index into the other. The folded text is shown, whose matches are in place.
        line = folded
    matches = [word for word in locate_words(folded) if word.term in terms]
    start = _best_start(matches, width, len(line))
    end = min(start + width, len(line))
    lead = "…" if start > 0 else ""
    tail = "…" if end < len(line) else ""
    shift = len(lead) - start
    shown = [word for word in matches if start <= word.start and word.end <= end]
    ranges = [(word.start + shift, word.end + shift) for word in shown]
    return Snippet(
        lead + line[start:end] + tail,
        tuple(join_ranges(ranges)),
    )


def _best_start(
    matches: list[Word],
    width: int,
    length: int,
) -> int:
    """The start of the window with most different terms, in a text of a length."""
    best = 0
    best_count = 0
    # The first quarter of the window is for what comes before the first match, so that it can be
    # understood; the terms are counted in the rest.
    lead = width // 4
    reach = width * 3 // 4
    for index, first in enumerate(matches):
        in_reach = {word.term for word in matches[index:] if word.start < first.start + reach}
        # Not `>=`: of equal windows the first one is shown.
        if len(in_reach) > best_count:
            best = first.start
            best_count = len(in_reach)
    return max(0, min(best - lead, length - width))


def join_ranges(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that cover the same places, in order; none overlaps or touches the next."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            last_start, last_end = joined[-1]
            joined[-1] = (last_start, max(end, last_end))
        else:
            joined.append((start, end))
    return joined
