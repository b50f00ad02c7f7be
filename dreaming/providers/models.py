"""Names of models: as users write them, and as vendors serve them on a day.

The data is in `models.toml`.
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
"""Users are warned this long before a vendor stops serving their model."""
LOCAL = "local"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be asked today."""

    asked: str
    """The name as the user wrote it."""
    served: str
    """The name that is sent to the vendor."""
    quality_level: QualityLevel
    """The level of the chunks that it cuts."""
    cached_from: int | None = None
    """The shortest prefix that the vendor caches for it, in tokens; None if not known."""
    reasoning_effort: str | None = None
    """The lowest effort, for a model that reasons by default: reasoning is paid for as output."""
    warning: str | None = None
    """For the user: that its end is near."""
    price: OwnPrice | None = None
    """The user's own price for it; None for that of the price library."""


@dataclass(frozen=True, slots=True)
class _ServedModel:
    """An entry of `models.toml`."""

    name: str
    quality: QualityLevel
    ends: date | None = None
    successor: str | None = None
    cached_from: int | None = None
    reasoning_effort: str | None = None

    def has_ended(self, today: date) -> bool:
        """Whether its vendor has stopped serving it; it is still served on its last day, `ends`."""
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

    An alias becomes the first of its models that has not ended; the user's own `aliases` come
    first. A `quality_level` overrides that of `models.toml`, and allows a name that is not in it.

    Raises:
        ConfigurationError: the model has ended, or is not known; with what to write instead.

    """
    wanted = (aliases or {}).get(name, name)
    if vendor == LOCAL:
        local_names = _aliases(vendor).get(wanted, [wanted])
        return ResolvedModel(name, local_names[0], "basic")
    models = _models(vendor)
    candidates = [wanted, *_aliases(vendor).get(wanted, [])]
    matches = [models[candidate] for candidate in candidates if candidate in models]
    if not matches:
        if quality_level is None:
            raise ConfigurationError(_unknown(vendor, wanted))
        return ResolvedModel(name, wanted, quality_level)
    alive = [model for model in matches if not model.has_ended(today)]
    if not alive:
        raise ConfigurationError(_ended(vendor, name, matches[-1], today))
    model = alive[0]
    # A dated name is sent as it was written: the undated one may move to a newer snapshot.
    served = wanted if models.get(wanted) is model else model.name
    return ResolvedModel(
        asked=name,
        served=served,
        quality_level=quality_level or model.quality,
        cached_from=model.cached_from,
        reasoning_effort=model.reasoning_effort,
        warning=_warning(model, today),
    )


def _unknown(vendor: str, wanted: str) -> str:
    close = get_close_matches(wanted, [*_aliases(vendor), *_models(vendor)], n=3)
    suggestions = " or ".join(map(repr, close))
    hint = f" Did you mean {suggestions}?" if close else ""
    return (
        f"{vendor} is not known to serve a model {wanted!r}.{hint} To use a model that is not "
        "known, say which level its chunks count as: quality_level = good or premium."
    )


def _ended(vendor: str, name: str, model: _ServedModel, today: date) -> str:
    if model.successor:
        advice = f"Use {model.successor!r}"
    else:
        advice = f"Choose one of {', '.join(_alive(vendor, today))}"
    return f"{vendor} has not served the model {name!r} since {model.ends}. {advice}."


def _alive(vendor: str, today: date) -> list[str]:
    return sorted({model.name for model in _models(vendor).values() if not model.has_ended(today)})


def _warning(model: _ServedModel, today: date) -> str | None:
    if model.ends is None or model.ends - today > WARN_BEFORE_END:
        return None
    advice = f" After that use {model.successor!r}." if model.successor else ""
    return f"The model {model.name!r} ends on {model.ends}.{advice}"


def default_model(vendor: str, level: QualityLevel) -> str:
    """The vendor's default model for a level; raises `ConfigurationError` where it has none."""
    tiers: dict[str, str] = _data()[vendor].get("tiers", {})
    if level not in tiers:
        raise ConfigurationError(f"No model of {vendor} is known to give {level} chunks. Name one.")
    return tiers[level]


@cache
def _data() -> dict[str, Any]:
    text = files("dreaming.providers").joinpath("models.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _models(vendor: str) -> dict[str, _ServedModel]:
    """The models that a vendor serves or has served, by each of their names."""
    models: dict[str, _ServedModel] = {}
    for name, entry in _data()[vendor]["models"].items():
        fields = dict(entry)
        dated_names = fields.pop("dated", [])
        model = _ServedModel(name, **fields)
        models |= dict.fromkeys([name, *dated_names], model)
    return models


def _aliases(vendor: str) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = _data()[vendor]["aliases"]
    return aliases
