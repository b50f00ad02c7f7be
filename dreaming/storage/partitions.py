"""Parquet files, one a day and asset, that are whole or not there."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, get_args
from uuid import uuid4

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from dreaming.chunk import BChunk
from dreaming.conversation import ConversationDay
from dreaming.errors import DamagedPartition, StorageError
from dreaming.storage.columns import (
    CHUNK_SCHEMA,
    RAW_SCHEMA,
    chunk_batch,
    chunk_rows,
    raw_batch,
    raw_rows,
)

AssetName = Literal["raw_conversations", "basic_chunks", "upgraded_chunks"]
ASSETS: tuple[AssetName, ...] = get_args(AssetName)

ROW_GROUP_CHARACTERS = 1_000_000
"""A row group is closed when its rows hold this much text: memory stays flat however big the day
is.
"""

SHARDS = ".shards"
"""The folder beside those of the assets where parts of a day's chunks wait to be put together."""


_NOTE = "dreaming."
"""Stands before the keys of notes, among the other metadata of a Parquet file."""


class _OfConversation(Protocol):
    @property
    def conversation_id(self) -> str: ...


Row = TypeVar("Row", bound=_OfConversation)


@dataclass(frozen=True)
class _Format(Generic[Row]):
    """How rows of one kind are kept."""

    schema: pa.Schema
    to_batch: Callable[[Sequence[Row]], pa.RecordBatch]
    from_batch: Callable[[pa.RecordBatch], list[Row]]
    characters: Callable[[Row], int]


def _conversation_characters(row: ConversationDay) -> int:
    return sum(len(m.content) for m in row.messages)


def _chunk_characters(row: BChunk) -> int:
    return len(row.content)


_CONVERSATIONS = _Format[ConversationDay](RAW_SCHEMA, raw_batch, raw_rows, _conversation_characters)
_CHUNKS = _Format[BChunk](CHUNK_SCHEMA, chunk_batch, chunk_rows, _chunk_characters)


