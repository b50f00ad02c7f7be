"""A fake vendor, and a home with talk."""

import pytest

from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from tests.builders import talk
from tests.planning.planner.builders import DAY


@pytest.fixture
def home_of_talk(any_home):
    """Eight conversations of one day, basic, and a month's budget."""
    any_home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(8)]
    )
    any_home.pipeline.run_day(DAY)
    any_home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=80_000))
    return any_home
