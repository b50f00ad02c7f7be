"""The models that conversations are shown to, as one resource for each provider."""

from pathlib import Path
from typing import Literal

import dagster as dg
from pydantic import Field

from dreaming.privacy.masking import Masking
from dreaming.privacy.user_marks import read_patterns
from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.prices import OwnPrice

ProviderName = Literal["anthropic", "openai", "local"]


class _ProviderResource(dg.ConfigurableResource[ConfiguredProvider]):
    """The configuration of a provider. An empty text and a 0 are the provider's own default."""

    api_key: str = Field(
        default="", description='The key, as dg.EnvVar("..."): a key written here would be shown.'
    )
    admin_key: str = Field(
        default="",
        description="An admin key, as dg.EnvVar: with it, what the account spends elsewhere is "
        "read.",
    )
    base_url: str = Field(
        default="", description="Where it is served, when not at the vendor's own address."
    )
    model: str = Field(default="", description="The model, as you write its name.")
    quality_level: Literal["", "basic", "good", "premium"] = Field(
        default="",
        description="The level that the model gives, over what is known; needed for unknown "
        "models.",
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="Names of your own for models."
    )
    price: dict[str, float] = Field(
        default_factory=dict,
        description="What the model costs, in dollars a million tokens, over what the price "
        "library says: "
        "input_usd_per_mtok, output_usd_per_mtok, cache_read_usd_per_mtok, "
        "cache_write_usd_per_mtok.",
    )
    timeout_seconds: float = Field(default=0, ge=0, description="For one attempt.")
    max_concurrency: int = Field(
        default=0, ge=0, description="Attempts in flight at once, at most."
    )
    window_tokens: int = Field(
        default=0, ge=0, description="How much of a conversation one call shows."
    )
    reply_shape: ReplyShape = Field(
        default="indices",
        description="'indices': the model gives numbers of units; 'verbatim': it repeats the "
        "text, at several times "
        "the cost. A chunk's text is the source's either way.",
    )

    private_patterns: str = Field(
        default="",
        description="A file of patterns of what is not shown to a cloud "
        "(DREAMING_PRIVATE_PATTERNS).",
    )
    own_hosts: list[str] = Field(
        default_factory=list,
        description="Your other machines, whose local LLM is shown everything "
        "(DREAMING_OWN_HOSTS).",
    )

    def settings(self) -> ProviderSettings:
        masking = Masking()
        if self.private_patterns:
            masking = Masking(read_patterns(Path(self.private_patterns)))
        # A config of Dagster has no None for these: an empty value stands for it.
        return ProviderSettings(
            api_key=self.api_key or None,
            admin_key=self.admin_key or None,
            base_url=self.base_url or None,
            model=self.model or None,
            quality_level=self.quality_level or None,
            aliases=self.aliases,
            price=OwnPrice.of(self.price) if self.price else None,
            timeout_seconds=self.timeout_seconds or None,
            max_concurrency=self.max_concurrency or None,
            window_tokens=self.window_tokens or None,
            reply_shape=self.reply_shape,
            masking=masking,
            own_hosts=tuple(self.own_hosts),
        )

    def _make(self, name: ProviderName) -> ConfiguredProvider:
        return ConfiguredProvider(name, self.settings())


class AnthropicResource(_ProviderResource):
    """Claude through Anthropic's API."""

    def create_resource(self, context: dg.InitResourceContext) -> ConfiguredProvider:  # noqa: ARG002
        """The provider, to be asked through a meter."""
        return self._make("anthropic")


class OpenAIResource(_ProviderResource):
    """GPT through OpenAI's API, or any server in the cloud that speaks its Chat Completions."""

    def create_resource(self, context: dg.InitResourceContext) -> ConfiguredProvider:  # noqa: ARG002
        """The provider, to be asked through a meter."""
        return self._make("openai")


class LocalLLMResource(_ProviderResource):
    """A model on your own machine: Ollama, or a server of OpenAI's Chat Completions at /v1."""

    def create_resource(self, context: dg.InitResourceContext) -> ConfiguredProvider:  # noqa: ARG002
        """The provider, to be asked through a meter."""
        return self._make("local")