class Partition(Generic[Row]):
    """One day of one asset as it was written, read a row group at a time."""

    def __init__(self, file: pq.ParquetFile, form: _Format[Row], path: str) -> None:
        self._file = file
        self._path = path
        self._form: _Format[Row] = form
        self._groups: dict[str, tuple[int, ...]] | None = None
        self._cached: tuple[int, list[Row]] | None = None

    @property
    def notes(self) -> dict[str, str]:
        """What its writer noted beside the rows."""
        metadata = {
            **(self._file.metadata.metadata or {}),
            **(self._file.schema_arrow.metadata or {}),
        }
        return {
            key.decode().removeprefix(_NOTE): value.decode()
            for key, value in metadata.items()
            if key.startswith(_NOTE.encode())
        }

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        names: list[str] = self._file.schema_arrow.names
        return names

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return int(self._file.metadata.num_rows)

    @property
    def path(self) -> str:
        """Where it is."""
        return self._path

    @property
    def group_sizes(self) -> list[int]:
        """The size of each row group in bytes, before compression."""
        return [
            self._file.metadata.row_group(n).total_byte_size
            for n in range(self._file.num_row_groups)
        ]

    def rows(self, groups: range | None = None) -> Iterator[Row]:
        """All rows, or those of some row groups, in the order they were written."""
        for group in range(self._file.num_row_groups) if groups is None else groups:
            yield from self._read(group)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows a row group at a time, without a record made of any."""
        for group in range(self._file.num_row_groups):
            with _naming_damage(self._path):
                yield from self._file.read_row_group(group, use_threads=False).to_batches()

    def cells(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Some columns of all rows, in the order they were written:
        cheaper than the rows by far.
        """
        for group in range(self._file.num_row_groups):
            with _naming_damage(self._path):
                table = self._file.read_row_group(group, columns=list(columns), use_threads=False)
            yield from zip(*(table.column(name).to_pylist() for name in columns), strict=True)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of all rows, in the order they were written,
        without a record made of any.
        """
        with _naming_damage(self._path):
            return self._file.read(columns=list(columns), use_threads=False)

    def of_conversation(self, conversation_id: str) -> list[Row]:
        """The rows of one conversation; cheap when conversations are asked for in the order they
        were written.
        """
        if self._groups is None:
            self._groups = self._map_groups()
        groups = self._groups.get(conversation_id, ())
        rows = (row for group in groups for row in self._read(group))
        return [row for row in rows if row.conversation_id == conversation_id]

    def only(self, conversation_id: str) -> list[Row]:
        """The rows of one conversation, without records made of the others: for one that is asked
        for by itself.
        """
        groups = [n for n in range(self._file.num_row_groups) if self._may_hold(n, conversation_id)]
        with _naming_damage(self._path):
            table = self._file.read_row_groups(groups, use_threads=False)
        mine = table.filter(pc.equal(table.column("conversation_id"), conversation_id))
        return [row for batch in mine.to_batches() for row in self._form.from_batch(batch)]

    def _may_hold(self, group: int, conversation_id: str) -> bool:
        """Whether a row group may hold a conversation, by the smallest and the largest id that it
        says it has.
        """
        column = self._file.schema_arrow.names.index("conversation_id")
        told = self._file.metadata.row_group(group).column(column).statistics
        return told is None or not told.has_min_max or told.min <= conversation_id <= told.max

    def _read(self, group: int) -> list[Row]:
        if self._cached is None or self._cached[0] != group:
            with _naming_damage(self._path):
                batches = self._file.read_row_group(group, use_threads=False).to_batches()
            self._cached = (
                group,
                [row for batch in batches for row in self._form.from_batch(batch)],
            )
        return self._cached[1]

    def _map_groups(self) -> dict[str, tuple[int, ...]]:
        if self._file.num_row_groups == 1:
            # Most days: the rows are wanted anyway, and reading their ids alone first costs as much
            # again.
            return {row.conversation_id: (0,) for row in self._read(0)}
        groups: dict[str, tuple[int, ...]] = {}
        for group in range(self._file.num_row_groups):
            with _naming_damage(self._path):
                ids = (
                    self._file.read_row_group(group, columns=["conversation_id"]).column(0).unique()
                )
            for conversation_id in map(str, ids.to_pylist()):
                groups[conversation_id] = (*groups.get(conversation_id, ()), group)
        return groups


class PartitionStore:
    """The partitions of all assets: `ASSET/DAY.parquet` below a folder or any fsspec URL."""

    def __init__(self, url: str, *, staging: Path) -> None:
        """A store at a URL; what goes to a remote one is first written to the folder `staging`."""
        # What is listed is always asked for: another machine may have written it.
        self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._is_local = isinstance(self._fs, LocalFileSystem)
        self._staging = staging

    def days(self, asset: AssetName) -> list[date]:
        """The days that an asset has a partition of, in order."""
        folder = f"{self._root}/{asset}"
        with _reaching(folder):
            paths = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
        names = (path.rsplit("/", 1)[-1] for path in paths)
        return sorted(
            date.fromisoformat(name.removesuffix(".parquet"))
            for name in names
            if _is_partition(name)
        )

    def path(self, asset: AssetName, day: date) -> str:
        """Where a partition is, whether it is there or not."""
        return f"{self._root}/{asset}/{day.isoformat()}.parquet"

    @contextmanager
    def open_conversations(self, day: date) -> Iterator[Partition[ConversationDay]]:
        """The day's `raw_conversations`; an empty partition where there is none."""
        with self._open("raw_conversations", day, _CONVERSATIONS) as partition:
            yield partition

    @contextmanager
    def open_chunks(
        self, asset: Literal["basic_chunks", "upgraded_chunks"], day: date
    ) -> Iterator[Partition[BChunk]]:
        """The day's chunks; an empty partition where there is none. Raises `StorageError` when it
        is damaged.
        """
        with self._open(asset, day, _CHUNKS) as partition:
            yield partition

    @contextmanager
    def _open(self, asset: AssetName, day: date, form: _Format[Row]) -> Iterator[Partition[Row]]:
        with self._open_path(self.path(asset, day), form) as partition:
            yield partition

    @contextmanager
    def _open_path(self, path: str, form: _Format[Row]) -> Iterator[Partition[Row]]:
        if not self._exists(path):
            yield Partition(_empty_file(form.schema), form, path)
            return
        with self._on_this_machine(path) as local, Path(local).open("rb") as stream:
            with _naming_damage(path):
                file = pq.ParquetFile(stream, page_checksum_verification=True)
            yield Partition(file, form, path)

    def _exists(self, path: str) -> bool:
        with _reaching(path):
            return bool(self._fs.exists(path))

    @contextmanager
    def _on_this_machine(self, path: str) -> Iterator[str]:
        """A partition's file, or a copy of it: if it were read in pieces, a network's errors would
        look like damage.
        """
        if self._is_local:
            yield path
            return
        self._staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy = self._staging / f".{uuid4().hex}.read"
        try:
            with _reaching(path):
                self._fs.get_file(path, str(copy))
            yield str(copy)
        finally:
            copy.unlink(missing_ok=True)

    def write_conversations(
        self, day: date, rows: Iterable[ConversationDay], *, notes: dict[str, str]
    ) -> str:
        """Replace the day's `raw_conversations`, whole or not at
        all; returns the file's SHA-256.
        """
        return self._write("raw_conversations", day, rows, _CONVERSATIONS, notes)

    def write_chunks(
        self,
        asset: Literal["basic_chunks", "upgraded_chunks"],
        day: date,
        rows: Iterable[BChunk],
        *,
        notes: dict[str, str],
    ) -> str:
        """Replace the day's chunks, whole or not at all; returns the file's SHA-256."""
        return self._write(asset, day, rows, _CHUNKS, notes)

    def join_chunks(
        self,
        asset: Literal["basic_chunks"],
        day: date,
        batches: Iterable[pa.RecordBatch],
        *,
        notes: dict[str, str],
    ) -> str:
        """Replace the day's chunks by batches, as `write_chunks` would by their rows; returns the
        file's SHA-256.
        """
        path = self.path(asset, day)
        return self._write_batches(path, str(day), _regrouped(batches), CHUNK_SCHEMA, notes)

    def _write(
        self,
        asset: AssetName,
        day: date,
        rows: Iterable[Row],
        form: _Format[Row],
        notes: dict[str, str],
    ) -> str:
        batches = map(form.to_batch, _row_groups(rows, form.characters))
        return self._write_batches(self.path(asset, day), str(day), batches, form.schema, notes)

    def write_shard(
        self,
        day: date,
        name: str,
        number: int,
        rows: Iterable[BChunk],
        *,
        notes: Callable[[], dict[str, str]],
    ) -> None:
        """Write a part of a day's chunks beside the partitions, whole or not at all; `notes` is
        asked after the rows.

        It is no partition, and stays until `clear_shards`. May be repeated, also at the same time.
        """
        path = self._shard_path(day, name, number)
        name = f"{day}.{uuid4().hex}"
        # Nothing proves it again before it is in the day's partition.
        self._write_batches(
            path, name, chunk_batches(rows), CHUNK_SCHEMA, {}, later_notes=notes, checksums=True
        )

    @contextmanager
    def open_shard(self, day: date, name: str, number: int) -> Iterator[Partition[BChunk]]:
        """A part of a day's chunks; an empty one where there is none. Raises `DamagedPartition`."""
        with self._open_path(self._shard_path(day, name, number), _CHUNKS) as partition:
            yield partition

    def clear_shards(self, day: date) -> None:
        """Delete all parts of a day's chunks that are beside the partitions."""
        folder = f"{self._root}/{SHARDS}/{day.isoformat()}"
        with _reaching(folder):
            if self._fs.exists(folder):
                self._fs.rm(folder, recursive=True)

    def _shard_path(self, day: date, name: str, number: int) -> str:
        return f"{self._root}/{SHARDS}/{day.isoformat()}/{name}/{number:04}.parquet"

    def _write_batches(
        self,
        path: str,
        staged_name: str,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        notes: dict[str, str],
        *,
        later_notes: Callable[[], dict[str, str]] = dict,
        checksums: bool = False,
    ) -> str:
        """Write a row group a batch; returns the file's SHA-256."""
        schema = schema.with_metadata(_noted(notes))
        try:
            self._make_folders(path)
            with self._staged(path, staged_name) as staged:
                Path(staged).touch(mode=0o600)
                with pq.ParquetWriter(
                    staged, schema, compression="zstd", write_page_checksum=checksums
                ) as writer:
                    for batch in batches:
                        writer.write_batch(batch.cast(schema))
                    if noted := later_notes():
                        writer.add_key_value_metadata(_noted(noted))
                return _sha256(staged)
        except OSError as error:
            raise StorageError(
                f"The partition {path} cannot be written: {error.strerror or error}"
            ) from error

    def _make_folders(self, path: str) -> None:
        """Make what is missing above a partition, and a local store for its owner only."""
        if self._is_local:
            Path(self._root).mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            self._staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = path.rsplit("/", 1)[0]
        with _reaching(path):
            if self._is_local:
                Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            else:
                self._fs.makedirs(folder, exist_ok=True)

    @contextmanager
    def _staged(self, path: str, name: str) -> Iterator[str]:
        """A file to write that takes the partition's place when the block ends well, and is gone
        otherwise.

        Its name is the day's own: what a killed writer leaves is overwritten by the next one, who
        holds the day's lock.
        """
        folder = Path(path).parent if self._is_local else self._staging
        staged = folder / f".{name}.{'staged' if self._is_local else uuid4().hex}"
        try:
            yield str(staged)
            self._put_in_place(str(staged), path)
        finally:
            staged.unlink(missing_ok=True)

    def _put_in_place(self, staged: str, path: str) -> None:
        if not self._is_local:
            with _reaching(path):
                self._fs.put_file(staged, path)
            return
        with Path(staged).open("rb") as file:
            os.fsync(file.fileno())
        Path(staged).replace(path)
        folder = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def hash_of(self, asset: AssetName, day: date) -> str | None:
        """The SHA-256 of a partition's file, or None where there is none."""
        path = self.path(asset, day)
        if not self._exists(path):
            return None
        with self._on_this_machine(path) as local:
            return _sha256(local)

    def copy_from(self, other: "PartitionStore", asset: AssetName, day: date) -> bool:
        """Hold a partition as another store does; returns whether it had to be copied."""
        path, wanted = self.path(asset, day), other.hash_of(asset, day)
        if self.hash_of(asset, day) == wanted:
            return False
        self._make_folders(path)
        with (
            self._staged(path, str(day)) as staged,
            other._on_this_machine(other.path(asset, day)) as held,
        ):
            shutil.copyfile(held, staged)
        if self.hash_of(asset, day) != wanted:
            raise StorageError(
                f"The partition {path} is not what was written. Look after the store, and try "
                "again."
            )
        return True


