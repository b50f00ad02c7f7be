"""Tasks as Dagster runs and backfills: submitted, kept until their time, or executed here.

    from dagster_project.scheduler import Scheduler
    from dreaming import Task

    task = Task(id="dreaming_2026_02_13", config={"target_date": "2026-02-13"})
    result = await Scheduler().execute_task(task)

`PartitionBackfill` is a private part of Dagster, which has no public API for making backfills.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

import dagster as dg
from dagster._core.execution.backfill import PartitionBackfill

from dagster_project.building import build_definitions
from dagster_project.instance import open_instance
from dagster_project.jobs import RANGE_TAGS
from dagster_project.launches import SUBMISSION_TAG, Launch, launch_of
from dagster_project.running import RunOutcome, execute, queue
from dreaming.errors import TaskFailed, UsageError
from dreaming.home import Home, open_home, utc_now
from dreaming.settings import Settings
from dreaming.storage.tasks import Submission
from dreaming.task import DreamingTaskResult, Task

POLL_SECONDS = 1.0
"""Dagster does not notify of the end of a run, so its state is read this often."""

_UNFINISHED_BACKFILL = frozenset({"REQUESTED", "CANCELING", "COMPLETING", "FAILING"})


@dataclass(frozen=True, slots=True)
class SubmittedTask:
    """A task that was submitted: a run, a backfill, or kept until its time."""

    submission_id: str
    settings: Settings
    run_id: str | None = None
    """None for a backfill, and for a task that is kept until its time."""
    backfill_id: str | None = None

    async def result(self) -> DreamingTaskResult:
        """Its result, once it has ended; raises `TaskFailed` where it ended without a result."""
        with open_home(self.settings) as home, open_instance(self.settings) as instance:
            result = _result_of(self, home, instance)
            while result is None:
                await asyncio.sleep(POLL_SECONDS)
                result = _result_of(self, home, instance)
            return result

    def cancel(self) -> None:
        """Cancel it before its time; raises `UsageError` where it was started already."""
        with open_home(self.settings) as home, open_instance(self.settings) as instance:
            if instance.get_runs_count(_runs_of(self)):
                raise UsageError(
                    f"The task {self.submission_id!r} was started before. Terminate its run in "
                    "the UI."
                )
            home.tasks.change(self.submission_id, "canceled")


class Scheduler:
    """Makes tasks Dagster runs and backfills on the user's instance."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings.from_environment()

    def submit(self, task: Task) -> SubmittedTask:
        """Hand a task to the daemon, as a run or over several days a backfill.

        A task with a time to come is kept until then. Raises `UsageError` for invalid values, and
        `TaskFailed` where no run can be made.
        """
        submission_id = uuid4().hex
        with open_home(self._settings) as home, open_instance(self._settings) as instance:
            now = home.clock()
            # Also of a task that is kept: invalid values are an error now, not at night.
            launch, days = launch_of(
                task, submission_id, home.archive.calendar, now=task.schedule or now
            )
            if task.schedule is not None and task.schedule > now:
                home.tasks.add(Submission(submission_id, task, now, task.schedule))
                return SubmittedTask(submission_id, self._settings)
            if len(days) > 1:
                backfill_id = _backfill(home, instance, launch, days, title=task.id)
                return SubmittedTask(submission_id, self._settings, backfill_id=backfill_id)
            outcome = queue(home, instance, launch)
            if outcome.failed:
                raise TaskFailed(
                    f"Task {task.id!r} could not be handed to the daemon. {outcome.message}"
                )
            return SubmittedTask(submission_id, self._settings, run_id=outcome.run_id)

    async def execute_task(self, task: Task) -> DreamingTaskResult:
        """Execute a task in this process and return its result.

        A task with a time to come is left to the daemon, and its result awaited. Raises
        `UsageError` for invalid values, and `TaskFailed` where it ends without a result.
        """
        if task.schedule is not None and task.schedule > utc_now():
            return await self.submit(task).result()
        # In a thread: a run would block the caller's event loop for minutes.
        return await asyncio.to_thread(self._execute, task)

    def _execute(self, task: Task) -> DreamingTaskResult:
        with open_home(self._settings) as home, open_instance(self._settings) as instance:
            launch, _ = launch_of(task, uuid4().hex, home.archive.calendar, now=home.clock())
            return _stored_result(home, execute(home, instance, launch))


def _backfill(
    home: Home, instance: dg.DagsterInstance, launch: Launch, days: Sequence[date], *, title: str
) -> str:
    """Ask the daemon for a backfill of the assets over days, and return its id."""
    backfill_id = uuid4().hex[:8]
    graph = build_definitions(home.settings, home=home).resolve_asset_graph()
    # The daemon tags each run with its own range of days.
    tags = {name: value for name, value in launch.tags.items() if name not in RANGE_TAGS}
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=backfill_id,
        asset_graph=graph,
        partition_names=[day.isoformat() for day in days],
        asset_selection=sorted(graph.materializable_asset_keys),
        backfill_timestamp=home.clock().timestamp(),
        tags=tags,
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=title,
        description=None,
        run_config=launch.config,
    )
    instance.add_backfill(backfill)
    return backfill_id


def _result_of(
    submitted: SubmittedTask, home: Home, instance: dg.DagsterInstance
) -> DreamingTaskResult | None:
    """The result of a submitted task; None while it has not ended."""
    is_backfill = submitted.backfill_id is not None
    if submitted.backfill_id is not None:
        backfill = instance.get_backfill(submitted.backfill_id)
        if backfill is None or backfill.status.value in _UNFINISHED_BACKFILL:
            return None
    runs = instance.get_runs(_runs_of(submitted))
    if not runs and home.tasks.state(submitted.submission_id) == "canceled":
        raise TaskFailed(f"The task {submitted.submission_id!r} was canceled before its time.")
    # A backfill that has ended may have made no run; any other task gets one.
    if not runs and not is_backfill:
        return None
    if any(not run.is_finished for run in runs):
        return None
    outcomes = [RunOutcome(run.run_id, run.status, "") for run in runs]
    return DreamingTaskResult.of_all([_stored_result(home, outcome) for outcome in outcomes])


def _runs_of(submitted: SubmittedTask) -> dg.RunsFilter:
    return dg.RunsFilter(tags={SUBMISSION_TAG: submitted.submission_id})


def _stored_result(home: Home, outcome: RunOutcome) -> DreamingTaskResult:
    result = home.requests.result(outcome.run_id)
    if result is None:
        raise TaskFailed(
            f"The run {outcome.run_id} ended {outcome.status.value} without a result. "
            f"{outcome.message}"
        )
    return DreamingTaskResult.from_json(result)
