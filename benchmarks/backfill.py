"""What Dagster costs a day: a year of small days as one run,
beside the same work without Dagster.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from assets.config import DreamingConfig
from assets.day import STAGES
from assets.stage import Work
from benchmarks.corpus import Corpus
from benchmarks.result import Aim, Cell, Result
from benchmarks.year import DAY_COUNT, days, year_home
from dagster_project.instance import dagster_yaml, open_instance
from dagster_project.launches import Launch
from dagster_project.running import execute
from dreaming.errors import StorageError
from dreaming.home import Home

ROUNDS = 3
WARM_UP_DAYS = 3
"""Run once before: imports and first tables are no part of a day."""
AIM_MS_A_DAY = 30.0

ALONE = "Pipeline.run_day"
WITH_CHECKS = "the same and the asset checks"
SAME_WORK = "the same work, checks included, without Dagster"
OURS = "Dagster, our event log"
STOCK = "Dagster, its own event log"

Way = Callable[[Home, Sequence[date], Path], None]
"""Runs days of a home; the folder, not made yet, is where Dagster may keep its own."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a year took."""

    wall_seconds: float
    cpu_seconds: float


CLOCKS: dict[str, Callable[[_Taken], float]] = {
    "wall": lambda taken: taken.wall_seconds,
    "CPU": lambda taken: taken.cpu_seconds,
}
"""Wall time has the disk's flushes in it, and whatever else the machine does."""


def measure_backfill(corpus: Corpus) -> Result:
    """Run the year in each way, in turns, each time in a new home."""
    _measure(_through_dagster, corpus, days()[:WARM_UP_DAYS])
    taken: dict[str, list[_Taken]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, run in WAYS.items():
            taken[name].append(_measure(run, corpus, days()))
    above = _ms_above(taken, OURS, CLOCKS["wall"], base=WITH_CHECKS)
    return Result(
        name="backfill",
        title=f"{DAY_COUNT} small days as one run, medians of {ROUNDS} rounds",
        rows=tuple(_row(name, taken) for name in WAYS),
        aims=(
            Aim(
                f"at most {AIM_MS_A_DAY:g} ms a day above {SAME_WORK}",
                above,
                bound=AIM_MS_A_DAY,
                at_most=True,
            ),
        ),
        notes=(f"Text: {corpus.source}.",),
    )


def _row(name: str, taken: dict[str, list[_Taken]]) -> dict[str, Cell]:
    row: dict[str, Cell] = {"way": name}
    for label, clock in CLOCKS.items():
        row[f"{label} ms a day"] = median(map(clock, taken[name])) / DAY_COUNT * 1000
        row[f"{label} above"] = None if name == ALONE else _ms_above(taken, name, clock)
    return row


def _ms_above(
    taken: dict[str, list[_Taken]],
    name: str,
    clock: Callable[[_Taken], float],
    *,
    base: str = ALONE,
) -> float:
    """How much more a day takes than in another way: the median over the rounds."""
    more = (
        clock(mine) - clock(other) for mine, other in zip(taken[name], taken[base], strict=True)
    )
    return median(more) / DAY_COUNT * 1000


def _measure(run: Way, corpus: Corpus, of_days: Sequence[date]) -> _Taken:
    with (
        TemporaryDirectory(prefix="dreaming-backfill-") as folder,
        year_home(Path(folder), corpus, of_days) as home,
    ):
        wall, cpu = perf_counter(), process_time()
        run(home, of_days, Path(folder) / "dagster")
        return _Taken(perf_counter() - wall, process_time() - cpu)


def _alone(home: Home, of_days: Sequence[date], _folder: Path) -> None:
    for day in of_days:
        home.pipeline.run_day(day)


def _with_checks(home: Home, of_days: Sequence[date], _folder: Path) -> None:
    work = Work(home, DreamingConfig(), None)
    for day in of_days:
        for stage in STAGES:
            stage.materialize(work, day)
            for check in stage.checks:
                check.evaluate(home, day)


def _through_dagster(home: Home, of_days: Sequence[date], folder: Path) -> None:
    with _dagster_home(folder), open_instance(home.settings) as instance:
        outcome = execute(
            home, instance, Launch.of_days(of_days, rechunk="outdated", stage="initial")
        )
        if outcome.failed or outcome.interrupted:
            raise StorageError(
                f"The run that was to be measured ended as {outcome.status}: {outcome.message}"
            )


def _through_stock_dagster(home: Home, of_days: Sequence[date], folder: Path) -> None:
    folder.mkdir()
    # An existing dagster.yaml is left as it is: without our storage, Dagster takes its own.
    shipped = dagster_yaml(folder, on_postgresql=False)
    stock = re.sub(r"^event_log_storage:.*\n(?:[ \t].*\n)*", "", shipped, flags=re.MULTILINE)
    (folder / "dagster.yaml").write_text(stock, encoding="utf-8")
    _through_dagster(home, of_days, folder)


@contextmanager
def _dagster_home(folder: Path) -> Iterator[None]:
    before = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DAGSTER_HOME"]
        else:
            os.environ["DAGSTER_HOME"] = before


WAYS: dict[str, Way] = {
    ALONE: _alone,
    WITH_CHECKS: _with_checks,
    OURS: _through_dagster,
    STOCK: _through_stock_dagster,
}
"""How the year can be run."""
