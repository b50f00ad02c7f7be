"""Searches leave a processor to whoever replaces a day, and wait for nothing else."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Barrier, BrokenBarrierError

import pytest

from dreaming.remembering.writer_priority import WriterPriority

HOLD = """
import sys
from pathlib import Path
from dreaming.remembering.writer_priority import WriterPriority

with WriterPriority(Path(sys.argv[1])).replacing():
    print("replacing", flush=True)
    sys.stdin.read()
"""


def at_once(priority: WriterPriority, count: int) -> bool:
    """Whether so many searches run at once."""
    together = Barrier(count, timeout=0.5)

    def search(_number):
        with priority.searching():
            together.wait()

    with ThreadPoolExecutor(count) as threads:
        try:
            list(threads.map(search, range(count)))
        except BrokenBarrierError:
            return False
    return True


def sooner_or_later_at_once(priority: WriterPriority, count: int) -> bool:
    """Those that look in the same moment may take one another for a writer, which is rare."""
    return any(at_once(priority, count) for _ in range(5))


@pytest.fixture
def two_processors(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("two_processors")
def test_one_search_at_a_time_runs_beside_whoever_replaces_a_day_on_two_processors(tmp_path):
    priority = WriterPriority(tmp_path / "locks")
    with priority.replacing():
        assert at_once(priority, 1)
        assert not at_once(priority, 2)
    assert sooner_or_later_at_once(priority, 8)


def test_more_processors_let_more_searches_run(tmp_path, monkeypatch):
    """Each draws its place, so that two may also draw the same one."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    priority = WriterPriority(tmp_path)
    with priority.replacing():
        assert any(at_once(priority, 2) for _ in range(10))


@pytest.mark.usefixtures("two_processors")
def test_several_days_are_replaced_at_once(tmp_path):
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(WriterPriority(tmp_path).replacing())
        assert not at_once(WriterPriority(tmp_path), 2)
    assert sooner_or_later_at_once(WriterPriority(tmp_path), 2)


@pytest.mark.usefixtures("two_processors")
def test_a_process_that_dies_leaves_nobody_waiting(tmp_path):
    command = partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with command([sys.executable, "-c", HOLD, str(tmp_path)]) as process:
        process.stdout.readline()
        assert not at_once(WriterPriority(tmp_path), 2)
        process.kill()
        process.wait()
        assert sooner_or_later_at_once(WriterPriority(tmp_path), 2)


@pytest.mark.usefixtures("two_processors")
def test_without_a_folder_nobody_waits():
    priority = WriterPriority(None)
    with priority.replacing():
        assert at_once(priority, 4)
