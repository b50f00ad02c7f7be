"""Figures of days -> stacked bars, in the units of a drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT = 100.0
PITCH = 12.0
"""Distance from one bar to the next."""
MIN_PART_HEIGHT = 1.0
"""A lower part would not be seen beside a high one."""
MIN_BARS = 30
"""A drawing is as wide as this many bars: few days would else be drawn as very wide bars."""


@dataclass(frozen=True, slots=True)
class BarPart:
    """A rectangle of a bar."""

    name: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A day's bar."""

    x: float
    parts: list[BarPart]
    caption: str
    """Its figures as text."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars beside each other."""

    bars: list[Bar]
    highest: float
    """The figure of the highest bar."""

    @property
    def width(self) -> float:
        """The width of the drawing."""
        return max(len(self.bars), MIN_BARS) * PITCH


def stack(days: Sequence[tuple[str, Mapping[str, float]]]) -> Chart:
    """A bar for each day, from its caption and the figures of its parts, from the bottom up."""
    totals = [sum(figures.values()) for _, figures in days]
    highest = max(totals, default=0.0)
    bars: list[Bar] = []
    for number, (caption, figures) in enumerate(days):
        bars.append(Bar(number * PITCH, _parts(figures, highest), caption))
    return Chart(bars, highest)


def _parts(figures: Mapping[str, float], highest: float) -> list[BarPart]:
    parts: list[BarPart] = []
    # In a drawing y grows downwards: the first part ends at the bottom.
    y = HEIGHT
    for name, figure in figures.items():
        if figure:
            height = max(MIN_PART_HEIGHT, figure / highest * HEIGHT)
            y -= height
            parts.append(BarPart(name, round(y, 2), round(height, 2)))
    return parts
