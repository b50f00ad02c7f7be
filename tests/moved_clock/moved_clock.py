"""The clock that the tests and every process that they start run on: the real one, moved by the
same number of seconds.

`sitecustomize` beside this file moves it in each Python process that has this folder on its
`PYTHONPATH`; `tests/conftest` puts it there. Only the time of day moves: durations
(`time.monotonic`, `time.perf_counter`) stay real.
"""

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


def move_for_tests() -> None:
    """Choose the clock and move it: for `tests/conftest.py`."""
    choose_today()
    # A worker of pytest-xdist was moved when it started, by this very module.
    sys.modules.get("moved_clock", sys.modules[__name__]).move()
