"""The providers by name. A new one is a file with an `LLMProvider`, and an entry here."""

import logging
from collections.abc import Callable, Mapping
from datetime import date

from dreaming.errors import ConfigurationError
from dreaming.providers.anthropic import AnthropicProvider
from dreaming.providers.local import LocalProvider
from dreaming.providers.openai import OpenAIProvider
from dreaming.providers.paced import PacedProvider
from dreaming.providers.provider import LLMProvider, ProviderSettings

_log = logging.getLogger(__name__)

PROVIDERS: Mapping[str, Callable[..., LLMProvider]] = {
    AnthropicProvider.name: AnthropicProvider,
    OpenAIProvider.name: OpenAIProvider,
    LocalProvider.name: LocalProvider,
}


def make_provider(name: str, settings: ProviderSettings, *, today: date) -> LLMProvider:
    """The provider of a name, at its pace, not connected yet.

    Raises `ConfigurationError` for a name that is none, and `UsageError` for a model that its vendor does not serve.
    """
    if name not in PROVIDERS:
        raise ConfigurationError(f"There is no provider {name!r}. Choose one of {', '.join(PROVIDERS)}.")
    provider = PROVIDERS[name](settings, today=today)
    if provider.model.warning:
        _log.warning("%s", provider.model.warning)
    return PacedProvider(provider)
