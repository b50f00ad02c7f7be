"""What a module says of its asset."""

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
