"""A fleet: PostgreSQL, S3, Celery and one or two workers in networks of their own; a backfill and
its upgrade.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from urllib.request import urlopen

import dagster as dg
import fsspec
from dagster import DagsterRunStatus
from dagster._core.execution.backfill import BulkActionStatus

from benchmarks.corpus import Corpus, make_conversations
from benchmarks.fleet_machines import (
    PATIENCE_SECONDS,
    network,
    process,
    redis,
    s3,
    script,
    worker,
)
from benchmarks.result import Aim, Cell, Result
from benchmarks.servers import (
    bare_environment,
    fake_vendor,
    free_port,
    is_served,
    launch_backfill,
    postgresql,
    wait_for,
)
from dagster_project.jobs import RANGE_TAGS
from dagster_project.launches import Launch
from dagster_project.webserver import WORKSPACE
from dreaming.days import day_range
from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.storage.partitions import PartitionStore

DEPLOY = Path(__file__).parent.parent / "deploy" / "compose"
FIRST_DAY, DAY_COUNT = date(2026, 1, 1), 90
CONVERSATION_BYTES = (3_000, 6_000)
DAYS_A_RUN = 5
LATENCY_SECONDS = 0.5
AMPLE, TIGHT = 10_000_000, 60_000
"""Tokens: more than all days take, and about a fifth of it."""
BACKFILL_SECONDS = 1_800

_CHUNKS: tuple[Literal["basic_chunks"], Literal["upgraded_chunks"]] = (
    "basic_chunks",
    "upgraded_chunks",
)
_NOT_THE_SAME = {"created_at", "processing_time_ms", "request_id", "chunk_id"}
"""Columns that tell when something was made and by which call; a bought chunk's id is a hash of its
call's, too, and of topics the origin is the call.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a backfill came to."""

    seconds: float
    """From the beginning of its first run to the end of its last."""
    runs: int
    workers: int
    """Those that had a run."""
    calls: int
    charged_tokens: int
    hashes: Mapping[str, str]
    """Of `raw_conversations` as files, of the chunks each column over all days, without what cannot
    be the same.
    """


def measure_fleet(corpus: Corpus, *, days: int = DAY_COUNT) -> Result:
    """Make the backfill on one machine without Celery, with one and two workers, and with a budget
    that ends it.
    """
    dates = [FIRST_DAY + timedelta(days=n) for n in range(days)]
    tight = TIGHT * days // DAY_COUNT
    single = single_machine(corpus, dates, AMPLE)
    fleets = [
        (count, budget, fleet(corpus, dates, budget, workers=count))
        for count, budget in ((1, AMPLE), (2, AMPLE), (2, tight))
    ]
    rows = [_row("one machine, SQLite, files", AMPLE, single, single)]
    rows += [_row(f"{count} workers", budget, made, single) for count, budget, made in fleets]
    worst = max(float(row["over"] or 0) for row in rows)
    one, two = (made.seconds for _, _, made in fleets[:2])
    return Result(
        name="fleet",
        title=f"a backfill of {days} days with an upgrade, runs of {DAYS_A_RUN} days",
        rows=tuple(rows),
        aims=(
            Aim("tokens charged over the budget", worst, bound=0, at_most=True),
            Aim("two workers as fast as so many", one / two, bound=1.5, at_most=False),
        ),
        notes=(f"Text: {corpus.source}.", f"Vendor: {LATENCY_SECONDS:g} s a call."),
    )


def _row(name: str, budget: int, made: Outcome, single: Outcome) -> dict[str, Cell]:
    others = sorted(name for name in single.hashes if made.hashes[name] != single.hashes[name])
    return {
        "machines": name,
        "budget": budget,
        "seconds": made.seconds,
        "runs": made.runs,
        "had runs": made.workers,
        "calls": made.calls,
        "charged": made.charged_tokens,
        "over": max(0, made.charged_tokens - budget),
        "columns other than on one machine": ", ".join(others[:2])
        + (" ..." if len(others) > 2 else "")
        or "none",
    }


