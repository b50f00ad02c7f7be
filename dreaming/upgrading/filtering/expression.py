"""What a filter is, and whether a chunk matches it.

There are two truth values. Where a cell is empty, `=`, `<`, `>` and `IN` are false; `!=` is exactly
`NOT =`, and so true. Texts are compared as they are; `CONTAINS` minds neither case nor width: it
looks for a member in a list, and for a part in a text.
"""

import operator
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dreaming.chunk import QUALITY_RANKS, BChunk
from dreaming.upgrading.filtering.columns import COLUMNS, Scalar

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`column operator value`, the value of the column's type."""

    column: str
    operator: Operator
    value: Scalar


@dataclass(frozen=True, slots=True)
class Membership:
    """`column IN (values)`."""

    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """`column CONTAINS value`."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class IsNull:
    """`column IS NULL`: an empty cell, or an empty list."""

    column: str


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT operand`."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All operands, of which there are two or more."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any operand, of which there are two or more."""

    operands: tuple["Expression", ...]


Leaf = Comparison | Membership | Contains | IsNull
"""A condition on one column."""

Expression = Leaf | Not | And | Or

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(expression: Expression, chunk: BChunk) -> bool:
    """Whether a chunk is one that a filter asks for."""
    match expression:
        case Not(operand):
            return not matches(operand, chunk)
        case And(operands):
            return all(matches(each, chunk) for each in operands)
        case Or(operands):
            return any(matches(each, chunk) for each in operands)
        case leaf:
            return leaf_test(leaf)(getattr(chunk, leaf.column))


def leaf_test(leaf: Leaf) -> Callable[[Any], bool]:
    """The test of a filter's leaf for one cell; a list is a tuple of its members."""
    match leaf:
        case Comparison(column, sign, value):
            return _comparing(column, sign, value)
        case Membership(_, values):
            return lambda cell: cell in values
        case Contains(_, value):
            return _containing(folded(value))
        case IsNull():
            return lambda cell: cell is None or cell == ()


def _comparing(column: str, sign: Operator, value: Scalar) -> Callable[[Any], bool]:
    compare = _COMPARE[sign]
    # As `!=` is exactly `NOT =`, it is true of an empty cell.
    of_empty = sign == "!="
    if column == "quality_level":
        wanted = QUALITY_RANKS[str(value)]
        return lambda cell: compare(QUALITY_RANKS[cell], wanted)
    return lambda cell: of_empty if cell is None else compare(cell, value)


def folded(text: str) -> str:
    """A text without case and width."""
    # Normalized again: folding the case may make characters that have a shorter form.
    narrow = unicodedata.normalize("NFKC", text)
    return unicodedata.normalize("NFKC", narrow.casefold())


def _containing(wanted: str) -> Callable[[Any], bool]:
    def test(cell: str | tuple[str, ...] | None) -> bool:
        if isinstance(cell, tuple):
            return any(folded(member) == wanted for member in cell)
        return cell is not None and wanted in folded(cell)

    return test


def columns_of(expression: Expression) -> set[str]:
    """The columns that a filter asks about."""
    match expression:
        case Not(operand):
            return columns_of(operand)
        case And(operands) | Or(operands):
            return set().union(*map(columns_of, operands))
        case Comparison(column) | Membership(column) | Contains(column) | IsNull(column):
            assert column in COLUMNS
            return {column}
