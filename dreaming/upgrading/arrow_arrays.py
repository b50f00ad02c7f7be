"""Arrow arrays from NumPy and from strings, made from their buffers.

`pyarrow.array` and `to_numpy` import pandas, whether it is needed or not: .4 s of CPU, a fifth of
what `dreaming plan` takes. These convert without it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def integer_array(values: npt.NDArray[Any]) -> pa.Array:
    """Whole numbers as an int64 array without nulls."""
    data = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(data), [None, pa.py_buffer(data)])


def boolean_array(values: npt.NDArray[np.bool_]) -> pa.Array:
    """Booleans as an array without nulls."""
    as_bytes = pa.py_buffer(values.astype(np.uint8))
    return pa.Array.from_buffers(pa.uint8(), len(values), [None, as_bytes]).cast(pa.bool_())


def boolean_values(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """A boolean column without nulls as NumPy has it; booleans are bits in Arrow."""
    return number_values(pc.cast(values, pa.uint8())).astype(np.bool_)


def equals(values: pa.ChunkedArray, text: str) -> npt.NDArray[np.bool_]:
    """Which texts of a column without nulls are equal to one."""
    return boolean_values(pc.is_in(values, value_set=string_array([text])))


def number_values(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of numbers without nulls as NumPy has it."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    dtype = values.type.to_pandas_dtype()
    if len(values) == 0:
        return np.empty(0, dtype)
    return np.frombuffer(values.buffers()[1], dtype)[values.offset : values.offset + len(values)]


def string_array(values: Sequence[str]) -> pa.Array:
    """Texts as a string array without nulls."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)
