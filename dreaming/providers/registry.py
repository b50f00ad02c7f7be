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
"""In the order of preference."""


_BATCH_DOMAINS: Mapping[str, str] = {
    AnthropicProvider.name: "anthropic.com",
    OpenAIProvider.name: "openai.com",
}
"""The domains of the vendors that take batches: a gateway at another address may not."""


@dataclass(frozen=True, slots=True)
class ConfiguredProvider:
    """A provider with its settings, not opened: it can be asked only through a meter."""

    name: str
    settings: ProviderSettings

    @property
    def can_be_paid(self) -> bool:
        """Whether it is a cloud provider with a key, or with an address that may need none."""
        if self.name == LocalProvider.name:
            return False
        return bool(self.settings.api_key or self.settings.base_url)

    @property
    def offers_batches(self) -> bool:
        """Whether it certainly takes batches: it is the vendor's own server."""
        domain = _BATCH_DOMAINS.get(self.name)
        if domain is None:
            return False
        host = urlsplit(self.settings.base_url or "").hostname
        return host is None or host == domain or host.endswith("." + domain)

    def model_for(self, level: QualityLevel, *, today: date) -> str:
        """The configured model where it gives the level, else the vendor's default for the level.

        Raises `ConfigurationError` where there is neither.
        """
        configured = self.settings.model
        if configured:
            resolved = self.settings.resolve(self.name, today=today)
            if resolved.quality_level == level:
                return configured
        return default_model(self.name, level)

    def open(self, meter: CallMeter, *, today: date, model: str | None = None) -> LLMProvider:
        """The provider with `model`, else with the configured model; not connected yet."""
        settings = self.settings
        # The configured price and level are those of the configured model, not of another.
        if model and settings.model and model != settings.model:
            settings = replace(settings, price=None, quality_level=None)
        settings = replace(settings, model=model or settings.model)
        return make_provider(self.name, settings, today=today, meter=meter)


@cache
def _warn(message: str) -> None:
    # Cached, so that a process logs each warning once: providers are opened for every run.
    _log.warning("%s", message)


def require_provider(name: str) -> None:
    """Raise `ConfigurationError` for an unknown name."""
    if name not in PROVIDERS:
        raise ConfigurationError(
            f"There is no provider {name!r}. Choose one of {', '.join(PROVIDERS)}."
        )


def make_provider(
    name: str, settings: ProviderSettings, *, today: date, meter: CallMeter = UNMETERED
) -> LLMProvider:
    """The provider of a name, paced and metered, not connected yet.

    Raises `ConfigurationError` for an unknown name, and for a model that its vendor does not serve.
    """
    require_provider(name)
    provider = PROVIDERS[name](settings, today=today)
    if provider.model.warning:
        _warn(provider.model.warning)
    provider.masking = settings.masking
    return MeteredProvider(provider, meter)
