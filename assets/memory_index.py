"""`memory_index`: the current chunks, searchable."""

from datetime import date
from time import perf_counter

import dagster as dg

from assets.stage import Check, Metadata, Stage, Work, asset_spec
from dreaming.measuring.checking import check_nothing_lost


def materialize(work: Work, day: date) -> Metadata:
    """Index the day's published chunks; does nothing where publishing has indexed them."""
    started = perf_counter()
    chunks = work.home.pipeline.remember(day)
    seconds = perf_counter() - started
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(chunks),
        "chunks": dg.MetadataValue.int(chunks),
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
    }


STAGE = Stage(
    spec=asset_spec(
        "memory_index",
        description="The current chunks of each day by their words, for `dreaming search`. Always "
        "rebuildable from "
        "`upgraded_chunks`.",
        kinds={"sqlite"},
        upstream="upgraded_chunks",
    ),
    materialize=materialize,
    partition="upgraded_chunks",
    checks=(
        Check(
            dg.AssetCheckSpec(
                "nothing_lost",
                asset="memory_index",
                description="Every conversation of the day has chunks, and every chunk is "
                "searchable.",
            ),
            lambda home, day: check_nothing_lost(home.store, home.index, day),
        ),
    ),
)
