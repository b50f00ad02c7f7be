"""Tasks: what a caller submits, and what comes of it.

A task becomes a Dagster run or backfill: its priority the run's, its config and resources the run
config, its time limit the deadline and the longest that a run may take. `dagster_project.scheduler`
makes it one.
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
            told = error.errors(include_url=False, include_input=False)
            wrong = "; ".join(
                f"{'.'.join(map(str, each['loc'])) or 'config'}: {each['msg']}" for each in told
            )
            expected = ", ".join(modes[mode].model_fields)
            raise UsageError(
                f"Task {self.id!r}: {wrong}. The config of {mode} has the fields {expected}."
            ) from None

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "id": self.id,
            "type": self.type.value,
            "priority": self.priority.name,
            "schedule": self.schedule and self.schedule.isoformat(),
            "config": self.work().model_dump(mode="json", exclude_none=True),
            "resources": {name: _plain(value) for name, value in asdict(self.resources).items()},
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Task":
        """The task that was written as JSON."""
        usd = told["resources"]["max_cost_usd"]
        return cls(
            id=told["id"],
            type=TaskType(told["type"]),
            priority=TaskPriority[told["priority"]],
            schedule=told["schedule"] and datetime.fromisoformat(told["schedule"]),
            config=told["config"],
            resources=TaskResources(
                **{**told["resources"], "max_cost_usd": None if usd is None else Decimal(usd)}
            ),
        )


@dataclass(slots=True, kw_only=True)
class DreamingTaskResult:
    """What a task came to. All money and tokens are the ledger's."""

    chunks_created: int = 0
    chunks_upgraded: int = 0
    quality_counts: dict[str, int] = field(default_factory=dict)
    """Of the days of the task, after it."""
    tokens_consumed: int = 0
    estimated_cost_usd: Decimal = Decimal(0)
    processing_time_seconds: float = 0.0
    llm_provider: str = "local"
    llm_model: str = "rules"
    request_id: str | None = None
    quality_before: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    """Chunks that were asked for and not upgraded, by reason; `left` are those that a further run
    would take.
    """
    pending: dict[str, Any] = field(default_factory=dict)
    """What waits at the vendor in batches: since when, how many calls, and what they will come to.
    """
    stopped: Stopped | None = None
    message: str | None = None
    """For people: why it stopped, or the first thing that went wrong."""
    budget: dict[str, Any] = field(default_factory=dict)
    """Tokens and dollars: limit, used and left of the request's own budget."""
    days_published: list[str] = field(default_factory=list)
    failed_days: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def note_pending(self, pending: Sequence[Mapping[str, Any]]) -> None:
        """Note what waits at the vendor. A budget that is reserved for that has not stopped
        anything yet.
        """
        self.pending = dict(pending[0]) if pending else {}
        if self.pending and self.stopped == "budget":
            self.stopped, self.message = None, None

    def add(self, before: "DreamingTaskResult | None") -> None:
        """Add what the same task did on the same days before."""
        if before is not None:
            self.chunks_created += before.chunks_created
            self.processing_time_seconds += before.processing_time_seconds
            self.quality_before = before.quality_before
            self.days_published = sorted({*before.days_published, *self.days_published})

    @classmethod
    def of_all(cls, parts: Sequence["DreamingTaskResult"]) -> "DreamingTaskResult":
        """What a task came to whose days were done by several runs."""
        whole = replace(parts[0]) if parts else cls()
        for part in parts[1:]:
            for name in (
                "chunks_created",
                "chunks_upgraded",
                "tokens_consumed",
                "estimated_cost_usd",
            ):
                setattr(whole, name, getattr(whole, name) + getattr(part, name))
            for name in ("quality_counts", "quality_before"):
                setattr(
                    whole, name, dict(Counter(getattr(whole, name)) + Counter(getattr(part, name)))
                )
            whole.processing_time_seconds += part.processing_time_seconds
            whole.days_published = sorted({*whole.days_published, *part.days_published})
            whole.failed_days = whole.failed_days | part.failed_days
            # Of the request, as the latest of its runs saw it.
            whole.pending = part.pending
            whole.stopped, whole.message = (
                whole.stopped or part.stopped,
                whole.message or part.message,
            )
        return whole

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "DreamingTaskResult":
        """The result that was written as JSON."""
        known = {each.name: told[each.name] for each in fields(cls) if each.name in told}
        return cls(**{**known, "estimated_cost_usd": Decimal(told["estimated_cost_usd"])})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
