"""Partitions: Parquet files, one a day and asset, that are whole or not there.

A file is written under another name and put in its place when it is complete, so that a reader
never sees half a day. It is written and read a row group at a time, so that memory stays flat
however large the day is.
"""

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

# A row group is in memory as a whole when it is written and read, as Arrow columns and as records.
# Smaller ones make more of them, and each has its own statistics and compression.
ROW_GROUP_CHARACTERS = 1_000_000
"""A row group ends when its rows have this much text."""

SHARDS = ".shards"
"""The folder, beside those of the assets, of parts of a day's chunks that are to be joined."""

# Distinguishes notes from other metadata of a Parquet file: Arrow adds its own.
_NOTE_PREFIX = "dreaming."


class _HasConversation(Protocol):
    @property
    def conversation_id(self) -> str: ...


Row = TypeVar("Row", bound=_HasConversation)


@dataclass(frozen=True)
class _Format(Generic[Row]):
    """How records of one kind are stored."""

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
    """One day of one asset, read a row group at a time.

    Raises `DamagedPartition` where the file cannot be read.
    """

    def __init__(
        self,
        file: pq.ParquetFile,
        form: _Format[Row],
        path: str,
    ) -> None:
        self._file = file
        self._path = path
        self._form: _Format[Row] = form
        self._groups: dict[str, tuple[int, ...]] | None = None
        """The row groups of each conversation, once they were asked for."""
        self._cached: tuple[int, list[Row]] | None = None
        """The last row group that was read, and its rows."""

    @property
    def notes(self) -> dict[str, str]:
        """The notes that its writer added to the rows."""
        # Notes that are written before the rows are in the schema, those that are written after
        # them in the file's footer.
        footer = self._file.metadata.metadata or {}
        schema = self._file.schema_arrow.metadata or {}
        notes = {}
        for key, value in (footer | schema).items():
            name = key.decode()
            if name.startswith(_NOTE_PREFIX):
                notes[name.removeprefix(_NOTE_PREFIX)] = value.decode()
        return notes

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        names: list[str] = self._file.schema_arrow.names
        return names

    @property
    def row_count(self) -> int:
        """The number of rows."""
        return int(self._file.metadata.num_rows)

    @property
    def path(self) -> str:
        """The path or URL of the file; empty for `no_chunks`."""
        return self._path

    @property
    def group_sizes(self) -> list[int]:
        """The size of each row group in bytes, before compression."""
        metadata = self._file.metadata
        return [metadata.row_group(group).total_byte_size for group in self._all_groups]

    @property
    def _all_groups(self) -> range:
        return range(self._file.num_row_groups)

    def rows(self, groups: range | None = None) -> Iterator[Row]:
        """All rows, or those of some row groups, in the order in which they were written."""
        wanted = self._all_groups if groups is None else groups
        for group in wanted:
            yield from self._read(group)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows as Arrow batches, a row group at a time."""
        for group in self._all_groups:
            with _naming_damage(self._path):
                yield from self._file.read_row_group(group, use_threads=False).to_batches()

    def cells(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """The values of some columns, row by row: far cheaper than whole rows."""
        for group in self._all_groups:
            with _naming_damage(self._path):
                table = self._file.read_row_group(group, columns=list(columns), use_threads=False)
            values = [table.column(name).to_pylist() for name in columns]
            yield from zip(*values, strict=True)

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of all rows as an Arrow table."""
        with _naming_damage(self._path):
            return self._file.read(columns=list(columns), use_threads=False)

    def of_conversation(self, conversation_id: str) -> list[Row]:
        """The rows of one conversation.

        Cheap when conversations are asked for in the order in which they were written.
        """
        if self._groups is None:
            self._groups = self._map_groups()
        rows: list[Row] = []
        for group in self._groups.get(conversation_id, ()):
            rows += [row for row in self._read(group) if row.conversation_id == conversation_id]
        return rows

    def only(self, conversation_id: str) -> list[Row]:
        """The rows of one conversation, for a caller that asks for no other.

        Unlike `of_conversation` it makes records of these rows only.
        """
        groups = [group for group in self._all_groups if self._may_have(group, conversation_id)]
        with _naming_damage(self._path):
            table = self._file.read_row_groups(groups, use_threads=False)
        is_own = pc.equal(table.column("conversation_id"), conversation_id)
        return self._records(table.filter(is_own))

    def _may_have(self, group: int, conversation_id: str) -> bool:
        """Whether a row group may have a conversation, by its smallest and largest id."""
        column = self._file.schema_arrow.names.index("conversation_id")
        statistics = self._file.metadata.row_group(group).column(column).statistics
        # Parquet's writers may leave statistics out: such a group has to be read.
        if statistics is None or not statistics.has_min_max:
            return True
        return bool(statistics.min <= conversation_id <= statistics.max)

    def _records(self, table: pa.Table) -> list[Row]:
        records: list[Row] = []
        for batch in table.to_batches():
            records += self._form.from_batch(batch)
        return records

    def _read(self, group: int) -> list[Row]:
        # Neighbouring conversations share a row group: it is read once for all of them.
        if self._cached is None or self._cached[0] != group:
            with _naming_damage(self._path):
                table = self._file.read_row_group(group, use_threads=False)
            self._cached = (group, self._records(table))
        return self._cached[1]

    def _map_groups(self) -> dict[str, tuple[int, ...]]:
        """The row groups of each conversation; a long one is in several."""
        if self._file.num_row_groups == 1:
            # Most days: the rows are wanted anyway, and reading their ids alone first costs as much
            # again.
            return {row.conversation_id: (0,) for row in self._read(0)}
        groups: dict[str, tuple[int, ...]] = {}
        for group in self._all_groups:
            with _naming_damage(self._path):
                table = self._file.read_row_group(group, columns=["conversation_id"])
                ids = table.column(0).unique()
            for conversation_id in map(str, ids.to_pylist()):
                earlier_groups = groups.get(conversation_id, ())
                groups[conversation_id] = (*earlier_groups, group)
        return groups


