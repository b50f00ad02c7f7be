"""`dreaming ui`: Dagster's webserver, daemon and code server, in
a process group that ends as one.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

HOST = "127.0.0.1"
WORKSPACE = Path(__file__).parent / "workspace.yaml"
"""The same code location as the checkout's `workspace.yaml`, for where dreaming is installed
without its checkout.
"""

GRACE_SECONDS = 20.0
"""How long the servers have to end by themselves."""


def serve(port: int, *, folder: Path) -> int:
    """Serve the UI on 127.0.0.1 until a signal comes; returns the exit code once every process of
    it has ended.

    The servers work in `folder`: a `.env` in the caller's own would override this process's
    environment.
    """
    command = [sys.executable, "-m", "dagster", "dev", "-h", HOST, "-p", str(port)]
    # A group of its own, with SIGINT restored: started in the background, a shell's children ignore
    # it.
    servers = subprocess.Popen(
        [*command, "-w", str(WORKSPACE), "--log-level", "warning"],
        cwd=folder,
        start_new_session=True,
        restore_signals=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        return servers.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        _end(servers)


def _end(servers: "subprocess.Popen[bytes]") -> None:
    """End the servers and everything they started: first politely, then for certain."""
    try:
        family = psutil.Process(servers.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(servers.pid, wanted)
        _, family = psutil.wait_procs(family, GRACE_SECONDS)
        with suppress(subprocess.TimeoutExpired):
            servers.wait(GRACE_SECONDS if family else 1)
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(wanted)
