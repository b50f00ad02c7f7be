"""A fake vendor with books of its own, and a home with talk."""

import pytest

from dreaming.testing import make_conversation
from tests.builders import talk
from tests.buying.upgrades.builders import DAY


@pytest.fixture
def home_of_talk(any_home):
    """Four conversations of one day, basic."""
    any_home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(4)]
    )
    any_home.pipeline.run_day(DAY)
    return any_home
