"""Measuring on one core, in CPU seconds: what others do on the
machine counts as little as can be.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import process_time

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKENIZERS_PARALLELISM",
)


def ask_for_one_thread() -> None:
    """Tell numeric libraries to use one thread; they read it when they are imported, so call this
    first.
    """
    for name in THREADS:
        os.environ[name] = "false" if name == "TOKENIZERS_PARALLELISM" else "1"


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core for the block, where the operating system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of all threads of this process that a piece of work takes."""
    started = process_time()
    work()
    return process_time() - started
