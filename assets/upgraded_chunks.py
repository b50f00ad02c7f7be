"""`upgraded_chunks`: the current chunks, what was paid for laid over what is free."""

from datetime import date
from time import perf_counter

import dagster as dg

from assets.metadata import chunk_metadata
from assets.stage import Check, Metadata, Stage, Work, asset_spec
from dreaming.checking import check_verbatim


def materialize(work: Work, day: date) -> Metadata:
    """Publish the day."""
    started = perf_counter()
    statistics = work.home.pipeline.publish(day)
    work.home.on_published(day, statistics)
    return chunk_metadata(
        statistics, path=work.home.store.path("upgraded_chunks", day), seconds=perf_counter() - started
    )


STAGE = Stage(
    spec=asset_spec(
        "upgraded_chunks",
        description="The current chunks of each day: paid ones (good, premium) where there are any and their text is "
        "unchanged, basic ones everywhere else. This is what search and `dreaming.read_chunks` show.",
        kinds={"parquet"},
        upstream="basic_chunks",
    ),
    materialize=materialize,
    partition="upgraded_chunks",
    checks=(
        Check(
            dg.AssetCheckSpec(
                "verbatim",
                asset="upgraded_chunks",
                blocking=True,
                description="The chunks hold every message's text exactly once, in order, unchanged (law 1).",
            ),
            lambda home, day: check_verbatim(home.store, "upgraded_chunks", day),
        ),
    ),
)
