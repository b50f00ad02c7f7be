"""Tasks: what a caller submits, and its result.

`dagster_project.scheduler` makes a Dagster run or backfill of a task. Its priority becomes the
run's, its config and resources the run config, and its time limit the deadline and the limit of the
run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from dreaming.bounds import require_bounds
from dreaming.errors import UsageError
from dreaming.model_call import Delivery

Stopped = Literal["budget", "time", "provider"]
"""Why an upgrade ended before its plan was done."""


class TaskType(StrEnum):
    """What kind of work a task is."""

    DREAMING = "dreaming"


class TaskPriority(IntEnum):
    """Which of the runs that wait goes first: Dagster's `dagster/priority`."""

    LOW = -10
    MEDIUM = 0
    HIGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResources:
    """The model that a task may use, and what it may spend; None is no limit."""

    llm_provider: str = "local"
    """anthropic, openai, or local: a local LLM where there is one, else the rules."""
    model: str | None = None
    """As you write its name; None is the one of the level that is asked for."""
    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None
    max_duration_seconds: float | None = None


class _Days(BaseModel):
    model_config = ConfigDict(extra="forbid")

    target_date: date | None = None
    first_date: date | None = None
    last_date: date | None = None

    @model_validator(mode="after")
    def _meant(self) -> "_Days":
        if self.target_date and (self.first_date or self.last_date):
            raise ValueError(
                "target_date is one day, first_date and last_date are a range: give one or the "
                "other"
            )
        if self.first_date and self.last_date and self.first_date > self.last_date:
            raise ValueError("first_date is after last_date")
        return self


class FullDay(_Days):
    """Whole days from their conversations on: what is free, and an upgrade where a cloud provider
    is given.

    Without dates it is the day that ended before the task's time.
    """

    mode: Literal["full_day"]
    stage: Literal["initial"] = "initial"
    target_quality: Literal["good", "premium"] | None = None
    """Of the upgrade; None is what the model gives."""

    @model_validator(mode="after")
    def _both_ends(self) -> "FullDay":
        if bool(self.first_date) != bool(self.last_date):
            raise ValueError("first_date and last_date go together")
        return self


class Upgrade(_Days):
    """Better chunks in the place of those that are there, over all days or some."""

    mode: Literal["upgrade"]
    target_quality: Literal["good", "premium"] = "good"
    filter: str | None = None
    limit: int | None = None
    delivery: Delivery = "now"
    """Whether replies come at once or, at half the price, within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something to be done, now or at a time. Raises `UsageError` for what cannot be meant."""

    id: str
    """Yours. What it spends is counted for each submission by itself."""
    type: TaskType = TaskType.DREAMING
    priority: TaskPriority = TaskPriority.MEDIUM
    schedule: datetime | None = None
    """When it is to be started; None and the past are now. Without an offset, UTC."""
    config: Mapping[str, Any] = field(default_factory=lambda: {"mode": "full_day"})
    """The fields of `FullDay` or `Upgrade`; the mode says which."""
    resources: TaskResources = field(default_factory=TaskResources)

    def __post_init__(self) -> None:
        if not self.id:
            raise UsageError("The task has no id. Give it one, such as 'dreaming_daily'.")
        if self.schedule is not None and self.schedule.tzinfo is None:
            object.__setattr__(self, "schedule", self.schedule.replace(tzinfo=UTC))
        limits = ("max_tokens", "max_cost_usd", "max_duration_seconds")
        require_bounds({name: getattr(self.resources, name) for name in limits})
        self.work()

    def work(self) -> FullDay | Upgrade:
        """The config, typed."""
        modes: dict[object, type[FullDay] | type[Upgrade]] = {
            "full_day": FullDay,
            "upgrade": Upgrade,
        }
        mode = self.config.get("mode", "full_day")
        if mode not in modes:
            raise UsageError(
                f"Task {self.id!r}: mode = {mode!r} is none. Choose full_day or upgrade."
            )
        try:
            return modes[mode].model_validate({"mode": mode, **self.config})
        except ValidationError as error:
            wrong = _describe(error)
            expected = ", ".join(modes[mode].model_fields)
            raise UsageError(
                f"Task {self.id!r}: {wrong}. The config of {mode} has the fields {expected}."
            ) from None

    def as_json(self) -> dict[str, Any]:
        """The task as JSON."""
        return {
            "id": self.id,
            "type": self.type.value,
            "priority": self.priority.name,
            "schedule": self.schedule and self.schedule.isoformat(),
            "config": self.work().model_dump(mode="json", exclude_none=True),
            "resources": {name: _plain(value) for name, value in asdict(self.resources).items()},
        }

    @classmethod
    def from_json(cls, cells: Mapping[str, Any]) -> "Task":
        """The task that was written as JSON."""
        resources = dict(cells["resources"])
        if resources["max_cost_usd"] is not None:
            resources["max_cost_usd"] = Decimal(resources["max_cost_usd"])
        return cls(
            id=cells["id"],
            type=TaskType(cells["type"]),
            priority=TaskPriority[cells["priority"]],
            schedule=cells["schedule"] and datetime.fromisoformat(cells["schedule"]),
            config=cells["config"],
            resources=TaskResources(**resources),
        )


