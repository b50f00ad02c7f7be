"""What was published, from Python: chunks as a pandas DataFrame, and search."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from dreaming.days import day_range
from dreaming.home import open_home
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.search import Hit
from dreaming.settings import Settings, parse_day
from dreaming.storage.columns import CHUNK_SCHEMA
from dreaming.storage.partitions import PartitionStore
from dreaming.upgrading.filtering.expression import Expression
from dreaming.upgrading.filtering.parsing import parse_filter
from dreaming.upgrading.filtering.selecting import select_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Day = date | str
"""A day, as a date or as YYYY-MM-DD."""


def read_chunks(
    days: Day | tuple[Day, Day] | list[Day] | None = None, filter: ChunkFilter | str | None = None
) -> "pd.DataFrame":
    """The current chunks of published days as a DataFrame, a row a chunk.

    Its columns are those of `upgraded_chunks`.

    Args:
        days: one day, a tuple (first, last) for a range, a list of days, or None for all that were
            published.
        filter: what the chunks must satisfy, also in the language of upgrades (`"labels CONTAINS
            'billing'"`); None for all chunks of every kind.

    Raises:
        ConfigurationError: a day is no day, or the environment's settings do not hold.
        FilterError: the filter does not parse, or asks for what no chunk has.
    """
    wanted: Expression | None = None
    if filter is not None:
        wanted = parse_filter(filter) if isinstance(filter, str) else filter.expression()
    with open_home(Settings.from_environment()) as home:
        frame: pd.DataFrame = chunk_table(home.store, _wanted_days(days), wanted).to_pandas()
    return frame


def search(
    query: str,
    filter: ChunkFilter | None = None,
    *,
    limit: int | None = None,
    budget_words: int | None = None,
) -> list[Hit]:
    """The chunks that answer a query, best first, as `dreaming search` gives them.

    See `Memory.search`.

    Args:
        query: words of any language, or a question.
        filter: which chunks may be found; None for all that was said.
        limit: how many hits at most; by default 10, or with a budget as many as fit.
        budget_words: how many words the `reading` of all hits together may have.

    Raises:
        ConfigurationError: the environment's settings do not hold.
        UsageError: the query has no word, or the limit or budget makes no sense.
    """
    with open_home(Settings.from_environment()) as home:
        return home.memory.search(query, filter, limit=limit, budget_words=budget_words)


def chunk_table(
    store: PartitionStore, days: Iterable[date] | None, wanted: Expression | None
) -> "pa.Table":
    """The current chunks of published days (None: of all) as a table of `CHUNK_SCHEMA`."""
    import pyarrow as pa

    return pa.Table.from_batches(list(chunk_batches(store, days, wanted)), schema=CHUNK_SCHEMA)


def chunk_batches(
    store: PartitionStore, days: Iterable[date] | None, wanted: Expression | None
) -> Iterator["pa.RecordBatch"]:
    """The current chunks of published days (None: of all) in batches of `CHUNK_SCHEMA`."""
    published = store.days("upgraded_chunks")
    for day in published if days is None else sorted(set(days) & set(published)):
        with store.open_chunks("upgraded_chunks", day) as chunks:
            table = chunks.table(CHUNK_SCHEMA.names).replace_schema_metadata()
        yield from (
            table if wanted is None else table.take(select_rows(wanted, table))
        ).to_batches()


def _wanted_days(days: Day | tuple[Day, Day] | list[Day] | None) -> list[date] | None:
    if days is None:
        return None
    if isinstance(days, tuple):
        return day_range(*(_day(day) for day in days))
    return [_day(day) for day in (days if isinstance(days, list) else [days])]


def _day(day: Day) -> date:
    return parse_day(day) if isinstance(day, str) else day
