"""What a module says of its asset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, cast

import dagster as dg
from pydantic import Field

from dreaming.chunk import QualityLevel
from dreaming.home import Home
from dreaming.measuring.checking import Finding
from dreaming.pipeline.day import Engine, Rechunk
from dreaming.pipeline.model_chunker import ModelChunker
from dreaming.pipeline.sharding import Shards
from dreaming.storage.partitions import AssetName
from dreaming.upgrading.terms import UpgradeTerms

Metadata = dict[str, dg.MetadataValue]


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
    max_cost_usd: float | None = Field(
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

    def terms(self, *, first_day: date | None = None, last_day: date | None = None) -> UpgradeTerms:
        """The config as terms; raises `UsageError` for what cannot be meant."""
        cost = self.budget.max_cost_usd
        return UpgradeTerms(
            target_quality=cast("QualityLevel", self.target_quality),
            filter=self.filter or None,
            first_day=first_day,
            last_day=last_day,
            limit=self.limit,
            provider=self.provider or None,
            model=self.model or None,
            max_tokens=self.budget.max_tokens,
            max_cost_usd=None if cost is None else Decimal(str(cost)),
            max_duration_seconds=self.budget.max_duration_seconds,
            delivery=self.delivery or None,
            include_undone=self.include_undone,
            retry_failed=self.retry_failed,
        )


class DayConfig(DreamingConfig, UpgradeConfig):
    """The run config of the partitioned assets: what is free, and an upgrade of the run's days if
    one is asked for.
    """


@dataclass(slots=True)
class Work:
    """What a run works on, and with."""

    home: Home
    config: DreamingConfig
    model_chunker: ModelChunker | None
    """Cuts basic chunks in the place of the rules, where the run is to be made by a model."""
    shards: Shards | None = None
    """What the run's one day was cut in already, to be put together."""
    chunks_created: int = 0
    """Basic chunks, so far."""


@dataclass(frozen=True, slots=True)
class Check:
    """An asset check: its spec, and what evaluates it for one day from what was written."""

    spec: dg.AssetCheckSpec
    evaluate: Callable[[Home, date], Finding]


@dataclass(frozen=True, slots=True)
class Stage:
    """An asset: its spec, what materialises one day of it, and its checks."""

    spec: dg.AssetSpec
    materialize: Callable[[Work, date], Metadata]
    partition: AssetName
    """The partition whose hash is the asset's data version."""
    checks: tuple[Check, ...] = field(default=())


def asset_spec(
    key: str, *, description: str, kinds: set[str], upstream: str | None = None
) -> dg.AssetSpec:
    """The spec of one of the four assets."""
    tags: Mapping[str, str] = {"dreaming/cost": "free"}
    return dg.AssetSpec(
        key,
        deps=[upstream] if upstream else [],
        description=description,
        group_name="dreaming",
        kinds=kinds,
        tags=tags,
        skippable=True,
    )
