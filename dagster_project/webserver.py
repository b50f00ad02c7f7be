"""`dreaming ui`: Dagster's webserver, daemon and code server, in one process group."""

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
"""The same code location as in the checkout's `workspace.yaml`, for an installed dreaming."""

GRACE_SECONDS = 20.0
"""Wait after each signal, before the next and harder one."""


def serve(port: int, *, folder: Path) -> int:
    """Serve the UI on 127.0.0.1 until a signal comes; returns the exit code.

    All its processes have ended then. They work in `folder`: Dagster reads a `.env` in its working
    folder, and the caller's own could override the environment of this process.
    """
    command = [sys.executable, "-m", "dagster", "dev", "-h", HOST, "-p", str(port)]
    # A group of its own, so that all its processes can be signalled at once. SIGINT is restored:
    # children of a shell's background job ignore it.
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
    """End the servers and all that they started, with harder and harder signals."""
    # Listed before the parent ends: its children have another parent afterwards.
    try:
        children = psutil.Process(servers.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(servers.pid, signal_number)
        _, children = psutil.wait_procs(children, GRACE_SECONDS)
        with suppress(subprocess.TimeoutExpired):
            servers.wait(GRACE_SECONDS if children else 1)
        # Those in process groups of their own, which the signal to the group does not reach.
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(signal_number)
