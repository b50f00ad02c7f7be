"""Runs that the daemon makes, while daemons die, or while there are two."""

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from time import sleep

import psutil

from benchmarks.soak_world import PATIENCE_SECONDS, Process, Soak, wait_for
from dagster_project.webserver import WORKSPACE

LOOK_EACH_SECONDS = 5.0


def _kill_daemon(soak: Soak, ui: Process, port: int) -> Process:
    """The daemon is killed; the UI is started again, as a person or a supervisor would."""
    for child in psutil.Process(ui.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any("daemon" in word for word in child.cmdline()):
                child.kill()
    _end(ui)
    return _start(soak, port)


def _second_daemon(soak: Soak, ui: Process, _port: int) -> Process:
    """Another one is started beside it; nobody ends it before the UI is."""
    home = soak.environment["DREAMING_HOME"]
    command = [sys.executable, "-m", "dagster._daemon", "run", "-w", str(WORKSPACE)]
    environment = soak.environment | {"DAGSTER_HOME": f"{home}/dagster"}
    other = subprocess.Popen(
        command, env=environment, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    _OTHERS.append(other)
    return ui


DAEMON_FAULTS: Mapping[str, Callable[[Soak, Process, int], Process]] = {
    "daemon killed": _kill_daemon,
    "two daemons": _second_daemon,
}
_OTHERS: list[Process] = []


def strike_daemon(name: str, soak: Soak, chance: Random) -> None:
    """Let the daemon make an initial run and an upgrade, and strike in the middle of either."""
    port = _free_port()
    ui = _start(soak, port)
    try:
        for command in (("run", "--queue", "--json"), (*soak.upgrade(), "--queue")):
            if told := soak.run(*command):
                raise RuntimeError(told)
            sleep(chance.uniform(0.0, 12.0))
            ui = DAEMON_FAULTS[name](soak, ui, port)
            _wait_for_rest(soak)
    finally:
        for other in _OTHERS:
            _end(other)
        _OTHERS.clear()
        _end(ui)


def _wait_for_rest(soak: Soak) -> None:
    def is_at_rest() -> bool:
        sleep(LOOK_EACH_SECONDS)
        return all(run["has_ended"] for run in soak.look()["runs"])

    wait_for(is_at_rest)


def _start(soak: Soak, port: int) -> Process:
    ui = soak.start("ui", "--port", str(port))
    if not wait_for(lambda: _is_up(port)):
        raise RuntimeError("The UI did not start.")
    return ui


def _end(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