def _describe(error: ValidationError) -> str:
    """The errors of a config, each with its field, without their values."""
    lines = []
    for detail in error.errors(include_url=False, include_input=False):
        place = ".".join(map(str, detail["loc"])) or "config"
        lines.append(f"{place}: {detail['msg']}")
    return "; ".join(lines)


@dataclass(slots=True, kw_only=True)
class DreamingTaskResult:
    """The result of a task. All money and tokens are the ledger's."""

    chunks_created: int = 0
    chunks_upgraded: int = 0
    quality_counts: dict[str, int] = field(default_factory=dict)
    """The chunks of the task's days by quality, after the task."""
    tokens_consumed: int = 0
    estimated_cost_usd: Decimal = Decimal(0)
    processing_time_seconds: float = 0.0
    llm_provider: str = "local"
    llm_model: str = "rules"
    request_id: str | None = None
    quality_before: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    """Chunks that were asked for and not upgraded, by reason; a further run takes those `left`."""
    pending: dict[str, Any] = field(default_factory=dict)
    """A summary of the batches that wait at the vendor (`Batches.pending`)."""
    stopped: Stopped | None = None
    message: str | None = None
    """For people: why it stopped, or the first thing that went wrong."""
    budget: dict[str, Any] = field(default_factory=dict)
    """Tokens and dollars: limit, used and left of the request's own budget."""
    days_published: list[str] = field(default_factory=list)
    failed_days: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {name: _plain(value) for name, value in asdict(self).items()}

    def note_pending(self, pending: Sequence[Mapping[str, Any]]) -> None:
        """Note what waits at the vendor in batches."""
        self.pending = dict(pending[0]) if pending else {}
        # A budget that is reserved for batches is not used up: a part of it comes back.
        if self.pending and self.stopped == "budget":
            self.stopped = None
            self.message = None

    def add(self, before: "DreamingTaskResult | None") -> None:
        """Add an earlier result of the same task on the same days."""
        if before is not None:
            self.chunks_created += before.chunks_created
            self.processing_time_seconds += before.processing_time_seconds
            self.quality_before = before.quality_before
            self.days_published = sorted({*before.days_published, *self.days_published})

    @classmethod
    def of_all(cls, parts: Sequence["DreamingTaskResult"]) -> "DreamingTaskResult":
        """The result of a task whose days were done by several runs."""
        whole = replace(parts[0]) if parts else cls()
        for part in parts[1:]:
            whole.chunks_created += part.chunks_created
            whole.chunks_upgraded += part.chunks_upgraded
            whole.tokens_consumed += part.tokens_consumed
            whole.estimated_cost_usd += part.estimated_cost_usd
            whole.quality_counts = _sum_counts(whole.quality_counts, part.quality_counts)
            whole.quality_before = _sum_counts(whole.quality_before, part.quality_before)
            whole.processing_time_seconds += part.processing_time_seconds
            whole.days_published = sorted({*whole.days_published, *part.days_published})
            whole.failed_days = whole.failed_days | part.failed_days
            # Not added up: it is of the whole request, as the latest of its runs saw it.
            whole.pending = part.pending
            whole.stopped = whole.stopped or part.stopped
            whole.message = whole.message or part.message
        return whole

    @classmethod
    def from_json(cls, cells: Mapping[str, Any]) -> "DreamingTaskResult":
        """The result that was written as JSON."""
        # Rows of other versions have more fields, or fewer.
        known = {name.name: cells[name.name] for name in fields(cls) if name.name in cells}
        known["estimated_cost_usd"] = Decimal(cells["estimated_cost_usd"])
        return cls(**known)


def _sum_counts(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(left) + Counter(right))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