class PartitionStore:
    """The partitions of all assets: `ASSET/DAY.parquet` below a folder or any fsspec URL."""

    def __init__(self, url: str, *, staging: Path) -> None:
        """A store at a URL; files for a remote one are first written to the folder `staging`."""
        # Listings are not cached: another machine may write to the same store.
        self._fs, self._root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        self._is_local = isinstance(self._fs, LocalFileSystem)
        self._staging = staging

    def days(self, asset: AssetName) -> list[date]:
        """The days that an asset has a partition of, in order."""
        folder = f"{self._root}/{asset}"
        with _reaching(folder):
            paths = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
        names = [path.rsplit("/", 1)[-1] for path in paths]
        stems = [name.removesuffix(".parquet") for name in names if _is_partition(name)]
        return sorted(map(date.fromisoformat, stems))

    def path(self, asset: AssetName, day: date) -> str:
        """The path of a partition, whether it exists or not."""
        return f"{self._root}/{asset}/{day.isoformat()}.parquet"

    @contextmanager
    def open_conversations(self, day: date) -> Iterator[Partition[ConversationDay]]:
        """The day's `raw_conversations`; an empty partition where the day has no file."""
        with self._open("raw_conversations", day, _CONVERSATIONS) as partition:
            yield partition

    @contextmanager
    def open_chunks(
        self, asset: Literal["basic_chunks", "upgraded_chunks"], day: date
    ) -> Iterator[Partition[BChunk]]:
        """The day's chunks; an empty partition where the day has no file.

        Raises `StorageError` when the file is damaged.
        """
        with self._open(asset, day, _CHUNKS) as partition:
            yield partition

    @contextmanager
    def _open(
        self,
        asset: AssetName,
        day: date,
        form: _Format[Row],
    ) -> Iterator[Partition[Row]]:
        with self._open_path(self.path(asset, day), form) as partition:
            yield partition

    @contextmanager
    def _open_path(
        self,
        path: str,
        form: _Format[Row],
    ) -> Iterator[Partition[Row]]:
        if not self._exists(path):
            yield Partition(_empty_file(form.schema), form, path)
            return
        # One open file for all reads: when the day is replaced meanwhile, it stays the old one.
        with self._on_this_machine(path) as local, Path(local).open("rb") as stream:
            with _naming_damage(path):
                file = pq.ParquetFile(stream, page_checksum_verification=True)
            yield Partition(file, form, path)

    def _exists(self, path: str) -> bool:
        with _reaching(path):
            return bool(self._fs.exists(path))

    @contextmanager
    def _on_this_machine(self, path: str) -> Iterator[str]:
        """A partition's file, or a copy of a remote one."""
        # Copied whole: if it were read in pieces, errors of the network would look like damage.
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
        """Replace the day's `raw_conversations`; returns the file's SHA-256."""
        return self._write("raw_conversations", day, rows, _CONVERSATIONS, notes)

    def write_chunks(
        self,
        asset: Literal["basic_chunks", "upgraded_chunks"],
        day: date,
        rows: Iterable[BChunk],
        *,
        notes: dict[str, str],
    ) -> str:
        """Replace the day's chunks; returns the file's SHA-256."""
        return self._write(asset, day, rows, _CHUNKS, notes)

    def join_chunks(
        self,
        asset: Literal["basic_chunks"],
        day: date,
        batches: Iterable[pa.RecordBatch],
        *,
        notes: dict[str, str],
    ) -> str:
        """Replace the day's chunks by those of batches; returns the file's SHA-256.

        The file is the one that `write_chunks` would write from their rows.
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
        return self._write_batches(
            self.path(asset, day),
            str(day),
            batches,
            form.schema,
            notes,
        )

    def write_shard(
        self,
        day: date,
        name: str,
        number: int,
        rows: Iterable[BChunk],
        *,
        notes: Callable[[], dict[str, str]],
    ) -> None:
        """Write a part of a day's chunks beside the partitions, whole or not at all.

        `notes` is called after the rows were written. The part is not a partition, and stays until
        `clear_shards`. May be repeated, also at the same time.
        """
        # A name of its own for each attempt: no lock keeps two processes from writing one shard.
        staged_name = f"{day}.{uuid4().hex}"
        # With checksums, because a shard's chunks are not proved again when it is joined.
        self._write_batches(
            self._shard_path(day, name, number),
            staged_name,
            chunk_batches(rows),
            CHUNK_SCHEMA,
            notes={},
            later_notes=notes,
            checksums=True,
        )

    @contextmanager
    def open_shard(
        self,
        day: date,
        name: str,
        number: int,
    ) -> Iterator[Partition[BChunk]]:
        """A part of a day's chunks; an empty one where it was not written.

        Raises `DamagedPartition` where it cannot be read.
        """
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
                # First with its rights, because the writer would make a file that others may read.
                Path(staged).touch(mode=0o600)
                with pq.ParquetWriter(
                    staged, schema, compression="zstd", write_page_checksum=checksums
                ) as writer:
                    for batch in batches:
                        writer.write_batch(batch.cast(schema))
                    more_notes = later_notes()
                    if more_notes:
                        writer.add_key_value_metadata(_noted(more_notes))
                # Before the file is moved away. Hashed from the disk, so that the hash is of what
                # a later reader gets.
                return _sha256(staged)
        except OSError as error:
            raise StorageError(
                f"The partition {path} cannot be written: {error.strerror or error}"
            ) from error

    def _make_folders(self, path: str) -> None:
        """Make the folders above a partition; those of a local store are for its owner only."""
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
    def _staged(
        self,
        path: str,
        name: str,
    ) -> Iterator[str]:
        """A file to write, which takes the partition's place when the block ends without an error.

        It is deleted otherwise.
        """
        if self._is_local:
            # In the same folder, and so on the same file system: it is put in place by renaming.
            # Its name is the same each time: what a killed writer leaves is overwritten by the next
            # one, which holds the day's lock.
            staged = Path(path).parent / f".{name}.staged"
        else:
            # The staging folder is shared by all assets: their files of a day have one name.
            staged = self._staging / f".{name}.{uuid4().hex}"
        try:
            yield str(staged)
            self._put_in_place(str(staged), path)
        finally:
            staged.unlink(missing_ok=True)

    def _put_in_place(self, staged: str, path: str) -> None:
        """Replace a partition by a staged file, which survives a power failure from here on."""
        if not self._is_local:
            with _reaching(path):
                self._fs.put_file(staged, path)
            return
        # The file before its name: otherwise the new name could survive with half its content.
        with Path(staged).open("rb") as file:
            os.fsync(file.fileno())
        Path(staged).replace(path)
        # Then the folder, which holds the name.
        folder = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def hash_of(self, asset: AssetName, day: date) -> str | None:
        """The SHA-256 of a partition's file; None where it does not exist."""
        path = self.path(asset, day)
        if not self._exists(path):
            return None
        with self._on_this_machine(path) as local:
            return _sha256(local)

    def copy_from(self, other: "PartitionStore", asset: AssetName, day: date) -> bool:
        """Copy a partition of another store; returns False where the same one is here already."""
        path = self.path(asset, day)
        wanted = other.hash_of(asset, day)
        if self.hash_of(asset, day) == wanted:
            return False
        self._make_folders(path)
        source = other.path(asset, day)
        with self._staged(path, str(day)) as staged, other._on_this_machine(source) as local:
            shutil.copyfile(local, staged)
        # Read again: what a remote store accepted need not be what it returns.
        if self.hash_of(asset, day) != wanted:
            raise StorageError(
                f"The partition {path} is not what was written. Look after the store, and try "
                "again."
            )
        return True


