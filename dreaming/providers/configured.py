"""The providers as the environment configures them, by the vendors' own variables."""

import os
from collections.abc import Mapping

from dreaming.privacy.masking import Masking
from dreaming.privacy.user_marks import read_patterns
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import PROVIDERS, ConfiguredProvider
from dreaming.settings import Settings

CLOUD_PREFIXES = {"anthropic": "ANTHROPIC", "openai": "OPENAI"}
"""Prefix of each vendor's environment variables, the same that its SDK reads."""


def configured_providers(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> dict[str, ConfiguredProvider]:
    """All providers by name, the preferred one first, those without a key included.

    Raises `ConfigurationError` for a file of private patterns that cannot be read.
    """
    patterns = settings.private_patterns
    masking = Masking(read_patterns(patterns)) if patterns else Masking()
    configured: dict[str, ProviderSettings] = {}
    for name, prefix in CLOUD_PREFIXES.items():
        # An empty variable counts as one that is not set, as in a `.env` that is not filled in.
        configured[name] = ProviderSettings(
            api_key=environment.get(f"{prefix}_API_KEY") or None,
            admin_key=environment.get(f"{prefix}_ADMIN_KEY") or None,
            base_url=environment.get(f"{prefix}_BASE_URL") or None,
            masking=masking,
        )
    configured["local"] = ProviderSettings(
        base_url=settings.local_llm_url,
        model=settings.local_llm_model,
        masking=masking,
        own_hosts=settings.own_hosts,
    )
    # In the registry's order, which is the order of preference.
    return {name: ConfiguredProvider(name, configured[name]) for name in PROVIDERS}