def single_machine(corpus: Corpus, dates: list[date], budget: int) -> Outcome:
    """The same days as one run of this machine, on SQLite and files."""
    with (
        TemporaryDirectory(prefix="dreaming-single-") as name,
        fake_vendor(LATENCY_SECONDS) as vendor,
    ):
        environment = _environment(Path(name), vendor)
        _fill(environment, corpus, dates)
        tags = dict(zip(RANGE_TAGS, (str(dates[0]), str(dates[-1])), strict=True))
        launch = Launch("initial", {"ops": {"dreaming": {"config": _config(budget)}}}, tags)
        started = time.perf_counter()
        command = [sys.executable, "-m", "dagster_project.running"]
        subprocess.run(
            command,
            input=json.dumps(asdict(launch)).encode(),
            env=environment,
            check=True,
            capture_output=True,
        )
        return _outcome(
            environment, vendor, dates, time.perf_counter() - started, runs=1, workers=1
        )


def fleet(corpus: Corpus, dates: list[date], budget: int, *, workers: int) -> Outcome:
    """The same days as a backfill whose runs go to so many workers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="dreaming-fleet-")))
        host, machines = stack.enter_context(network(workers))
        vendor = stack.enter_context(fake_vendor(LATENCY_SECONDS, host))
        environment = _environment(folder, vendor) | {
            "DREAMING_DATABASE_URL": stack.enter_context(postgresql(folder / "postgres")),
            "DREAMING_STORE": "s3://dreams/partitions",
            "DREAMING_DAYS_A_RUN": str(DAYS_A_RUN),
            "DREAMING_EXECUTOR": "celery",
            "AWS_ENDPOINT_URL": stack.enter_context(s3(host, folder)),
            "AWS_ACCESS_KEY_ID": "fake",
            "AWS_SECRET_ACCESS_KEY": "fake",
        }
        broker = stack.enter_context(redis(host, folder))
        environment |= {"CELERY_BROKER_URL": f"{broker}/0", "CELERY_RESULT_BACKEND": f"{broker}/1"}
        shutil.copy(DEPLOY / "dagster-celery.yaml", folder / "dagster" / "dagster.yaml")
        _fill(environment, corpus, dates)
        for number, machine in enumerate(machines, start=1):
            # What a machine of its own would have for itself.
            own = {"DREAMING_HOME": str(folder / f"home{number}")}
            (folder / f"home{number}").mkdir()
            stack.enter_context(
                worker(
                    machine,
                    f"w{number}",
                    "dagster",
                    DEPLOY / "celery.yaml",
                    environment | own,
                    folder,
                )
            )
        runs = _backfill(environment, dates, budget, folder)
        seconds = max(run.end_time for run in runs) - min(run.start_time for run in runs)
        had = {run.worker for run in runs}
        return _outcome(environment, vendor, dates, seconds, runs=len(runs), workers=len(had))


@dataclass(frozen=True, slots=True)
class _Run:
    start_time: float
    end_time: float
    worker: str


def _backfill(
    environment: Mapping[str, str], dates: list[date], budget: int, folder: Path
) -> list[_Run]:
    """Make a backfill through the UI's server and the daemon; its runs."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    served = [script("dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), "-w", str(WORKSPACE)]
    with _instance(environment) as instance:
        # Days that imports have touched would be run by it, too.
        _run(environment, "sensor", "stop", "imports", "-w", str(WORKSPACE))
        with process(served, environment=environment, log=folder / "webserver.log", cwd=folder):
            _wait(lambda: is_served(f"{url}/server_info"), PATIENCE_SECONDS)
            backfill_id = launch_backfill(url, dates, _config(budget))
        daemon = [script("dagster-daemon"), "run", "-w", str(WORKSPACE)]
        with process(daemon, environment=environment, log=folder / "daemon.log", cwd=folder):
            _wait(lambda: _has_ended(instance, backfill_id), BACKFILL_SECONDS)
        records = instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
        failed = [
            record for record in records if record.dagster_run.status != DagsterRunStatus.SUCCESS
        ]
        if failed:
            raise RuntimeError(f"{len(failed)} runs of the backfill did not end well.")
        return [
            _Run(
                record.start_time or 0,
                record.end_time or 0,
                _host(instance, record.dagster_run.run_id),
            )
            for record in records
        ]


