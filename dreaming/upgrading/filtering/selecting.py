"""Which rows of a table of chunks a filter asks for, a column at a time.

A test looks at each distinct value of a column once, so that a million chunks take as long as their
values differ, and there is one meaning of a filter, whether it is asked of a chunk or of a table.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.upgrading.arrow_arrays import boolean_array, number_values
from dreaming.upgrading.filtering.expression import (
    And,
    Expression,
    IsNull,
    Leaf,
    Not,
    Or,
    leaf_test,
)

Rows = npt.NDArray[np.int64]
"""Positions of rows in a table, ascending."""


def select_rows(expression: Expression, table: pa.Table) -> Rows:
    """The rows that a filter asks for, of a table that has its columns."""
    return _among(expression, table, np.arange(table.num_rows))


def _among(expression: Expression, table: pa.Table, rows: Rows) -> Rows:
    match expression:
        case Not(operand):
            return np.setdiff1d(rows, _among(operand, table, rows), assume_unique=True)
        case And(operands):
            for operand in operands:
                rows = _among(operand, table, rows)
            return rows
        case Or(operands):
            # What one operand asks for, the next is not asked about.
            left = rows
            selected = []
            for operand in operands:
                of_operand = _among(operand, table, left)
                selected.append(of_operand)
                left = np.setdiff1d(left, of_operand, assume_unique=True)
            return np.sort(np.concatenate(selected))
        case leaf:
            return rows[_asked_for_among(leaf, table.column(leaf.column), rows)]


def _asked_for_among(leaf: Leaf, column: pa.ChunkedArray, rows: Rows) -> npt.NDArray[np.bool_]:
    if len(rows) < len(column):
        wanted = np.zeros(len(column), dtype=np.bool_)
        wanted[rows] = True
        column = column.filter(boolean_array(wanted))
    # In its parts: texts of more than 2 GiB do not fit into one.
    masks = [_asked_for(leaf, cells) for cells in column.chunks]
    # An empty one first: a column without rows has no part, and nothing cannot be joined.
    return np.concatenate([np.empty(0, dtype=np.bool_), *masks])


def _asked_for(leaf: Leaf, cells: pa.Array) -> npt.NDArray[np.bool_]:
    test = leaf_test(leaf)
    if not pa.types.is_list(cells.type):
        return _test_each(test, cells)
    if isinstance(leaf, IsNull):
        lengths = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
        return np.asarray(lengths == 0)
    # What else is asked of a list asks for one member, whichever.
    asked_for = np.zeros(len(cells), dtype=np.bool_)
    row_of_member = number_values(pc.list_parent_indices(cells))
    is_wanted = _test_each(lambda member: test((member,)), cells.flatten())
    asked_for[row_of_member[is_wanted]] = True
    return asked_for


def _test_each(test: Callable[[Any], bool], cells: pa.Array) -> npt.NDArray[np.bool_]:
    """The outcome of a test for each cell, by testing each distinct value once."""
    encoded = cells.dictionary_encode(null_encoding="encode")
    values = encoded.dictionary.to_pylist()
    outcomes = np.fromiter(map(test, values), np.bool_, len(values))
    asked_for: npt.NDArray[np.bool_] = outcomes[number_values(encoded.indices)]
    return asked_for
