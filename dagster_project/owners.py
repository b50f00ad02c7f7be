"""Which process makes which run, and what becomes of runs whose process is gone.

A run in the command's own process is watched by nobody else: killed, it would stay "started" for
ever and keep its concurrency slots. So its process signs for it, and beats while it lives.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import dagster as dg
import psutil
import sqlalchemy as sa
from dagster import DagsterRunStatus

from dreaming.processes import ProcessIdentity, this_process
from dreaming.storage.database import Database
from dreaming.storage.tables import run_owners

BEAT_SECONDS = 2.0
SILENCE_LIMIT = timedelta(minutes=5)
"""A process on another machine is taken for dead when it has not beaten for so long."""

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@contextmanager
def signed_for(run_id: str, instance: dg.DagsterInstance, ledger: Database) -> Iterator[None]:
    """Sign for a run for the time of the block, beating, and interrupt this process when the UI
    terminates the run.
    """
    _sign(run_id, ledger)
    done = Event()
    heart = Thread(
        target=_beat, args=(run_id, instance, ledger, done), name="heartbeat", daemon=True
    )
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            _sign_off(run_id, ledger)
        # Else its end could not be written, on a full disk for example: when this process is gone,
        # somebody else does.


def _sign_off(run_id: str, ledger: Database) -> None:
    with ledger.write() as connection:
        connection.execute(run_owners.delete().where(run_owners.c.run_id == run_id))


def _sign(run_id: str, ledger: Database) -> None:
    with ledger.write() as connection:
        connection.execute(
            run_owners.insert().values(
                run_id=run_id, process=str(this_process()), beat_at=datetime.now(UTC)
            )
        )


def _beat(run_id: str, instance: dg.DagsterInstance, ledger: Database, done: Event) -> None:
    interrupted = False
    while not done.wait(BEAT_SECONDS):
        with ledger.write() as connection:
            connection.execute(
                run_owners.update()
                .where(run_owners.c.run_id == run_id)
                .values(beat_at=datetime.now(UTC))
            )
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status == DagsterRunStatus.CANCELING and not interrupted:
            interrupted = True
            psutil.Process(os.getpid()).send_signal(2)


def fail_orphaned_runs(instance: dg.DagsterInstance, ledger: Database) -> list[str]:
    """End the unfinished runs whose process is gone, and free their slots; returns their ids."""
    with ledger.read() as connection:
        owners = connection.execute(sa.select(run_owners)).all()
    ended = []
    for owner in owners:
        if _is_alive(owner):
            continue
        run = instance.get_run_by_id(owner.run_id)
        if run is not None and run.status in UNFINISHED:
            _end(instance, run)
            ended.append(owner.run_id)
        instance.event_log_storage.free_concurrency_slots_for_run(owner.run_id)
        _sign_off(owner.run_id, ledger)
    return ended


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    if run.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The process that made this run ended after Terminate.")
    else:
        instance.report_run_failed(
            run, "The process that made this run is gone: it was killed, or the machine stopped."
        )


def _is_alive(owner: sa.Row[tuple[object, ...]]) -> bool:
    alive = ProcessIdentity.parse(owner.process).is_alive()
    return bool(datetime.now(UTC) - owner.beat_at < SILENCE_LIMIT) if alive is None else alive
