"""Which servers are on this machine."""

from datetime import date

import pytest

from dreaming.providers.machines import is_here
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import make_provider

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://localhost:8080/v1", True),
        ("localhost:11434", True),
        ("http://[::1]:11434", True),
        ("http://gpu.localhost/v1", True),
        ("http://192.168.1.5:11434", False),
        ("http://10.0.0.8/v1", False),
        ("http://ollama:11434", False),
        ("https://api.example.com/v1", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost@example.com/v1", False),
        ("http://0.0.0.0:11434", False),
        ("", False),
    ],
)
def test_only_loopback_is_this_machine(url, here):
    """A private network may be anybody's, unless its host is named as one's own."""
    assert is_here(url) == here


def test_a_host_that_is_named_as_ones_own_counts_as_this_machine():
    """By its name or address, whatever the port."""
    assert is_here("http://GPU-box:11434/v1", ["gpu-box"])
    assert is_here("http://192.168.1.5:1/", ["192.168.1.5"])


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        ({}, True),
        ({"base_url": "http://127.0.0.1:1/v1"}, True),
        ({"base_url": "http://192.168.1.5:1/v1"}, False),
        ({"base_url": "http://192.168.1.5:1/v1", "own_hosts": ("192.168.1.5",)}, True),
        ({"model": "gpt-oss:120b-cloud"}, False),
    ],
)
def test_a_local_llm_elsewhere_is_shown_as_little_as_a_cloud(settings, stays):
    """And so is a model that the server here only passes on to one."""
    assert make_provider("local", ProviderSettings(**settings), today=TODAY).stays_here == stays


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_a_vendor_on_loopback_is_still_a_cloud(name):
    """What listens there may be a proxy."""
    settings = ProviderSettings(api_key="k", base_url="http://127.0.0.1:1/v1")
    assert not make_provider(name, settings, today=TODAY).stays_here
