"""Topics packed to chunk size: what is too long is split where it parts best, what is too short
joins its neighbour.

Works on unit numbers: a piece is a range of units, and the strength of the gap before each unit
says how willingly the text parts there. Sizes are estimated by adding up, then measured on the text
as it will stand; whoever is out of bounds by that measure goes through the same steps again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

SMALLEST_TOKENS = 100
LARGEST_TOKENS = 800
BALANCE_WEIGHT = 0.3
"""What an even split is worth, in strength of the gap."""
MIDDLE = (0.25, 0.75)
"""The part of a piece in which it is split, which keeps splitting balanced and its depth
logarithmic.
"""

Piece = tuple[int, int]
"""A range of units, end excluded."""
Measure = Callable[[int, int], int]
"""The tokens of a range of units, end excluded."""


def pack_units(
    sizes: Sequence[int], strengths: Sequence[float], topics: Sequence[int], measure: Measure
) -> list[Piece]:
    """Pack units into pieces of 100 to 800 tokens that keep topics together where they can.

    `sizes` are the units' tokens by estimate, `strengths` the gaps' before each (0 to 1), `topics`
    the units that start one (not 0), and `measure` counts exactly. No piece of more than one unit
    is over 800 tokens; one under 100 remains only where its neighbours have no room.
    """
    packer = _Packer(strengths, [0, *accumulate(sizes)])
    pieces = packer.pack(_between([0, *topics, len(sizes)]), packer.estimate)
    if (
        len(pieces) == 1 and measure(0, len(sizes)) <= LARGEST_TOKENS
    ):  # a second round could not change it
        return pieces
    if all(_fits(measure(first, last)) for first, last in pieces):
        return pieces
    return packer.pack(pieces, measure)


def _between(cuts: Sequence[int]) -> list[Piece]:
    return list(pairwise(cuts))


@dataclass(frozen=True, slots=True)
class _Packer:
    strengths: Sequence[float]
    offsets: Sequence[int]
    """Estimated tokens before each unit, and of all."""

    def estimate(self, first: int, last: int) -> int:
        return self.offsets[last] - self.offsets[first]

    def pack(self, pieces: Sequence[Piece], measure: Measure) -> list[Piece]:
        fitting = [part for piece in pieces for part in self._split(piece, measure)]
        return self._level(self._join(fitting, measure), measure)

    def _split(self, piece: Piece, measure: Measure) -> list[Piece]:
        """Split a piece that is too long, and its parts, each where it parts best."""
        done: list[Piece] = []
        left_to_do = [piece]
        while left_to_do:
            first, last = left_to_do.pop()
            if last - first == 1 or measure(first, last) <= LARGEST_TOKENS:
                done.append((first, last))
            else:
                cut = self._best_cut(first, last)
                left_to_do += [(cut, last), (first, cut)]
        return done

    def _best_cut(self, first: int, last: int) -> int:
        """The unit in the middle of a piece before which to cut it; where none starts there, the
        one closest to it.
        """
        start, total = self.offsets[first], self.estimate(first, last)
        low = bisect_left(self.offsets, start + MIDDLE[0] * total, first + 1, last - 1)
        high = bisect_right(self.offsets, start + MIDDLE[1] * total, low, last - 1)
        return max(range(low, max(high, low + 1)), key=lambda cut: self._worth(first, cut, last))

    def _worth(self, first: int, cut: int, last: int) -> float:
        unevenness = abs(self.estimate(first, cut) - self.estimate(cut, last)) / max(
            self.estimate(first, last), 1
        )
        return self.strengths[cut] - BALANCE_WEIGHT * unevenness

    def _join(self, pieces: Sequence[Piece], measure: Measure) -> list[Piece]:
        """Join pieces that are too short with a neighbour, over the weakest gaps first, where they
        fit together.

        One round is enough: pieces only grow, so a join that did not fit when its gap had its turn
        never will.
        """
        start_of = {last: first for first, last in pieces}
        end_of = dict(pieces)
        for cut in sorted((first for first, _ in pieces[1:]), key=self.strengths.__getitem__):
            first, last = start_of[cut], end_of[cut]
            short = min(measure(first, cut), measure(cut, last)) < SMALLEST_TOKENS
            if short and measure(first, last) <= LARGEST_TOKENS:
                del start_of[cut], end_of[cut]
                start_of[last], end_of[first] = first, last
        return sorted(end_of.items())

    def _level(self, pieces: list[Piece], measure: Measure) -> list[Piece]:
        """Let pieces that are still too short take units from a neighbour that has no room for all
        of them.
        """
        for index, (first, last) in enumerate(pieces):
            if measure(first, last) >= SMALLEST_TOKENS:
                continue
            neighbours = [left for left in (index - 1, index) if 0 <= left < len(pieces) - 1]
            for left in sorted(neighbours, key=lambda left: self.strengths[pieces[left][1]]):
                cut = self._level_cut(pieces[left][0], pieces[left + 1][1], measure)
                if cut is not None:
                    pieces[left], pieces[left + 1] = (
                        (pieces[left][0], cut),
                        (cut, pieces[left + 1][1]),
                    )
                    break
        return pieces

    def _level_cut(self, first: int, last: int, measure: Measure) -> int | None:
        """Where to cut two neighbours anew so that both are in bounds; None where no unit starts at
        such a place.
        """
        start, end = self.offsets[first], self.offsets[last]
        low = bisect_left(
            self.offsets, max(start + SMALLEST_TOKENS, end - LARGEST_TOKENS), first + 1, last
        )
        high = bisect_right(
            self.offsets, min(end - SMALLEST_TOKENS, start + LARGEST_TOKENS), low, last
        )
        cuts = sorted(range(low, high), key=lambda cut: -self._worth(first, cut, last))
        return next(
            (cut for cut in cuts if _fits(measure(first, cut)) and _fits(measure(cut, last))), None
        )


def _fits(tokens: int) -> bool:
    return SMALLEST_TOKENS <= tokens <= LARGEST_TOKENS
