"""Which process makes which run, and ending runs whose process is gone.

Dagster does not monitor a run in the command's own process: killed, it would stay "started" for
ever and keep its concurrency slots. So its process registers as its owner, and renews that while it
lives (a heartbeat). The storage that frees slots is private to Dagster.
"""

import os
import signal
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
"""Also the delay with which Terminate in the UI reaches the process."""
SILENCE_LIMIT = timedelta(minutes=5)
"""A process on another machine counts as dead without a heartbeat for this long.

Much longer than a heartbeat: a machine may be asleep, or a database busy.
"""

UNFINISHED = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


@contextmanager
def signed_for(run_id: str, instance: dg.DagsterInstance, ledger: Database) -> Iterator[None]:
    """Own a run during the block, with heartbeats.

    This process is interrupted when the UI terminates the run.
    """
    _sign(run_id, ledger)
    done = Event()
    # A daemon thread: a process that must end does not wait for it.
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
        # A run that is not finished keeps its owner. Its end could not be written, for example on
        # a full disk: `fail_orphaned_runs` of a later process ends it.
        if run is None or run.is_finished:
            _sign_off(run_id, ledger)


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
    was_interrupted = False
    own_row = run_owners.update().where(run_owners.c.run_id == run_id)
    while not done.wait(BEAT_SECONDS):
        with ledger.write() as connection:
            connection.execute(own_row.values(beat_at=datetime.now(UTC)))
        run = instance.get_run_by_id(run_id)
        is_canceling = run is not None and run.status == DagsterRunStatus.CANCELING
        # Once only: a second interrupt would break off the orderly end that the first began.
        if is_canceling and not was_interrupted:
            was_interrupted = True
            psutil.Process(os.getpid()).send_signal(signal.SIGINT)


def fail_orphaned_runs(instance: dg.DagsterInstance, ledger: Database) -> list[str]:
    """End the unfinished runs whose process is gone, and free their slots; returns their ids."""
    with ledger.read() as connection:
        owners = connection.execute(sa.select(run_owners)).all()
    ended_ids = []
    for owner in owners:
        if _is_alive(owner):
            continue
        run = instance.get_run_by_id(owner.run_id)
        if run is not None and run.status in UNFINISHED:
            _end(instance, run)
            ended_ids.append(owner.run_id)
        # A run that wrote its end may still have been killed before it freed its slots.
        instance.event_log_storage.free_concurrency_slots_for_run(owner.run_id)
        # Last: when this process dies in between, the next one does it all again.
        _sign_off(owner.run_id, ledger)
    return ended_ids


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    if run.status == DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The process that made this run ended after Terminate.")
    else:
        instance.report_run_failed(
            run, "The process that made this run is gone: it was killed, or the machine stopped."
        )


def _is_alive(owner: sa.Row[tuple[object, ...]]) -> bool:
    is_alive = ProcessIdentity.parse(owner.process).is_alive()
    if is_alive is not None:
        return is_alive
    # A process on another machine cannot be looked up: only its heartbeat shows that it lives.
    return bool(datetime.now(UTC) - owner.beat_at < SILENCE_LIMIT)
