"""`memory_index`: the current chunks, searchable."""

from datetime import date
from time import perf_counter

import dagster as dg

from assets.stage import Check, Metadata, Stage, Work, asset_spec
from dreaming.measuring.checking import check_nothing_lost


def materialize(work: Work, day: date) -> Metadata:
    """Bring the index up to the day's published chunks: a no-op where publishing did it already."""
    started = perf_counter()
    chunks = work.home.pipeline.remember(day)
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(chunks),
        "chunks": dg.MetadataValue.int(chunks),
        "seconds": dg.MetadataValue.float(round(perf_counter() - started, 3)),
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
