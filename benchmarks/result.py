"""What a benchmark reports: a table for people, the same rows as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound that the project has set itself."""

    text: str
    measured: float
    bound: float
    at_most: bool

    @property
    def is_met(self) -> bool:
        """Whether what was measured is within the bound."""
        return self.measured <= self.bound if self.at_most else self.measured >= self.bound


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one benchmark."""

    name: str
    title: str
    rows: tuple[dict[str, Cell], ...]
    """All with the same keys, which are the columns; None where there is no figure."""
    aims: tuple[Aim, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader has to know to read the figures: what was skipped, what stands in for what."""

    def as_json(self) -> dict[str, Any]:
        """The figures, unrounded."""
        return {
            "benchmark": self.name,
            "title": self.title,
            "rows": list(self.rows),
            "aims": [asdict(aim) | {"is_met": aim.is_met} for aim in self.aims],
            "notes": list(self.notes),
        }


def print_result(console: Console, result: Result) -> None:
    """Print a result as a table, with its aims and notes below."""
    table = Table(box=None, pad_edge=False)
    for name in result.rows[0]:
        table.add_column(name, justify="left" if isinstance(result.rows[0][name], str) else "right")
    for row in result.rows:
        table.add_row(*(_shown(cell) for cell in row.values()))
    notes = [Text(f"note: {note}") for note in result.notes]
    console.print(
        Group(
            Text(f"{result.name}: {result.title}", style="bold"),
            table,
            *_aims(result.aims),
            *notes,
            Text(),
        )
    )


def _aims(aims: Sequence[Aim]) -> list[Text]:
    return [
        Text(
            f"aim: {aim.text}: {_shown(aim.measured)}, {'met' if aim.is_met else 'NOT met'}",
            style="green" if aim.is_met else "red",
        )
        for aim in aims
    ]


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return (
            f"{cell:,.3f}"
            if abs(cell) < 1
            else f"{cell:,.2f}"
            if abs(cell) < 10
            else f"{cell:,.0f}"
        )
    return f"{cell:,}" if isinstance(cell, int) else cell
