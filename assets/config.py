"""Run configs: set by a person in the launchpad, or written by commands, tasks and schedules.

The terms of an upgrade are read here (`UpgradeConfig.terms`) and written here (`upgrade_fields`),
by the names of their fields: a new term is a field of `UpgradeTerms` and one of `UpgradeConfig`.
"""

from typing import Any, Literal

import dagster as dg
from pydantic import Field

from dreaming.money import read_usd, write_usd
from dreaming.pipeline.day import Engine, Rechunk
from dreaming.upgrading.terms import UpgradeTerms


class DreamingConfig(dg.Config):
    """The run config of the assets."""

    rechunk: Rechunk = Field(
        default="outdated",
        description="Which conversations get new basic chunks: 'changed' only those whose content "
        "changed, "
        "'outdated' also those that an older segmenter cut.",
    )
    engine: Engine = Field(
        default="rules",
        description="What cuts new basic chunks: 'rules', or 'local', the local LLM, with the "
        "rules for every "
        "conversation that it gives no usable reply for. Both are free and stay on this machine.",
    )


class BudgetConfig(dg.Config):
    """The limits of an upgrade over all of its runs; None is no limit."""

    max_tokens: int | None = Field(default=None, description="Tokens of input and output together.")
    # Any: a float would round the limit of a command or a task, and Dagster's configs have no
    # exact numbers. A number is read by its digits, and a text such as "0.1" is accepted too.
    max_cost_usd: Any = Field(
        default=None, description="Dollars, by the price library or your own price."
    )
    max_duration_seconds: float | None = Field(
        default=None, description="Time from the request's beginning."
    )


class UpgradeConfig(dg.Config):
    """The terms of an upgrade. A request keeps the terms of its first run."""

    target_quality: Literal["", "good", "premium"] = Field(
        default="",
        description="The level to upgrade to; empty makes no upgrade and spends nothing.",
    )
    filter: str = Field(
        default="",
        description="Which chunks, like \"labels CONTAINS 'billing' AND quality_level != "
        "'premium'\". Empty: basic "
        "chunks that need an upgrade for good, and all that are not premium for premium.",
    )
    limit: int | None = Field(default=None, description="Chunks, at most.")
    provider: str = Field(default="", description="anthropic, openai or local; empty is anthropic.")
    providers: list[str] = Field(
        default_factory=list,
        description="In the place of one provider, several in order of preference: where one gives "
        "no usable reply, the next is asked. Each must give the target quality.",
    )
    model: str = Field(
        default="", description="The model as you write its name; empty is the level's own."
    )
    budget: BudgetConfig = Field(default=BudgetConfig(), description="What it may spend.")
    delivery: Literal["", "now", "batch"] = Field(
        default="",
        description="How replies come: now, or batch: within a day, at half the price. Empty is "
        "now, unless a planner "
        "chooses; of a request that is gone on with, as it was.",
    )
    planner: Literal["", "rules", "thinking"] = Field(
        default="",
        description="Who chooses what is left open: the provider, the model, the delivery and the "
        "budget. rules; "
        "thinking: a model proposes, within the same limits. Without a budget, today's share of "
        "the month's. Empty: "
        "nobody.",
    )
    include_undone: bool = Field(
        default=False, description="Bring back for nothing what was undone."
    )
    retry_failed: bool = Field(
        default=False, description="Ask again where an earlier reply could not be used."
    )

    def terms(self) -> UpgradeTerms:
        """The config as terms; raises `UsageError` for an invalid value."""
        return UpgradeTerms.from_json({**dict(self), **dict(self.budget)})


class DayConfig(DreamingConfig, UpgradeConfig):
    """The run config of the partitioned assets: the free stages, and an optional upgrade."""


class UpgradeDaysConfig(UpgradeConfig):
    """The run config of the job `upgrade`, for any days."""

    first_day: str = Field(default="", description="YYYY-MM-DD; empty for all days from the first.")
    last_day: str = Field(default="", description="YYYY-MM-DD; empty for all days to the last.")
    planned_only: bool = Field(
        default=False,
        description="Go on with what the run's request has planned, and plan nothing more of it.",
    )


def upgrade_fields(terms: UpgradeTerms) -> dict[str, Any]:
    """Terms as the fields of `UpgradeDaysConfig`, without those that have no value."""
    fields: dict[str, Any] = {}
    budget: dict[str, Any] = {}
    for name, value in terms.as_json().items():
        # `account` is not in the config: a request with a further budget is stored before its run
        # is made, and a stored request keeps its terms.
        if value is False or name == "account":
            continue
        if name in BudgetConfig.model_fields:
            budget[name] = value
        else:
            fields[name] = value
    if "max_cost_usd" in budget:
        budget["max_cost_usd"] = write_usd(read_usd(budget["max_cost_usd"]))
    if budget:
        fields["budget"] = budget
    return fields
