"""A fake vendor, a home with two days, and the tick of a nightly schedule."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project.building import build_definitions
from dreaming.testing import make_conversation
from tests.builders import talk
from tests.dagster_project.upgrades.builders import DAYS, NIGHT


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def full_home(home):
    """Two conversations on each of three days, basic."""
    for n, day in enumerate(DAYS):
        at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
        home.archive.add(
            [
                make_conversation(talk(10 * n + c), conversation_id=f"test:{n}:{c}", at=at)
                for c in range(2)
            ]
        )
        home.pipeline.run_day(day)
    return home


@pytest.fixture
def nightly(kept_instance, home, clock):
    """The tick of a nightly schedule."""
    definitions = build_definitions(home.settings, clock=clock)

    def tick(moment=NIGHT, name="upgrade_nightly"):
        context = dg.build_schedule_context(
            instance=kept_instance,
            scheduled_execution_time=moment,
            repository_def=definitions.get_repository_def(),
        )
        return definitions.resolve_schedule_def(name).evaluate_tick(context)

    return tick
