"""Run config: what a person sets in the launchpad, and what commands, tasks and schedules write.

The one reader (`UpgradeConfig.terms`) and the one writer (`upgrade_fields`) of the terms of an
upgrade stand here, by the names of their fields: a new term is a field of `UpgradeTerms` and a
field of `UpgradeConfig`.
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
    """What an upgrade may spend, over all of its runs; what is not set is no limit."""

    max_tokens: int | None = Field(default=None, description="Tokens of input and output together.")
    # Any: Dagster has no exact numbers. A number is read by its digits, and a text such as "0.1" is
    # taken as well; a float would round what a command or a task asked for.
    max_cost_usd: Any = Field(
        default=None, description="Dollars, by the price library or your own price."
    )
    max_duration_seconds: float | None = Field(
        default=None, description="Time from the request's beginning."
    )


class UpgradeConfig(dg.Config):
    """What an upgrade is asked to do. A request keeps the terms that its first run had."""

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
        """The config as terms; raises `UsageError` for a value that cannot be meant."""
        return UpgradeTerms.from_json({**dict(self), **dict(self.budget)})


class DayConfig(DreamingConfig, UpgradeConfig):
    """The run config of the partitioned assets: what is free, and an upgrade of the run's days if
    one is asked for.
    """


class UpgradeDaysConfig(UpgradeConfig):
    """The run config of the job `upgrade`, which is of any days."""

    first_day: str = Field(default="", description="YYYY-MM-DD; empty for all days from the first.")
    last_day: str = Field(default="", description="YYYY-MM-DD; empty for all days to the last.")
    planned_only: bool = Field(
        default=False,
        description="Go on with what the run's request has planned, and plan nothing more of it.",
    )


def upgrade_fields(terms: UpgradeTerms) -> dict[str, Any]:
    """Terms as the fields of `UpgradeDaysConfig`; what they leave open is left out."""
    # `account` is no config: a request that is counted in a further budget was written down before
    # its run is made, and a known request keeps its terms.
    values = {
        name: value
        for name, value in terms.as_json().items()
        if value is not False and name != "account"
    }
    budget = {name: values.pop(name) for name in BudgetConfig.model_fields if name in values}
    if "max_cost_usd" in budget:
        budget["max_cost_usd"] = write_usd(read_usd(budget["max_cost_usd"]))
    return {**values, "budget": budget} if budget else values
