"""Figures of days -> stacked bars, in the units of a drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEIGHT = 100.0
PITCH = 12.0
WIDTH = 10.0
LEAST = 1.0
"""How high a part is at least, so that it is seen."""


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
    told: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars beside each other."""

    bars: list[Bar]
    highest: float
    """What the highest bar stands for."""

    @property
    def width(self) -> float:
        """Of the drawing."""
        return max(len(self.bars) * PITCH, 30 * PITCH)


def stack(days: Sequence[tuple[str, Mapping[str, float]]]) -> Chart:
    """A bar for each day: what it is called, and how much it has
    of each part, from the bottom up.
    """
    highest = max((sum(figures.values()) for _, figures in days), default=0.0)
    bars = [
        Bar(number * PITCH, _parts(figures, highest), told)
        for number, (told, figures) in enumerate(days)
    ]
    return Chart(bars, highest)


def _parts(figures: Mapping[str, float], highest: float) -> list[BarPart]:
    parts: list[BarPart] = []
    y = HEIGHT
    for name, figure in figures.items():
        if figure:
            height = max(LEAST, figure / highest * HEIGHT)
            y -= height
            parts.append(BarPart(name, round(y, 2), round(height, 2)))
    return parts
