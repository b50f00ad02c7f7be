"""Names of models: as users write them, and as vendors serve them on a day. The data is in
`models.toml`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from dreaming.chunk import QualityLevel
from dreaming.errors import ConfigurationError
from dreaming.spending.prices import OwnPrice

WARN_BEFORE_END = timedelta(days=30)
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be asked today."""

    asked: str
    """The name as the user wrote it."""
    served: str
    """The name that is sent to the vendor."""
    quality_level: QualityLevel
    """The level that chunks made by it count as."""
    cached_from: int | None = None
    """The shortest prefix that the vendor caches for it, in tokens; None where that is not known.
    """
    reasoning_effort: str | None = None
    """How little it can be asked to reason, where it would by itself; its reasoning is paid for as
    output.
    """
    warning: str | None = None
    """What to tell the user: that its end is near."""
    price: OwnPrice | None = None
    """What it costs, where the user says so; None: what the price library says."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What is known of a model."""

    name: str
    quality: QualityLevel
    ends: date | None = None
    successor: str | None = None
    cached_from: int | None = None
    reasoning_effort: str | None = None

    def has_ended(self, today: date) -> bool:
        """Whether its vendor has stopped serving it: an end is the last day."""
        return self.ends is not None and today > self.ends


def resolve_model(
    vendor: str,
    name: str,
    *,
    today: date,
    quality_level: QualityLevel | None = None,
    aliases: Mapping[str, str] | None = None,
) -> ResolvedModel:
    """The model that a user means by a name.

    A name that is an alias becomes the first of its models that has not ended; the user's own
    `aliases` come first. A
    `quality_level` overrides what is known, and lets a name that is not known pass as it is.

    Raises:
        ConfigurationError: the model has ended, or is not known; with what to write instead.

    """
    wanted = (aliases or {}).get(name, name)
    if vendor == LOCAL:
        return ResolvedModel(name, _aliases(vendor).get(wanted, [wanted])[0], "basic")
    known = _models(vendor)
    candidates = [wanted, *_aliases(vendor).get(wanted, [])]
    found = [known[candidate] for candidate in candidates if candidate in known]
    if not found:
        return _unknown(vendor, name, wanted, quality_level)
    alive = [model for model in found if not model.has_ended(today)]
    if not alive:
        raise ConfigurationError(_ended(vendor, name, found[-1], today))
    model = alive[0]
    level = quality_level or model.quality
    served = wanted if wanted in known and known[wanted] is model else model.name
    return ResolvedModel(
        name, served, level, model.cached_from, model.reasoning_effort, _warning(model, today)
    )


def _unknown(
    vendor: str, name: str, wanted: str, quality_level: QualityLevel | None
) -> ResolvedModel:
    if quality_level is not None:
        return ResolvedModel(name, wanted, quality_level)
    close = get_close_matches(wanted, [*_aliases(vendor), *_models(vendor)], n=3)
    hint = f" Did you mean {' or '.join(repr(each) for each in close)}?" if close else ""
    raise ConfigurationError(
        f"{vendor} is not known to serve a model {wanted!r}.{hint} To use a model that is not "
        "known, say "
        "which level its chunks count as: quality_level = good or premium."
    )


def _ended(vendor: str, name: str, model: _Served, today: date) -> str:
    advice = (
        f"Use {model.successor!r}"
        if model.successor
        else f"Choose one of {', '.join(_alive(vendor, today))}"
    )
    return f"{vendor} has not served the model {name!r} since {model.ends}. {advice}."


def _alive(vendor: str, today: date) -> list[str]:
    return sorted({model.name for model in _models(vendor).values() if not model.has_ended(today)})


def _warning(model: _Served, today: date) -> str | None:
    if model.ends is None or model.ends - today > WARN_BEFORE_END:
        return None
    after = f" After that use {model.successor!r}." if model.successor else ""
    return f"The model {model.name!r} ends on {model.ends}.{after}"


def default_model(vendor: str, level: QualityLevel) -> str:
    """The model of a vendor that gives a level, where nobody says which; raises
    `ConfigurationError` for none.
    """
    tiers: dict[str, str] = _data()[vendor].get("tiers", {})
    if level not in tiers:
        raise ConfigurationError(f"No model of {vendor} is known to give {level} chunks. Name one.")
    return tiers[level]


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(
        files("dreaming.providers").joinpath("models.toml").read_text(encoding="utf-8")
    )


@cache
def _models(vendor: str) -> dict[str, _Served]:
    """What a vendor serves or has served, by each of its names."""
    models: dict[str, _Served] = {}
    for name, told in _data()[vendor]["models"].items():
        dated = told.get("dated", [])
        model = _Served(name, **{key: value for key, value in told.items() if key != "dated"})
        models |= dict.fromkeys([name, *dated], model)
    return models


def _aliases(vendor: str) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = _data()[vendor]["aliases"]
    return aliases
