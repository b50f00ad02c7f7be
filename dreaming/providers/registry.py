"""The providers by name. A new one is a file with an `LLMProvider`, and an entry here."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from urllib.parse import urlsplit

from dreaming.chunk import QualityLevel
from dreaming.errors import ConfigurationError
from dreaming.providers.anthropic import AnthropicProvider
from dreaming.providers.local import LocalProvider
from dreaming.providers.metered import UNMETERED, CallMeter, MeteredProvider
from dreaming.providers.models import default_model
from dreaming.providers.openai import OpenAIProvider
from dreaming.providers.provider import LLMProvider, ProviderSettings

_log = logging.getLogger(__name__)

PROVIDERS: Mapping[str, Callable[..., LLMProvider]] = {
    AnthropicProvider.name: AnthropicProvider,
    OpenAIProvider.name: OpenAIProvider,
    LocalProvider.name: LocalProvider,
}


_OWN_SERVERS: Mapping[str, str] = {
    AnthropicProvider.name: "anthropic.com",
    OpenAIProvider.name: "openai.com",
}
"""The domains of the vendors that take batches."""


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A provider as it is configured: it can be asked only through a meter."""

    name: str
    settings: ProviderSettings

    @property
    def can_be_paid(self) -> bool:
        """Whether it is a cloud provider that there is a key for, or one that asks for none."""
        return self.name != LocalProvider.name and bool(
            self.settings.api_key or self.settings.base_url
        )

    @property
    def offers_batches(self) -> bool:
        """Whether it surely takes batches: it is the vendor's own server."""
        host = urlsplit(self.settings.base_url or "").hostname
        domain = _OWN_SERVERS.get(self.name)
        return domain is not None and (
            host is None or host == domain or host.endswith("." + domain)
        )

    def model_for(self, level: QualityLevel, *, today: date) -> str:
        """The configured model where it gives a level, and else the vendor's default: each level
        has its own budget.

        Raises `ConfigurationError` where there is neither.
        """
        configured = self.settings.model
        if (
            configured
            and self.settings.resolve(self.name, configured, today=today).quality_level == level
        ):
            return configured
        return default_model(self.name, level)

    def open(self, meter: CallMeter, *, today: date, model: str | None = None) -> LLMProvider:
        """The provider, with another model than the configured one where that is named, not
        connected yet.

        What is configured about the configured model, its price and its level, does not hold for
        another.
        """
        settings = self.settings
        if model and settings.model and model != settings.model:
            settings = replace(settings, price=None, quality_level=None)
        settings = replace(settings, model=model or settings.model)
        return make_provider(self.name, settings, today=today, meter=meter)


@cache
def _warn(message: str) -> None:
    """Warn once a process."""
    _log.warning("%s", message)


def require_provider(name: str) -> None:
    """Raise `ConfigurationError` for a name that is no provider's."""
    if name not in PROVIDERS:
        raise ConfigurationError(
            f"There is no provider {name!r}. Choose one of {', '.join(PROVIDERS)}."
        )


def make_provider(
    name: str, settings: ProviderSettings, *, today: date, meter: CallMeter = UNMETERED
) -> LLMProvider:
    """The provider of a name, at its pace and metered, not connected yet.

    Raises `ConfigurationError` for a name that is none, and for a model that its vendor does not
    serve.
    """
    require_provider(name)
    provider = PROVIDERS[name](settings, today=today)
    if provider.model.warning:
        _warn(provider.model.warning)
    provider.masking = settings.masking
    return MeteredProvider(provider, meter)
