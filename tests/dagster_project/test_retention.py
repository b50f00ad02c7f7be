"""Old runs are deleted, and what the UI shows of days is not."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project.retention import delete_old_runs
from dreaming.errors import ConfigurationError
from dreaming.settings import Settings

DAYS = dg.DailyPartitionsDefinition("2026-03-01")


@dg.asset(partitions_def=DAYS)
def chunks() -> None:
    """Nothing."""


@dg.asset(partitions_def=DAYS)
def bad() -> None:
    """Fails."""
    raise ValueError("no")


def make(instance, day, asset=chunks):
    return dg.materialize(
        [asset], instance=instance, partition_key=day, raise_on_error=False
    ).run_id


def test_a_run_is_deleted_when_another_one_made_its_day_again(kept_instance):
    """Failed ones too; the newest of each day stays, however old,
    and so do all that are not old.
    """
    old = [
        make(kept_instance, "2026-03-01"),
        make(kept_instance, "2026-03-01"),
        make(kept_instance, "2026-03-02"),
    ]
    failed = make(kept_instance, "2026-03-03", bad)
    before = datetime.now(UTC)
    new = make(kept_instance, "2026-03-04")
    assert delete_old_runs(kept_instance, before=before) == (2, None)
    assert {run.run_id for run in kept_instance.get_runs()} == {old[1], old[2], new}
    assert failed not in {run.run_id for run in kept_instance.get_runs()}
    assert kept_instance.get_materialized_partitions(chunks.key) == {
        "2026-03-01",
        "2026-03-02",
        "2026-03-04",
    }


@pytest.mark.long
def test_so_many_are_looked_at_and_the_next_time_goes_on(kept_instance):
    """Runs that stay do not hide those behind them."""
    for n in range(1, 6):
        make(kept_instance, f"2026-03-{n:02}")
    again = [make(kept_instance, "2026-03-05") for _ in range(2)]
    after, deleted, ticks = None, 0, 0
    before = datetime.now(UTC) + timedelta(days=1)
    while ticks == 0 or after:
        found, after = delete_old_runs(kept_instance, before=before, after=after, most=2)
        deleted, ticks = deleted + found, ticks + 1
    assert deleted == 2
    assert again[1] in {run.run_id for run in kept_instance.get_runs()}
    assert ticks < 10


def test_what_is_no_number_of_days_is_refused():
    """With the variable and its value."""
    with pytest.raises(ConfigurationError, match="DREAMING_KEEP_RUNS_DAYS='long'"):
        Settings.from_environment({"DREAMING_HOME": "/tmp/x", "DREAMING_KEEP_RUNS_DAYS": "long"})
