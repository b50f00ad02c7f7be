"""Published chunks as a pandas DataFrame."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from dreaming.days import day_range
from dreaming.home import open_home
from dreaming.remembering.filters import ChunkFilter
from dreaming.settings import Settings, parse_day
from dreaming.storage.columns import CHUNK_SCHEMA, chunk_batch
from dreaming.storage.partitions import PartitionStore

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Day = date | str
"""A day, as a date or as YYYY-MM-DD."""


def read_chunks(
    days: Day | tuple[Day, Day] | list[Day] | None = None, filter: ChunkFilter | None = None
) -> "pd.DataFrame":
    """The current chunks of published days as a DataFrame, a row a chunk, with the columns of `upgraded_chunks`.

    Args:
        days: one day, a tuple (first, last) for a range, a list of days, or None for all that were published.
        filter: what the chunks must satisfy; None for all chunks of every kind.

    Raises:
        ConfigurationError: a day is no day, or the environment's settings do not hold.

    """
    settings = Settings.from_environment()
    with open_home(settings) as home:
        frame: pd.DataFrame = chunk_table(home.store, _wanted_days(days), filter).to_pandas()
    return frame


def chunk_table(store: PartitionStore, days: Iterable[date] | None, wanted: ChunkFilter | None) -> "pa.Table":
    """The current chunks of some published days (None: of all) as an Arrow table of `CHUNK_SCHEMA`."""
    import pyarrow as pa

    return pa.Table.from_batches(list(chunk_batches(store, days, wanted)), schema=CHUNK_SCHEMA)


def chunk_batches(
    store: PartitionStore, days: Iterable[date] | None, wanted: ChunkFilter | None
) -> Iterator["pa.RecordBatch"]:
    """The current chunks of some published days (None: of all), a record batch a day."""
    published = store.days("upgraded_chunks")
    for day in published if days is None else sorted(set(days) & set(published)):
        if wanted is None or wanted.allows_day(day):
            with store.open_chunks("upgraded_chunks", day) as chunks:
                yield chunk_batch([row for row in chunks.rows() if wanted is None or wanted.allows(row)])


def _wanted_days(days: Day | tuple[Day, Day] | list[Day] | None) -> list[date] | None:
    if days is None:
        return None
    if isinstance(days, tuple):
        return day_range(*(_day(day) for day in days))
    return [_day(day) for day in (days if isinstance(days, list) else [days])]


def _day(day: Day) -> date:
    return parse_day(day) if isinstance(day, str) else day
