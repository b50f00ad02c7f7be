"""Topics packed to chunk size: long ones are split at their best gaps, short ones are joined.

Works on unit indexes: a piece is a range of units, and each gap before a unit has a strength, which
is how good a place to cut it is. Sizes are first estimated by adding up. The pieces are then
measured on their exact text, and where one is out of bounds, all go through the same steps again
with exact sizes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

# The bounds of a chunk that docs/chunking.md promises. A change needs a new version of the
# segmenter.
SMALLEST_TOKENS = 100
LARGEST_TOKENS = 800
# The worth of an even split, in units of gap strength. With 0 the strength alone would decide; with
# a large value a piece would be cut near its middle at any gap.
BALANCE_WEIGHT = 0.3
# A piece is split within this part of it. Each half then has at least a quarter, so that splitting
# ends after a logarithmic number of levels.
MIDDLE = (0.25, 0.75)

Piece = tuple[int, int]
"""A range of units, end excluded."""
Measure = Callable[[int, int], int]
"""The tokens of a range of units, end excluded."""


def pack_units(
    sizes: Sequence[int], strengths: Sequence[float], topics: Sequence[int], measure: Measure
) -> list[Piece]:
    """Pack units into pieces of 100 to 800 tokens that keep topics together where they can.

    `sizes` are the units' estimated tokens, `strengths` those of the gaps before them (0 to 1),
    `topics` the units that start one (without unit 0), and `measure` counts exactly. No piece of
    more than one unit is over 800 tokens; one under 100 remains only where its neighbours have no
    room.
    """
    packer = _Packer(strengths, [0, *accumulate(sizes)])
    topic_pieces = list(pairwise([0, *topics, len(sizes)]))
    pieces = packer.pack(topic_pieces, packer.estimate)
    # A short conversation is one piece under 100 tokens: a second round could not change it.
    if len(pieces) == 1 and measure(0, len(sizes)) <= LARGEST_TOKENS:
        return pieces
    if all(_fits(measure(first, last)) for first, last in pieces):
        return pieces
    return packer.pack(pieces, measure)


@dataclass(frozen=True, slots=True)
class _Packer:
    strengths: Sequence[float]
    offsets: Sequence[int]
    """The estimated tokens before each unit; last, those of all units."""

    def estimate(self, first: int, last: int) -> int:
        return self.offsets[last] - self.offsets[first]

    def pack(self, pieces: Sequence[Piece], measure: Measure) -> list[Piece]:
        parts = [part for piece in pieces for part in self._split(piece, measure)]
        joined = self._join(parts, measure)
        return self._level(joined, measure)

    def _split(self, piece: Piece, measure: Measure) -> list[Piece]:
        """Split a piece that is too long, and then its parts, each at its best gap."""
        parts: list[Piece] = []
        # A stack whose top is always the leftmost part, so that parts come out in order.
        to_split = [piece]
        while to_split:
            first, last = to_split.pop()
            is_single_unit = last - first == 1
            if is_single_unit or measure(first, last) <= LARGEST_TOKENS:
                parts.append((first, last))
                continue
            cut = self._best_cut(first, last)
            to_split.append((cut, last))
            to_split.append((first, cut))
        return parts

    def _best_cut(self, first: int, last: int) -> int:
        """The unit before which to cut a piece: the best in its middle, else the closest to it."""
        start = self.offsets[first]
        total = self.estimate(first, last)
        low = bisect_left(self.offsets, start + MIDDLE[0] * total, first + 1, last - 1)
        high = bisect_right(self.offsets, start + MIDDLE[1] * total, low, last - 1)
        # Where one unit fills the whole middle, the range is empty: the unit at `low` is taken.
        candidates = range(low, max(high, low + 1))
        return max(candidates, key=lambda cut: self._worth(first, cut, last))

    def _worth(self, first: int, cut: int, last: int) -> float:
        difference = abs(self.estimate(first, cut) - self.estimate(cut, last))
        total = max(self.estimate(first, last), 1)
        unevenness = difference / total
        return self.strengths[cut] - BALANCE_WEIGHT * unevenness

    def _join(self, pieces: Sequence[Piece], measure: Measure) -> list[Piece]:
        """Join short pieces with a neighbour where both fit together, over the weakest gaps first.

        One round is enough: pieces only grow, so a join that did not fit when its gap had its turn
        never will.
        """
        start_of = {last: first for first, last in pieces}
        end_of = dict(pieces)
        cuts = [first for first, _ in pieces[1:]]
        for cut in sorted(cuts, key=self.strengths.__getitem__):
            first = start_of[cut]
            last = end_of[cut]
            smaller_size = min(measure(first, cut), measure(cut, last))
            is_short = smaller_size < SMALLEST_TOKENS
            if is_short and measure(first, last) <= LARGEST_TOKENS:
                del start_of[cut]
                del end_of[cut]
                start_of[last] = first
                end_of[first] = last
        return sorted(end_of.items())

    def _level(self, pieces: list[Piece], measure: Measure) -> list[Piece]:
        """Move units to pieces that are still short, from a neighbour too large to join whole."""
        for index, (first, last) in enumerate(pieces):
            if measure(first, last) >= SMALLEST_TOKENS:
                continue
            # A pair is named by its left piece: this piece and the one before or after it.
            pairs = [left for left in (index - 1, index) if 0 <= left < len(pieces) - 1]
            pairs.sort(key=lambda left: self.strengths[pieces[left][1]])
            for left in pairs:
                start = pieces[left][0]
                end = pieces[left + 1][1]
                cut = self._level_cut(start, end, measure)
                if cut is not None:
                    pieces[left] = (start, cut)
                    pieces[left + 1] = (cut, end)
                    break
        return pieces

    def _level_cut(self, first: int, last: int, measure: Measure) -> int | None:
        """The best cut of two neighbours that leaves both in bounds; None without such a cut."""
        start = self.offsets[first]
        end = self.offsets[last]
        earliest = max(start + SMALLEST_TOKENS, end - LARGEST_TOKENS)
        latest = min(end - SMALLEST_TOKENS, start + LARGEST_TOKENS)
        low = bisect_left(self.offsets, earliest, first + 1, last)
        high = bisect_right(self.offsets, latest, low, last)
        cuts = sorted(range(low, high), key=lambda cut: -self._worth(first, cut, last))
        # The offsets are estimates, so each candidate is measured.
        for cut in cuts:
            if _fits(measure(first, cut)) and _fits(measure(cut, last)):
                return cut
        return None


def _fits(tokens: int) -> bool:
    return SMALLEST_TOKENS <= tokens <= LARGEST_TOKENS
