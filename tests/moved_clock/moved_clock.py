"""The clock that the tests and every process that they start run on: the real one, moved by the
same number of seconds.

`sitecustomize` beside this file moves it in each Python process that has this folder on its
`PYTHONPATH`; `tests/conftest` puts it there. Only the time of day moves: durations
(`time.monotonic`, `time.perf_counter`) stay real.
"""

import importlib.util
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

TODAY = "DREAMING_TEST_TODAY"
"""The environment variable of the day that the tests take for today; `python3 dev test --today
DATE` sets it.
"""
DEFAULT_TODAY = "2026-11-23"
OFFSET = "DREAMING_TEST_CLOCK_OFFSET_SECONDS"
"""The environment variable that hands the offset to child processes, so that all clocks of a test
run agree.
"""

_is_moved = False


def choose_today() -> None:
    """Decide the offset once, in the process that pytest starts, and put it into the environment of
    its children.
    """
    if OFFSET in os.environ:
        return
    noon = datetime.fromisoformat(os.environ.get(TODAY, DEFAULT_TODAY)).replace(hour=12, tzinfo=UTC)
    os.environ[OFFSET] = str(noon.timestamp() - time.time())
    folder = str(Path(__file__).parent)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, inherited] if inherited else [folder])


def move() -> None:
    """Move the clock of this process by the offset of the environment, once."""
    global _is_moved
    if _is_moved or OFFSET not in os.environ:
        return
    import time_machine

    _is_moved = True
    time_machine.travel(time.time() + float(os.environ[OFFSET]), tick=True).start()
    sys.meta_path.insert(0, RealDeadlines(time_machine.escape_hatch.time.time))


class RealDeadlines:
    """Lets gRPC, by which Dagster's processes talk, see the real time.

    It adds a timeout to the time, and its C core compares that with the real clock: on a clock that
    is behind, every call would be over before it is sent. An import hook, since importing gRPC in
    each process would take longer than most of them do.
    """

    modules = ("grpc._channel", "grpc._server", "grpc.aio._utils")

    def __init__(self, real_time):
        self._real_time = real_time

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 # as finders are called
        """The module as it is, but for the time that it sees."""
        if name not in self.modules:
            return None
        # Found by the finders that come after this one.
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        execute = spec.loader.exec_module

        def execute_with_real_time(module):
            execute(module)
            module.time = RealTime(self._real_time)

        spec.loader.exec_module = execute_with_real_time
        return spec


class RealTime:
    """The module `time`, with the real time."""

    def __init__(self, real_time):
        self.time = real_time

    def __getattr__(self, name):
        return getattr(time, name)


def move_for_tests() -> None:
    """Choose the clock and move it: for `tests/conftest.py`."""
    choose_today()
    # A worker of pytest-xdist was moved when it started, by this very module.
    sys.modules.get("moved_clock", sys.modules[__name__]).move()
