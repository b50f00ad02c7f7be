"""`segmenter`: the segmenter of basic chunks, learned from bought chunks."""

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
    """Learn from files or from bought chunks, and report the result."""
    paths = [Path(file) for file in config.files]
    with ending_canceled(context):
        result = learn_from_files(home, paths) if paths else learn_from_home(home)
    # For the command, which prints the result of its run.
    home.requests.store_result(context.run.run_id, None, result, at=home.clock())
    # The version that is used now: where learning changed nothing, the same as before.
    version = dg.DataVersion(result["version"])
    return dg.MaterializeResult(metadata=learning_metadata(result), data_version=version)


def learning_metadata(result: Mapping[str, Any]) -> dict[str, dg.MetadataValue]:
    """The result of learning as metadata; scores as numbers, so that they plot."""
    labels = list(result.get("labels", ()))
    metadata: dict[str, dg.MetadataValue] = {
        "segmenter_version": dg.MetadataValue.text(result["version"]),
        "accepted": dg.MetadataValue.bool(result["accepted"]),
        "reason": dg.MetadataValue.text(result["reason"]),
    }
    # Missing where there was too little to learn from.
    for name in ("talks", "turns", "boundaries"):
        if name in result:
            metadata[name] = dg.MetadataValue.int(result[name])
    for time in ("before", "after"):
        for name, value in (result.get(time) or {}).items():
            metadata[f"{name}_{time}"] = dg.MetadataValue.float(value)
    metadata["labels_learned"] = dg.MetadataValue.int(len(labels))
    metadata["labels"] = dg.MetadataValue.json(labels)
    return metadata