@contextmanager
def _reaching(path: str) -> Iterator[None]:
    """Say plainly that a file system cannot be reached; each kind has errors of its own."""
    try:
        yield
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StorageError(f"{path} cannot be reached or written: {reason}") from error


@contextmanager
def _naming_damage(path: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DamagedPartition(path, error) from error


def _is_partition(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith(".")


def _empty_file(schema: pa.Schema) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(_empty_content(schema)))


@cache
def _empty_content(schema: pa.Schema) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return sink.getvalue()


def no_chunks() -> Partition[BChunk]:
    """A partition without rows, in the place of one that is not there."""
    return Partition(_empty_file(CHUNK_SCHEMA), _CHUNKS, "")


def _row_groups(rows: Iterable[Any], characters: Callable[[Any], int]) -> Iterator[list[Any]]:
    group: list[Any] = []
    size = 0
    for row in rows:
        group.append(row)
        size += characters(row)
        if size >= ROW_GROUP_CHARACTERS:
            yield group
            group, size = [], 0
    if group:
        yield group


def chunk_batches(rows: Iterable[BChunk]) -> Iterator[pa.RecordBatch]:
    """Chunks as record batches that hold `ROW_GROUP_CHARACTERS` each."""
    return map(chunk_batch, _row_groups(rows, _chunk_characters))


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of chunks cut where `_row_groups` cuts their rows."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        ends = size + np.cumsum(
            pc.utf8_length(batch.column("content")).to_numpy(zero_copy_only=False), dtype=np.int64
        )
        first = base = 0
        while (past := int(np.searchsorted(ends, base + ROW_GROUP_CHARACTERS))) < len(ends):
            yield _one_batch([*held, batch.slice(first, past + 1 - first)])
            held, first, base = [], past + 1, int(ends[past])
        if first < len(ends):
            held.append(batch.slice(first))
            size = int(ends[-1]) - base
        elif len(ends):
            size = 0
    if held:
        yield _one_batch(held)


def _one_batch(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    [batch] = (
        pa.Table.from_batches([b.replace_schema_metadata() for b in batches])
        .combine_chunks()
        .to_batches()
    )
    return batch


def _noted(notes: dict[str, str]) -> dict[str, str]:
    return {_NOTE + key: value for key, value in notes.items()}


def _sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
