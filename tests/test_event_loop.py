"""An event loop beside a thread that must stay interruptible."""

import asyncio
import signal
import sys
import threading
import time

import pytest

from dreaming.event_loop import EventLoop


async def said(value):
    await asyncio.sleep(0)
    return value


def test_it_runs_work_and_returns_or_raises_what_it_does():
    """One piece after the other, on the same loop."""

    async def fails():
        raise TimeoutError("mine")

    with EventLoop() as loop:
        assert loop.run(said(1)) == 1
        with pytest.raises(TimeoutError, match="mine"):
            loop.run(fails())
        assert loop.run(said(2)) == 2


@pytest.fixture
def interruptible():
    """A process that a shell started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interruption_calls_the_work_off_and_waits_for_its_cleanup():
    """Then it goes on."""
    cleaned = threading.Event()

    async def works():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.set()

    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    started = time.monotonic()
    with EventLoop() as loop, pytest.raises(KeyboardInterrupt):
        loop.run(works())
    assert cleaned.is_set()
    assert time.monotonic() - started < 10


def test_waiting_for_work_is_not_by_a_condition():
    """One that is interrupted while it lets go its lock raises a RuntimeError in the place of the
    interruption.
    """
    entered = []

    def trace(frame, _event, _argument):
        entered.append(frame.f_code.co_qualname)

    before = sys.gettrace()
    with EventLoop() as loop:
        sys.settrace(trace)
        try:
            loop.run(asyncio.sleep(1.2))
        finally:
            sys.settrace(before)
    assert "EventLoop.run" in entered
    # Once, for an instant, when the work has ended and its result is on its way.
    assert entered.count("Condition.wait") <= 1
