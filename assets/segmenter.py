"""`segmenter`: what cuts basic chunks, learned from the chunks that were bought."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from assets.events import ending_canceled
from dreaming.home import Home
from dreaming.learning.learner import learn_from_files, learn_from_home


class LearnConfig(dg.Config):
    """The run config of `segmenter`."""

    files: list[str] = Field(
        default=[],
        description="Labelled talks of your own (.jsonl) to learn from, in the place of bought "
        "chunks.",
    )


@dg.asset(
    name="segmenter",
    deps=["upgraded_chunks"],
    group_name="learning",
    kinds={"sqlite"},
    tags={"dreaming/cost": "free"},
    description="What finds topics for basic chunks and labels them, learned from the chunks that "
    "were bought: "
    "accepted only where it is better on talks that were held out. Every version is kept, and "
    "`dreaming learn "
    "--revert` takes one back.",
)
def segmenter(
    context: dg.AssetExecutionContext, config: LearnConfig, home: dg.ResourceParam[Home]
) -> dg.MaterializeResult[None]:
    """Learn, and say what came of it."""
    paths = [Path(file) for file in config.files]
    with ending_canceled(context):
        learned = learn_from_files(home, paths) if paths else learn_from_home(home)
    home.requests.store_result(context.run.run_id, None, learned, at=home.clock())
    return dg.MaterializeResult(
        metadata=learned_metadata(learned), data_version=dg.DataVersion(learned["version"])
    )


def learned_metadata(learned: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """What came of learning; scores as numbers, so that they plot."""
    figures = {
        f"{name}_{when}": dg.MetadataValue.float(value)
        for when in ("before", "after")
        for name, value in (learned.get(when) or {}).items()
    }
    counts = {
        name: dg.MetadataValue.int(learned[name])
        for name in ("talks", "turns", "boundaries")
        if name in learned
    }
    return {
        "segmenter_version": dg.MetadataValue.text(learned["version"]),
        "accepted": dg.MetadataValue.bool(learned["accepted"]),
        "reason": dg.MetadataValue.text(learned["reason"]),
        **counts,
        **figures,
        "labels_learned": dg.MetadataValue.int(len(learned.get("labels", ()))),
        "labels": dg.MetadataValue.json(list(learned.get("labels", ()))),
    }
