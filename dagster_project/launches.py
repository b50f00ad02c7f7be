"""A run to be made (job, run config and tags), from days, an upgrade or a task.

The names of Dagster's own tags (`dagster/...`) are its private parts, but for those of priority and
of a run's longest time, which it documents.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from assets.config import DreamingConfig, upgrade_fields
from assets.upgrading import REQUEST_TAG
from dagster_project.jobs import (
    LEARN,
    PRIORITY_TAG,
    RANGE_TAGS,
    STAGE_TAG,
    days_config,
    dream_days,
    provider_tag,
    upgrade,
    upgrade_config,
)
from dagster_project.large_day import LARGE_DAY, large_day_config
from dreaming.days import Calendar, day_range
from dreaming.errors import UsageError
from dreaming.pipeline.day import Engine, Rechunk
from dreaming.providers.models import resolve_model
from dreaming.providers.registry import require_provider
from dreaming.storage.requests import UpgradeRequest
from dreaming.task import FullDay, Task, TaskPriority, TaskResources, Upgrade
from dreaming.upgrading.terms import UpgradeTerms

SUBMISSION_TAG = "dreaming/submission"
TASK_TAG = "dreaming/task"
MAX_RUNTIME_TAG = "dagster/max_runtime"

PUBLISHING_SECONDS = 300
"""Time after the limit of a task, which ends buying: to publish the chunks that were bought."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A run to be made."""

    job_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_days(
        cls, days: Sequence[date], *, rechunk: Rechunk, stage: str, engine: Engine = "rules"
    ) -> "Launch":
        """All assets over days, with or without gaps; a day that fails does not stop the others."""
        config = days_config(days, rechunk=rechunk, engine=engine)
        return cls(dream_days.name, config, {STAGE_TAG: stage})

    @classmethod
    def of_large_day(
        cls, day: date, *, shards: int, rechunk: Rechunk, stage: str, engine: Engine = "rules"
    ) -> "Launch":
        """All assets over one day, which is cut in shards."""
        defaults = DreamingConfig(rechunk=rechunk, engine=engine)
        config = large_day_config(day, shards=shards, config=defaults)
        return cls(LARGE_DAY, config, {STAGE_TAG: stage})

    @classmethod
    def of_upgrade(
        cls,
        terms: UpgradeTerms,
        *,
        request_id: str,
        priority: TaskPriority,
        planner: str | None = None,
    ) -> "Launch":
        """An upgrade, new or resumed; `planner` names the planner of what the terms leave open."""
        tags = {
            STAGE_TAG: "upgrade",
            REQUEST_TAG: request_id,
            PRIORITY_TAG: str(priority.value),
            **provider_tag(terms.provider),
        }
        return cls(upgrade.name, upgrade_config(terms, planner=planner or ""), tags)

    @classmethod
    def of_collecting(cls, request: UpgradeRequest) -> "Launch":
        """The run that collects a request's batches, and resumes its planned chunks."""
        # Also of a request that began without batches: what it lacks is submitted as the rest was.
        terms = replace(request.terms, delivery="batch")
        tags = {
            STAGE_TAG: "upgrade",
            REQUEST_TAG: request.request_id,
            PRIORITY_TAG: str(TaskPriority.LOW.value),
        }
        return cls(upgrade.name, upgrade_config(terms, planned_only=True), tags)

    @classmethod
    def of_learning(cls, files: Sequence[Path]) -> "Launch":
        """Learning from files, or without any from bought chunks."""
        # Absolute: a run may be made in another folder.
        paths = [str(file.absolute()) for file in files]
        config = {"ops": {"segmenter": {"config": {"files": paths}}}}
        return cls(LEARN, config, {STAGE_TAG: "learn"})


def launch_of(
    task: Task, submission_id: str, calendar: Calendar, *, now: datetime
) -> tuple[Launch, list[date]]:
    """The run of a task, and its days (none: all); raises `UsageError` for invalid values."""
    work = task.work()
    require_provider(task.resources.llm_provider)
    tags = {
        SUBMISSION_TAG: submission_id,
        TASK_TAG: task.id,
        PRIORITY_TAG: str(task.priority.value),
    }
    seconds = task.resources.max_duration_seconds
    if seconds:
        tags[MAX_RUNTIME_TAG] = str(math.ceil(seconds) + PUBLISHING_SECONDS)
    if isinstance(work, Upgrade):
        tags[REQUEST_TAG] = submission_id
        return _upgrade_launch(work, task.resources, tags), []
    days = [calendar.require(day, now=now) for day in _days(work, calendar, now)]
    first_tag, last_tag = RANGE_TAGS
    tags[first_tag] = days[0].isoformat()
    tags[last_tag] = days[-1].isoformat()
    tags[STAGE_TAG] = work.stage
    config = _full_day_config(work, task.resources, today=now.date())
    return Launch("initial", {"ops": {"dreaming": {"config": config}}}, tags), days


def _days(work: FullDay, calendar: Calendar, now: datetime) -> list[date]:
    if work.target_date:
        return [work.target_date]
    if work.first_date and work.last_date:
        return day_range(work.first_date, work.last_date)
    return [calendar.day_of(now) - timedelta(days=1)]


def _full_day_config(work: FullDay, resources: TaskResources, *, today: date) -> dict[str, Any]:
    if resources.llm_provider == "local":
        if work.target_quality:
            raise UsageError(
                f"target_quality = {work.target_quality!r} needs a cloud provider; local gives "
                "basic chunks."
            )
        return {"engine": "local"}
    # Without a level of its own, a task takes that of its model.
    level: str | None = work.target_quality
    if not level and resources.model:
        model = resolve_model(resources.llm_provider, resources.model, today=today)
        level = model.quality_level
    return upgrade_fields(_terms(resources, target_quality=level or "good"))


def _upgrade_launch(work: Upgrade, resources: TaskResources, tags: Mapping[str, str]) -> Launch:
    first_day = work.target_date or work.first_date
    last_day = work.target_date or work.last_date
    terms = _terms(resources, **work.model_dump(), first_day=first_day, last_day=last_day)
    tags = {**tags, **provider_tag(terms.provider), STAGE_TAG: "upgrade"}
    return Launch(upgrade.name, upgrade_config(terms), tags)


def _terms(resources: TaskResources, **fields: Any) -> UpgradeTerms:
    """The terms of a task; raises `UsageError` for invalid ones, before there is a run."""
    values = {**fields, **asdict(resources), "provider": resources.llm_provider}
    return UpgradeTerms.from_json(values)
