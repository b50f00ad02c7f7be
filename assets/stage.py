"""The interface between a module of an asset and `day`, which runs all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

import dagster as dg

from assets.config import DreamingConfig
from dreaming.home import Home
from dreaming.measuring.checking import Finding
from dreaming.pipeline.model_chunker import ModelChunker
from dreaming.pipeline.sharding import Shards
from dreaming.storage.partitions import AssetName

Metadata = dict[str, dg.MetadataValue]


@dataclass(slots=True)
class Work:
    """The objects that the stages of a run share."""

    home: Home
    config: DreamingConfig
    model_chunker: ModelChunker | None
    """Cuts basic chunks with a model; None for the rules."""
    shards: Shards | None = None
    """The shards that the run's only day was cut in already, to be joined."""
    chunks_created: int = 0
    """The count of new basic chunks so far."""


@dataclass(frozen=True, slots=True)
class Check:
    """An asset check: its spec, and a function that evaluates it for one stored day."""

    spec: dg.AssetCheckSpec
    evaluate: Callable[[Home, date], Finding]


@dataclass(frozen=True, slots=True)
class Stage:
    """An asset over days: its spec, a function that materialises one day, and its checks."""

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
        # Its events are logged and not yielded, so Dagster must not miss an output of the op.
        skippable=True,
    )
