"""Runs that the daemon makes, while daemons die, or while there are two."""

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from time import sleep

import psutil

from benchmarks.servers import free_port, is_served, launch_backfill, wait_for
from benchmarks.soak_world import PATIENCE_SECONDS, Process, Soak
from dagster_project.webserver import WORKSPACE

LOOK_EACH_SECONDS = 5.0


def _kill_daemon(soak: Soak, ui: Process, port: int) -> list[Process]:
    """The daemon is killed; the UI is started again, as a person or a supervisor would."""
    for child in psutil.Process(ui.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any("daemon" in word for word in child.cmdline()):
                child.kill()
    _end(ui)
    return [_start(soak, port)]


def _second_daemon(soak: Soak, ui: Process, _port: int) -> list[Process]:
    """Another one is started beside it; nobody ends it before the UI is."""
    home = soak.environment["DREAMING_HOME"]
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(WORKSPACE)]
    environment = soak.environment | {"DAGSTER_HOME": f"{home}/dagster"}
    other = subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return [ui, other]


def _strike_the_daemon(
    strike: Callable[[Soak, Process, int], list[Process]], soak: Soak, chance: Random
) -> None:
    """Let the daemon make an initial run and an upgrade, and strike in the middle of either.

    `strike` is given the UI's process and its port, and returns what runs then, the UI first.
    """
    port = free_port()
    ui, others = _start(soak, port), list[Process]()
    try:
        for command in (("run", "--queue", "--json"), (*soak.upgrade(), "--queue")):
            if told := soak.run(*command):
                raise RuntimeError(told)
            sleep(chance.uniform(0.0, 12.0))
            ui, *more = strike(soak, ui, port)
            others += more
            _wait_until(
                lambda: all(run["has_ended"] for run in soak.look()["runs"]), "A run does not end"
            )
    finally:
        for process in (*others, ui):
            _end(process)


def _same_backfill_twice(soak: Soak, chance: Random) -> None:
    """All days are backfilled, and the same at once or a little later: first what is free, then an
    upgrade.
    """
    port = free_port()
    ui = _start(soak, port)
    try:
        for config in ({}, {"target_quality": "good", "budget": {"max_tokens": soak.max_tokens}}):
            for _ in range(2):
                launch_backfill(f"http://127.0.0.1:{port}", soak.days, config)
                sleep(chance.uniform(0.0, 6.0))
            _wait_until(lambda: soak.look()["backfills_ended"], "The backfills do not end")
    finally:
        _end(ui)


DAEMON_FAULTS: Mapping[str, Callable[[Soak, Random], None]] = {
    "daemon killed": partial(_strike_the_daemon, _kill_daemon),
    "two daemons": partial(_strike_the_daemon, _second_daemon),
    "the same backfill twice": _same_backfill_twice,
}


def _wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """Look at times whether it is so; raises `RuntimeError` when it does not come to be."""
    if not wait_for(condition, PATIENCE_SECONDS, pause_seconds=LOOK_EACH_SECONDS):
        raise RuntimeError(f"{otherwise}: waited for {PATIENCE_SECONDS:.0f} s.")


def _start(soak: Soak, port: int) -> Process:
    ui = soak.start("ui", "--port", str(port))
    if not wait_for(lambda: is_served(f"http://127.0.0.1:{port}/server_info"), PATIENCE_SECONDS):
        raise RuntimeError("The UI did not start.")
    return ui


def _end(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
