"""The providers as the environment configures them, with the vendors' own variables."""

import os
from collections.abc import Mapping

from dreaming.privacy.masking import Masking
from dreaming.privacy.user_marks import read_patterns
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import PROVIDERS, ConfiguredProvider
from dreaming.settings import Settings

CLOUD_PREFIXES = {"anthropic": "ANTHROPIC", "openai": "OPENAI"}
"""How the names of a vendor's own variables begin, as its SDK reads them."""


def configured_providers(
    settings: Settings, environment: Mapping[str, str] = os.environ
) -> dict[str, ConfiguredProvider]:
    """All providers by name, the preferred one first; one without a key is there too.

    Raises `ConfigurationError` for patterns of what is private that cannot be read.
    """
    patterns = settings.private_patterns
    masking = Masking(read_patterns(patterns)) if patterns else Masking()
    configured = {
        name: ProviderSettings(
            api_key=environment.get(f"{prefix}_API_KEY") or None,
            admin_key=environment.get(f"{prefix}_ADMIN_KEY") or None,
            base_url=environment.get(f"{prefix}_BASE_URL") or None,
            masking=masking,
        )
        for name, prefix in CLOUD_PREFIXES.items()
    }
    configured["local"] = ProviderSettings(
        base_url=settings.local_llm_url,
        model=settings.local_llm_model,
        masking=masking,
        own_hosts=settings.own_hosts,
    )
    return {name: ConfiguredProvider(name, configured[name]) for name in PROVIDERS}
