"""A fake vendor that takes batches, and a home with talk."""

import pytest

from tests.buying.batches.builders import PROVIDERS, TIMES, fill


@pytest.fixture(params=range(TIMES))
def number(request):
    return request.param


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture
def home_of_talk(any_home):
    """Four conversations of one day, basic."""
    fill(any_home)
    return any_home
