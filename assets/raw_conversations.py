"""`raw_conversations`: one row for each conversation-day, from the archive and all sources."""

from datetime import date
from time import perf_counter

from assets.metadata import raw_metadata
from assets.stage import Metadata, Stage, Work, asset_spec


def materialize(work: Work, day: date) -> Metadata:
    """Gather the day from its sources."""
    started = perf_counter()
    statistics = work.home.pipeline.gather(day)
    seconds = perf_counter() - started
    path = work.home.store.path("raw_conversations", day)
    return raw_metadata(statistics, path=path, seconds=seconds)


STAGE = Stage(
    spec=asset_spec(
        "raw_conversations",
        description="The messages of each local day, a row a conversation, from what was "
        "imported, watched folders "
        "and the user's own database. An empty day is a valid day.",
        kinds={"parquet"},
    ),
    materialize=materialize,
    partition="raw_conversations",
)
