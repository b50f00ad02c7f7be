"""`upgraded_chunks`: the current chunks, bought ones where there are any, basic ones elsewhere."""

from datetime import date
from time import perf_counter

import dagster as dg

from assets.metadata import accuracy_metadata, chunk_metadata
from assets.stage import Check, Metadata, Stage, Work, asset_spec
from dreaming.home import Home
from dreaming.measuring.accuracy import measure_day
from dreaming.measuring.checking import check_accuracy, check_verbatim
from dreaming.statistics import ChunkStatistics


def materialize(work: Work, day: date) -> Metadata:
    """Publish the day."""
    started = perf_counter()
    statistics = work.home.pipeline.publish(day)
    work.home.on_published(day, statistics)
    return published_metadata(work.home, day, statistics, seconds=perf_counter() - started)


def published_metadata(
    home: Home, day: date, statistics: ChunkStatistics, *, seconds: float
) -> Metadata:
    """The chunks of a day that was just published, and the agreement of its tiers."""
    accuracy = measure_day(home.store, home.purchases, day)
    path = home.store.path("upgraded_chunks", day)
    return chunk_metadata(statistics, path=path, seconds=seconds) | accuracy_metadata(accuracy)


STAGE = Stage(
    spec=asset_spec(
        "upgraded_chunks",
        description="The current chunks of each day: paid ones (good, premium) where there are "
        "any and their text is "
        "unchanged, basic ones everywhere else. This is what search and `dreaming.read_chunks` "
        "show.",
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
                description="The chunks hold every message's text exactly once, in order, "
                "unchanged (law 1).",
            ),
            lambda home, day: check_verbatim(home.store, "upgraded_chunks", day),
        ),
        Check(
            dg.AssetCheckSpec(
                "accuracy",
                asset="upgraded_chunks",
                description="Where a day has chunks of two tiers for the same talk, the topics of "
                "the cheaper one are "
                "nearer to those of the better one than chance. How near: F1 and Pk of topic "
                "boundaries, and the "
                "share of labels and entities that both give.",
            ),
            lambda home, day: check_accuracy(home.store, home.purchases, day),
        ),
    ),
)
