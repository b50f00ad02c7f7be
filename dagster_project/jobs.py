"""What is run. Jobs carry no run config: it would silently beat a backfill's. Defaults are fields of the configs."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dreaming.home import Home

STAGE_TAG = "dreaming/stage"
PRIORITY_TAG = "dagster/priority"

PRIORITIES = {"high": "10", "medium": "0", "low": "-10"}
"""The user's priorities as Dagster's."""


def build_initial_job() -> UnresolvedAssetJobDefinition:
    """The initial stage: everything that is free, for any days."""
    return dg.define_asset_job(
        "initial",
        selection=dg.AssetSelection.groups("dreaming"),
        description="Conversations of a day -> basic chunks -> current chunks -> searchable. Free and offline.",
        tags={STAGE_TAG: "initial", PRIORITY_TAG: PRIORITIES["medium"]},
    )


@dg.op
def import_new_exports(context: dg.OpExecutionContext, home: dg.ResourceParam[Home]) -> None:
    """Import new and changed exports; the sensor then runs the days that they touch."""
    for folder in home.pipeline.folders:
        read, stored = folder.refresh()
        context.log.info(
            f"{folder.folder}: {stored.added} conversations added, {stored.updated} updated, {stored.unchanged} as "
            f"they were; {len(stored.touched_days)} days have news; {len(read.errors)} files could not be read."
        )
        for error in read.errors:
            context.log.warning(error.message)


@dg.job(
    description="Import what is new in the watched folders.",
    tags={STAGE_TAG: "import", PRIORITY_TAG: PRIORITIES["medium"]},
    executor_def=dg.in_process_executor,
)
def import_watched_folders() -> None:
    """Import what is new in the watched folders."""
    import_new_exports()
