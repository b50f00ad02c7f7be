"""Providers by name, with names of models as users write them."""

import logging
from datetime import date

import pytest

from dreaming.errors import ConfigurationError
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import PROVIDERS, make_provider

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("name", "asked", "served"),
    [
        ("anthropic", "claude-haiku-3-5", "claude-haiku-4-5"),
        ("openai", "gpt-4o-mini", "gpt-4o-mini"),
        ("local", "llama-3.2-3b", "llama3.2:3b"),
    ],
)
def test_each_has_the_default_model_of_the_design(name, asked, served):
    """And that of no other."""
    provider = make_provider(name, ProviderSettings(), today=TODAY)
    assert (provider.name, provider.model.asked, provider.model.served) == (name, asked, served)
    assert provider.is_local == (name == "local")


def test_an_unknown_provider_is_refused_with_those_there_are():
    """By name."""
    with pytest.raises(ConfigurationError, match=f"'google'.*{', '.join(PROVIDERS)}"):
        make_provider("google", ProviderSettings(), today=TODAY)


def test_the_end_of_a_model_is_warned_about(caplog):
    """Before it comes, once a process."""
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            make_provider("openai", ProviderSettings(model="gpt-5-nano"), today=TODAY)
    assert caplog.text.count("ends on 2026-12-11") == 1


def test_names_and_levels_of_the_users_own_come_first():
    """As the config says."""
    settings = ProviderSettings(model="mine", aliases={"mine": "gpt-5.5"}, quality_level="good")
    model = make_provider("openai", settings, today=TODAY).model
    assert (model.asked, model.served, model.quality_level) == ("mine", "gpt-5.5", "good")
