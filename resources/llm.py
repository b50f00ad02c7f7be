"""The models that conversations are shown to, as resources: one a provider, and one that picks among them by name."""

from datetime import UTC, datetime
from typing import Literal

import dagster as dg
from pydantic import Field

from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.provider import LLMProvider, ProviderSettings
from dreaming.providers.registry import make_provider

ProviderName = Literal["anthropic", "openai", "local"]


class _ProviderResource(dg.ConfigurableResource[LLMProvider]):
    """What all providers are told. An empty text and a 0 are the provider's own default."""

    api_key: str = Field(default="", description='The key, as dg.EnvVar("..."): a key written here would be shown.')
    base_url: str = Field(default="", description="Where it is served, when not at the vendor's own address.")
    model: str = Field(default="", description="The model, as you write its name.")
    quality_level: Literal["", "basic", "good", "premium"] = Field(
        default="", description="The level that the model gives, over what is known; needed for unknown models."
    )
    aliases: dict[str, str] = Field(default_factory=dict, description="Names of your own for models.")
    timeout_seconds: float = Field(default=0, ge=0, description="For one attempt.")
    max_concurrency: int = Field(default=0, ge=0, description="Attempts in flight at once, at most.")
    window_tokens: int = Field(default=0, ge=0, description="How much of a conversation one call shows.")
    reply_shape: ReplyShape = Field(
        default="indices",
        description="'indices': the model gives numbers of units; 'verbatim': it repeats the text, at several times "
        "the cost. A chunk's text is the source's either way.",
    )

    def settings(self) -> ProviderSettings:
        """The configuration as settings."""
        return ProviderSettings(
            api_key=self.api_key or None,
            base_url=self.base_url or None,
            model=self.model or None,
            quality_level=self.quality_level or None,
            aliases=self.aliases,
            timeout_seconds=self.timeout_seconds or None,
            max_concurrency=self.max_concurrency or None,
            window_tokens=self.window_tokens or None,
            reply_shape=self.reply_shape,
        )

    def _make(self, name: ProviderName) -> LLMProvider:
        return make_provider(name, self.settings(), today=datetime.now(UTC).date())


class AnthropicResource(_ProviderResource):
    """Claude through Anthropic's API."""

    def create_resource(self, context: dg.InitResourceContext) -> LLMProvider:  # noqa: ARG002
        """The provider, not connected yet."""
        return self._make("anthropic")


class OpenAIResource(_ProviderResource):
    """GPT through OpenAI's API, or any server in the cloud that speaks its Chat Completions."""

    def create_resource(self, context: dg.InitResourceContext) -> LLMProvider:  # noqa: ARG002
        """The provider, not connected yet."""
        return self._make("openai")


class LocalLLMResource(_ProviderResource):
    """A model on your own machine: Ollama, or a server that speaks OpenAI's Chat Completions at an address in /v1."""

    def create_resource(self, context: dg.InitResourceContext) -> LLMProvider:  # noqa: ARG002
        """The provider, not connected yet."""
        return self._make("local")


class LLMProviderResource(dg.ConfigurableResource[LLMProvider]):
    """One of the providers, by name."""

    provider: ProviderName = Field(description="Which of them.")
    anthropic: dg.ResourceDependency[LLMProvider]
    openai: dg.ResourceDependency[LLMProvider]
    local: dg.ResourceDependency[LLMProvider]

    def create_resource(self, context: dg.InitResourceContext) -> LLMProvider:  # noqa: ARG002
        """The provider of that name, not connected yet."""
        chosen: LLMProvider = getattr(self, self.provider)
        return chosen
