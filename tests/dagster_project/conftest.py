"""A Dagster instance for schedules and sensors."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def _one_instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(set_dagster_home=False) as instance:
        yield instance


@pytest.fixture
def kept_instance(_one_instance: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """One for all ticks: they want one that has a reference, and Dagster remembers the last such
    one for good.
    """
    yield _one_instance
    _one_instance.wipe()
