"""Sensors: runs for new exports, touched days, batches and tasks; ending orphaned runs.

A run key makes a request unique: Dagster makes one run of all requests with the same key. Each key
here therefore holds the state that the run is for, and a run is made again when that changes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dagster_project.jobs import days_config, dream_days, import_watched_folders, upgrade
from dagster_project.launches import SUBMISSION_TAG, Launch, launch_of
from dagster_project.owners import fail_orphaned_runs
from dreaming.buying.collecting import find_due
from dreaming.conversation import stable_hash
from dreaming.errors import UsageError
from dreaming.home import Home
from dreaming.providers.registry import ConfiguredProvider
from dreaming.sources.folder import FileState
from dreaming.storage.tasks import Submission

OpenHome = Callable[[], AbstractContextManager[Home]]


def build_imports_sensor(open_home: OpenHome) -> dg.SensorDefinition:
    """Imports new exports in watched folders, and runs the days that any import touched."""

    @dg.sensor(
        name="imports",
        jobs=[dream_days, import_watched_folders],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Imports what appears in watched folders, and runs the days that imports have "
        "touched.",
    )
    def imports(_context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with open_home() as home:
            requests = [*_import_requests(home), *_day_requests(home)]
        if not requests:
            yield dg.SkipReason("Nothing new was imported, and no watched folder has news.")
        yield from requests

    return imports


def _import_requests(home: Home) -> Iterator[dg.RunRequest]:
    news: list[FileState] = []
    for folder in home.pipeline.folders:
        news += folder.news()
    if news:
        newest = max(state.modified_ns for state in news)
        total_size = sum(state.size for state in news)
        yield dg.RunRequest(
            run_key=f"import:{len(news)}:{newest}:{total_size}",
            job_name=import_watched_folders.name,
        )


def _day_requests(home: Home) -> Iterator[dg.RunRequest]:
    waiting = home.pipeline.waiting_days()
    if waiting:
        # Days that failed are run again when there is news, and once a day; not every 30 seconds.
        today = home.archive.calendar.day_of(home.clock())
        state = [[day.isoformat(), home.archive.revision(day)] for day in waiting]
        yield dg.RunRequest(
            run_key=f"days:{today}:{stable_hash(state)}",
            job_name=dream_days.name,
            run_config=days_config(waiting, rechunk="changed"),
        )


def build_batches_sensor(
    open_home: OpenHome, providers: Callable[[], Mapping[str, ConfiguredProvider]]
) -> dg.SensorDefinition:
    """Asks the vendors about pending batches, and collects those that have ended."""

    @dg.sensor(
        name="batches",
        job=upgrade,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks the vendors about the batches that they have, and collects those that "
        "have ended.",
    )
    def batches(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with open_home() as home:
            pending = home.batches.pending()
            due = find_due(home, providers())
            launches: dict[str, Launch] = {}
            for request_id in due.requests:
                request = home.requests.get(request_id)
                launches[request_id] = Launch.of_collecting(request)
            # A run that failed is made again when there is news, and once an hour; not every
            # minute.
            hour = home.clock().strftime("%Y-%m-%dT%H")
        for failure in due.failures:
            context.log.warning(failure)
        for request_id, launch in launches.items():
            state = stable_hash(due.states[request_id])
            yield dg.RunRequest(
                run_key=f"collect:{request_id}:{hour}:{state}",
                run_config=dict(launch.config),
                tags=dict(launch.tags),
            )
        if not launches:
            calls = sum(batch["calls"] for batch in pending)
            yield dg.SkipReason(
                f"{calls:,} calls wait at vendors." if calls else "Nothing waits at a vendor."
            )

    return batches


def build_tasks_sensor(
    open_home: OpenHome,
    jobs: Sequence[dg.JobDefinition | UnresolvedAssetJobDefinition],
    clock: Callable[[], datetime],
) -> dg.SensorDefinition:
    """Starts the tasks that were submitted for a time, when it has come."""

    @dg.sensor(
        name="tasks",
        jobs=jobs,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the tasks that were submitted for a time, when it has come.",
    )
    def tasks(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with open_home() as home:
            due = home.tasks.waiting(due_at=clock())
            for submission in due:
                own_runs = dg.RunsFilter(tags={SUBMISSION_TAG: submission.submission_id})
                # Only now, when its run is there: a daemon that is killed between the request and
                # the run must request it again.
                if context.instance.get_runs_count(own_runs):
                    home.tasks.change(submission.submission_id, "started")
                    continue
                try:
                    yield _task_request(submission, home)
                except UsageError as error:
                    # It was valid when it was submitted: a model may have ended since.
                    context.log.error(
                        f"The task {submission.task.id!r} cannot be started, and is canceled: "
                        f"{error}"
                    )
                    home.tasks.change(submission.submission_id, "canceled")
        if not due:
            yield dg.SkipReason("No task's time has come.")

    return tasks


def _task_request(submission: Submission, home: Home) -> dg.RunRequest:
    # Every tick requests it until its run is there; the key makes one run of these requests.
    launch, _ = launch_of(
        submission.task, submission.submission_id, home.archive.calendar, now=submission.due_at
    )
    return dg.RunRequest(
        run_key=f"task:{submission.submission_id}",
        job_name=launch.job_name,
        run_config=dict(launch.config),
        tags=dict(launch.tags),
    )


def build_orphans_sensor(open_home: OpenHome) -> dg.SensorDefinition:
    """Ends the runs whose process died, and frees the slots that they held."""

    @dg.sensor(
        name="dead_runs",
        job=import_watched_folders,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends the runs of the command whose process is gone, and frees their "
        "concurrency slots.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        with open_home() as home:
            ended = fail_orphaned_runs(context.instance, home.ledger.database)
        return dg.SkipReason(f"Ended {len(ended)} runs whose process was gone.")

    return dead_runs