def _host(instance: dg.DagsterInstance, run_id: str) -> str:
    """Which process made a run."""
    started = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    pids = [
        str(entry.value)
        for record in started
        if record.dagster_event
        for name, entry in record.dagster_event.engine_event_data.metadata.items()
        if name == "pid"
    ]
    return pids[0] if pids else ""


def _has_ended(instance: dg.DagsterInstance, backfill_id: str) -> bool:
    backfill = instance.get_backfill(backfill_id)
    if backfill is not None and backfill.status in (
        BulkActionStatus.FAILED,
        BulkActionStatus.COMPLETED_FAILED,
    ):
        raise RuntimeError(f"The backfill failed: {backfill.error}")
    return backfill is not None and backfill.status == BulkActionStatus.COMPLETED_SUCCESS


def _config(budget: int) -> dict[str, Any]:
    return {"target_quality": "good", "budget": {"max_tokens": budget}}


def _environment(folder: Path, vendor: str) -> dict[str, str]:
    """What every process has."""
    (folder / "dagster").mkdir()
    return bare_environment() | {
        "DREAMING_HOME": str(folder / "home"),
        "DAGSTER_HOME": str(folder / "dagster"),
        "DREAMING_TIMEZONE": "UTC",
        "ANTHROPIC_API_KEY": "sk-fake",
        "ANTHROPIC_BASE_URL": vendor,
    }


@contextmanager
def _inside(environment: Mapping[str, str]) -> Iterator[None]:
    """This process with an environment, as the drivers of S3 and Dagster read it."""
    before = dict(os.environ)
    os.environ.update(environment)
    # One that was opened for another server would be used again.
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _instance(environment: Mapping[str, str]) -> Iterator[dg.DagsterInstance]:
    with _inside(environment), dg.DagsterInstance.get() as instance:
        yield instance


def _run(environment: Mapping[str, str], *words: str) -> None:
    subprocess.run(
        [script("dagster"), *words], env=dict(environment), check=True, capture_output=True
    )


def _wait(condition: Any, seconds: float) -> None:
    if not wait_for(condition, seconds, pause_seconds=0.5):
        raise TimeoutError(f"waited {seconds:g} s in vain")


def _fill(environment: Mapping[str, str], corpus: Corpus, dates: list[date]) -> None:
    with (
        _inside(environment),
        open_home(Settings.from_environment(), folders=(), sources=()) as home,
    ):
        for day in day_range(dates[0], dates[-1]):
            home.archive.add(make_conversations(corpus, day, conversation_bytes=CONVERSATION_BYTES))


def _outcome(
    environment: Mapping[str, str],
    vendor: str,
    dates: list[date],
    seconds: float,
    *,
    runs: int,
    workers: int,
) -> Outcome:
    with urlopen(f"{vendor}/_books") as reply:
        books = json.load(reply)
    with _inside(environment):
        settings = Settings.from_environment()
        store = PartitionStore(settings.store_url, staging=settings.home / "staged")
        hashes = _hashes(store, dates)
    return Outcome(seconds, runs, workers, books["served"], books["charged_tokens"], hashes)


def _hashes(store: PartitionStore, dates: list[date]) -> dict[str, str]:
    files = "".join(store.hash_of("raw_conversations", day) or "" for day in dates)
    found = {"raw_conversations": hashlib.sha256(files.encode())}
    for asset, day in product(_CHUNKS, dates):
        with store.open_chunks(asset, day) as chunks:  # type: ignore[arg-type] # product forgets which texts they are
            table = chunks.table([name for name in chunks.columns if name not in _NOT_THE_SAME])
        for name in table.column_names:
            cells = table.column(name).to_pylist()
            if name == "topics":
                cells = [[each | {"origin": None} for each in topics] for topics in cells]
            found.setdefault(f"{asset}.{name}", hashlib.sha256()).update(repr(cells).encode())
    return {name: each.hexdigest() for name, each in found.items()}