@contextmanager
def _reaching(path: str) -> Iterator[None]:
    """Turn the errors of a file system into `StorageError`."""
    try:
        yield
    # Every exception: each of fsspec's file systems raises those of its own client library.
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StorageError(f"{path} cannot be reached or written: {reason}") from error


@contextmanager
def _naming_damage(path: str) -> Iterator[None]:
    """Turn the errors of reading a Parquet file into `DamagedPartition`."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DamagedPartition(path, error) from error


def _is_partition(name: str) -> bool:
    # A leading dot: staged files, in the same folder.
    return name.endswith(".parquet") and not name.startswith(".")


def _empty_file(schema: pa.Schema) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(_empty_content(schema)))


@cache
def _empty_content(schema: pa.Schema) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return sink.getvalue()


def no_chunks() -> Partition[BChunk]:
    """A partition without rows, for a day that has no file."""
    return Partition(_empty_file(CHUNK_SCHEMA), _CHUNKS, "")


def _row_groups(rows: Iterable[Any], characters: Callable[[Any], int]) -> Iterator[list[Any]]:
    """Cut rows into groups: a group ends with the row that brings it to `ROW_GROUP_CHARACTERS`."""
    group: list[Any] = []
    size = 0
    for row in rows:
        group.append(row)
        size += characters(row)
        if size >= ROW_GROUP_CHARACTERS:
            yield group
            group = []
            size = 0
    if group:
        yield group


def chunk_batches(rows: Iterable[BChunk]) -> Iterator[pa.RecordBatch]:
    """Chunks as record batches of `ROW_GROUP_CHARACTERS` each."""
    return map(chunk_batch, _row_groups(rows, _chunk_characters))


def _regrouped(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Cut batches of chunks where `_row_groups` cuts their rows, without making records of them."""
    # The start of the next group: whole batches, or the ends of batches, and their characters.
    pending: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        lengths = pc.utf8_length(batch.column("content")).to_numpy(zero_copy_only=False)
        # The characters of the group up to and with each row, were it not cut in this batch.
        ends = size + np.cumsum(lengths, dtype=np.int64)
        first = 0
        # The characters up to the last cut.
        base = 0
        while True:
            last = int(np.searchsorted(ends, base + ROW_GROUP_CHARACTERS))
            if last == len(ends):
                break
            yield _one_batch([*pending, batch.slice(first, last + 1 - first)])
            pending = []
            first = last + 1
            base = int(ends[last])
        if first < len(ends):
            pending.append(batch.slice(first))
            size = int(ends[-1]) - base
        elif len(ends):
            # The batch ended with a group.
            size = 0
    if pending:
        yield _one_batch(pending)


def _one_batch(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    # Without the notes of the files that they come from, which are in their schemas.
    plain = [batch.replace_schema_metadata() for batch in batches]
    table = pa.Table.from_batches(plain).combine_chunks()
    [joined] = table.to_batches()
    return joined


def _noted(notes: dict[str, str]) -> dict[str, str]:
    return {_NOTE_PREFIX + key: value for key, value in notes.items()}


def _sha256(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
