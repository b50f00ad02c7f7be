"""From the embedded home to PostgreSQL and shared storage: everything, once, safe to repeat.

The old home is locked against writers from the first row that is read until it says itself where it
went, so nothing falls between. What is in SQL goes over in one transaction; files are copied where
they differ; the memory index is built again from them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from dreaming.errors import UsageError
from dreaming.home import Home, open_home
from dreaming.settings import Settings
from dreaming.storage import tables
from dreaming.storage.database import Database, DatabaseName, open_database
from dreaming.storage.moves import has_arrived, home_id, note_arrival, note_departure
from dreaming.storage.partitions import ASSETS, PartitionStore

_ROWS_AT_ONCE = 1_000
_TABLES: Mapping[DatabaseName, sa.MetaData] = {"archive": tables.archive, "ledger": tables.ledger}
"""What goes over; the third database is built again."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved; nothing where all had been moved before."""

    rows: int
    """In SQL."""
    files: int
    """Partitions that were copied; those that were there already are not counted."""
    days: int
    """That were made searchable."""


def move_home(
    settings: Settings,
    *,
    from_store: str | None = None,
    move_more: Callable[[], object] = lambda: None,
    on_day: Callable[[date], None] = lambda _day: None,
) -> Moved:
    """Move the embedded home to where the settings say that everything is now.

    Args:
        settings: with a `database_url`; the home is the one that is left.
        from_store: where the partitions were, if not in the home.
        move_more: what else is to be moved before the old home is given up.
        on_day: told each day that is searchable again.

    Raises:
        UsageError: there is nothing to move, or something else is at the new place.
        StorageError: something cannot be read or written, or another process writes the old home.
            What was moved stays, is not yet to be used, and moving again goes on.

    """
    if settings.database_url is None:
        raise UsageError(
            "DREAMING_DATABASE_URL is not set. Set it, and DREAMING_STORE if you like, to where "
            "to move."
        )
    if not (settings.home / "archive.sqlite").exists():
        raise UsageError(
            f"There is no embedded home in {str(settings.home)!r}: nothing is there to be moved."
        )
    old_store = PartitionStore(
        from_store or str(settings.home / "partitions"), staging=settings.home / "staged"
    )
    with _opened(settings.home, settings.database_url) as new:
        with _opened(settings.home, None) as embedded:
            mine = home_id(embedded["archive"])
            if has_arrived(new["archive"], mine):
                return Moved(0, 0, 0)
            with _writing(embedded) as old:
                rows = _copy_rows(old, new["archive"], mine)
                with open_home(settings, while_moving=True) as home:
                    files = _copy_files(old_store, home.store)
                    days = _index(home, on_day)
                move_more()
                note_departure(
                    old["archive"], database=settings.database_name, store=settings.store_name
                )
        # In this order: at no moment can both be used.
        with new["archive"].write() as connection:
            note_arrival(connection, mine, is_whole=True)
    return Moved(rows, files, days)


@contextmanager
def _opened(home: Path, url: str | None) -> Iterator[dict[DatabaseName, Database]]:
    with ExitStack() as stack:
        databases = {name: open_database(name, home=home, database_url=url) for name in _TABLES}
        for database in databases.values():
            stack.callback(database.close)
        yield databases


@contextmanager
def _writing(
    databases: Mapping[DatabaseName, Database],
) -> Iterator[dict[DatabaseName, sa.Connection]]:
    """A transaction on each database, which keeps all other writers out."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(database.write()) for name, database in databases.items()}


def _copy_rows(old: Mapping[DatabaseName, sa.Connection], new: Database, home: str) -> int:
    """Copy every row, in the place of what an earlier try copied; returns how many."""
    moved = [
        (name, table) for name, metadata in _TABLES.items() for table in metadata.sorted_tables
    ]
    with new.write() as connection:
        for _, table in reversed(moved):
            connection.execute(table.delete())
        copied = sum(_copy_table(old[name], connection, table) for name, table in moved)
        note_arrival(connection, home, is_whole=False)
    return copied


def _copy_table(old: sa.Connection, new: sa.Connection, table: sa.Table) -> int:
    copied = 0
    for rows in old.execute(sa.select(table)).mappings().partitions(_ROWS_AT_ONCE):
        new.execute(table.insert(), [dict(row) for row in rows])
        copied += len(rows)
    numbered = table.autoincrement_column
    if numbered is not None and copied:
        # New rows are to be numbered after those that came with their numbers.
        sequence = sa.func.pg_get_serial_sequence(table.name, numbered.name)
        new.execute(
            sa.select(sa.func.setval(sequence, sa.select(sa.func.max(numbered)).scalar_subquery()))
        )
    return copied


def _copy_files(old: PartitionStore, new: PartitionStore) -> int:
    """Copy the partitions that the new store has not, or otherwise; returns how many."""
    return sum(new.copy_from(old, asset, day) for asset in ASSETS for day in old.days(asset))


def _index(home: Home, on_day: Callable[[date], None]) -> int:
    days = home.store.days("upgraded_chunks")
    for day in days:
        home.pipeline.remember(day)
        on_day(day)
    return len(days)
