"""Dagster's SQLite event log, with engines that are kept.

Dagster 1.13 makes a new SQLAlchemy engine and connection for every event that it stores, and closes
it, which flushes the disk twice; that costs more than storing the event, and a run over a year of
days stores thousands. `benchmarks/` holds the figures.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

KEPT_ENGINES = 16
"""Each run has a file (shard) of its own: a webserver that shows many must not keep all open."""

BUSY_TIMEOUT_SECONDS = 60
"""Wait for another process's write to the same file, as SQLite allows one writer at a time."""


# A subclass of a private class of Dagster's: `_connect`, `_db_lock`, `_initialized_dbs`, `_initdb`
# and `_has_asset_key_index_cols_on_connection` are its private parts, as of Dagster 1.13. The
# version is bounded in pyproject.toml for them.
class CachedSqliteEventLogStorage(SqliteEventLogStorage):
    """The same files and tables as Dagster's own: `dagster.yaml` may name either, at any time."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._tables: set[str] = set()
        self._has_asset_columns = False
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "CachedSqliteEventLogStorage":
        """Called by Dagster with the config of `dagster.yaml`."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        # Held while the connection is used: each engine has one connection, for one thread.
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        # Dagster asks for every event, with a new engine. A table that is there stays.
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_index_cols_on_connection(self, conn: sa.Connection) -> bool:
        # Dagster reads the schema for every asset event. A column that is there stays.
        if not self._has_asset_columns:
            self._has_asset_columns = super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_asset_columns

    def _engine(self, shard: str) -> sa.Engine:
        # Taken out and put in again: the dict's first entry is the least recently used one.
        engine = self._engines.pop(shard, None) or _make_engine(self.conn_string_for_shard(shard))
        self._engines[shard] = engine
        while len(self._engines) > KEPT_ENGINES:
            oldest_shard = next(iter(self._engines))
            self._engines.pop(oldest_shard).dispose()
        return engine


def _make_engine(url: str) -> sa.Engine:
    # One connection is enough: the storage's own lock lets one thread at a time in.
    engine = sa.create_engine(
        url,
        poolclass=sa.StaticPool,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    sa.event.listen(engine, "connect", _relax_durability)
    return engine


def _relax_durability(connection: sqlite3.Connection, _record: object) -> None:
    # In WAL mode a killed process loses nothing with NORMAL; a power cut may lose the last events
    # of a run.
    connection.execute("PRAGMA synchronous=NORMAL")
