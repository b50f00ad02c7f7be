"""Current chunks to a file that other programs read."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from dreaming.errors import StorageError, UsageError
from dreaming.showing.frames import chunk_batches
from dreaming.storage.columns import CHUNK_SCHEMA
from dreaming.storage.partitions import PartitionStore
from dreaming.upgrading.filtering.expression import Expression


def export_chunks(store: PartitionStore, wanted: Expression | None, target: Path) -> int:
    """Write the current chunks that satisfy a filter to a file, a row each; returns how many.

    A new file can be read by its owner alone.

    Raises `UsageError` for an ending that is no known format, `StorageError` when the file cannot
    be written.
    """
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise UsageError(
            f"{target.name!r} has no known ending; expected one of {', '.join(_WRITERS)}."
        )
    try:
        target.touch(mode=0o600)
        return write(chunk_batches(store, None, wanted), target)
    except OSError as error:
        raise StorageError(
            f"{str(target)!r} cannot be written: {error.strerror or error}"
        ) from error


def _write_parquet(batches: Iterator[pa.RecordBatch], target: Path) -> int:
    count = 0
    with pq.ParquetWriter(target, CHUNK_SCHEMA, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _write_jsonl(batches: Iterator[pa.RecordBatch], target: Path) -> int:
    count = 0
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for batch in batches:
            file.writelines(
                json.dumps(row, ensure_ascii=False, default=_text) + "\n"
                for row in batch.to_pylist()
            )
            count += batch.num_rows
    return count


def _write_csv(batches: Iterator[pa.RecordBatch], target: Path) -> int:
    count = 0
    schema = pa.schema([(name, pa.string()) for name in CHUNK_SCHEMA.names])
    with pyarrow.csv.CSVWriter(target, schema) as writer:
        for batch in batches:
            writer.write_batch(
                pa.record_batch([_csv_column(column) for column in batch.columns], schema=schema)
            )
            count += batch.num_rows
    return count


def _csv_column(column: pa.Array) -> pa.Array:
    """CSV has no lists and no records: they become JSON texts."""
    if pa.types.is_nested(column.type):
        return pa.array(
            [json.dumps(cell, ensure_ascii=False, default=_text) for cell in column.to_pylist()]
        )
    return column.cast(pa.string())


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


_WRITERS: dict[str, Callable[[Iterator[pa.RecordBatch], Path], int]] = {
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
}
