"""Providers against the fake vendor over real HTTP, one after the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from dreaming.providers.provider import LLMProvider, ProviderSettings
from dreaming.providers.registry import make_provider
from dreaming.testing.fake_vendor import FakeVendor

TODAY = date(2026, 11, 24)
KEY = "sk-very-secret-0123456789"


@dataclass(frozen=True)
class Target:
    """A provider by name, and how it finds the fake vendor."""

    name: str
    suffix: str = ""
    model: str | None = None
    own_server: bool = False

    def serve(self, **options: Any) -> FakeVendor:
        """The vendor that it speaks to."""
        return FakeVendor(own_server=self.own_server, **options)

    def provider(self, vendor: FakeVendor | str, **settings: Any) -> LLMProvider:
        """The provider, towards a vendor or an address."""
        url = vendor if isinstance(vendor, str) else vendor.url
        given = {
            "api_key": KEY,
            "base_url": url + self.suffix,
            "model": self.model,
            "timeout_seconds": 5,
        } | settings
        return make_provider(self.name, ProviderSettings(**given), today=TODAY)


TARGETS = {
    "anthropic": Target("anthropic"),
    "openai": Target("openai", "/v1"),
    "ollama": Target("local", model="fake-model"),
    "own server": Target("local", "/v1", model="fake-model", own_server=True),
}


@pytest.fixture(params=TARGETS)
def target(request) -> Target:
    """Each provider."""
    return TARGETS[request.param]


@pytest.fixture
def serve(target) -> Iterator[Callable[..., FakeVendor]]:
    """Starts the vendor of the provider."""
    entered: list[FakeVendor] = []

    def start(**options: Any) -> FakeVendor:
        vendor = target.serve(**options).__enter__()
        entered.append(vendor)
        return vendor

    yield start
    for vendor in entered:
        vendor.__exit__(None, None, None)
