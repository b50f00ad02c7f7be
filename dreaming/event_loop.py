"""An event loop beside a thread that must stay interruptible.

Dagster's Terminate, a run's time limit, SIGTERM and Ctrl-C interrupt the main thread, and an event
loop that runs there swallows or defers them. So the loop has a thread of its own; the caller waits
in short steps, and when it is interrupted, it calls the work off, waits for that to end, and goes
on being interrupted.
"""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

# An interruption is noticed between two steps.
_POLL_SECONDS = 0.25
"""The longest that the caller's thread waits in one step."""

# Ten seconds, so that a call under way can end and its reply is kept (docs/upgrading.md).
_WIND_UP_SECONDS = 10.0
"""The longest that interrupted work goes on after `wind_up`, before it is cancelled."""
_CLEANUP_SECONDS = 10.0
"""The longest that cancelled work is waited for."""

_Result = TypeVar("_Result")


def despite_interruption(step: Callable[[], _Result]) -> _Result:
    """Do a step that an interruption must not leave undone.

    Interrupted, it is done again, from its beginning, before it goes on being interrupted; so it
    must be one that can be repeated.
    """
    try:
        return step()
    except Exception:
        raise
    # Interruptions are no `Exception`: KeyboardInterrupt, SystemExit and Dagster's own.
    except BaseException:
        step()
        raise


class EventLoop:
    """A running event loop in a thread of its own, as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="dreaming-models", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(
        self,
        work: Coroutine[Any, Any, _Result],
        *,
        meanwhile: Callable[[], None] | None = None,
        wind_up: Callable[[], None] | None = None,
    ) -> _Result:
        """Run a coroutine on the loop and return its result.

        An interruption of the caller's thread cancels the coroutine, and is raised again when that
        has ended. `meanwhile` is called now and then on the caller's thread; its exceptions
        interrupt too. `wind_up` is called on the loop when the work is interrupted, which then has
        `_WIND_UP_SECONDS` to end before it is cancelled.
        """
        ended = _End()
        future = asyncio.run_coroutine_threadsafe(_run_and_signal(work, ended), self._loop)
        try:
            while not ended.wait(_POLL_SECONDS):
                if meanwhile is not None:
                    meanwhile()
            return future.result()
        # Interruptions are no `Exception`: KeyboardInterrupt, SystemExit and Dagster's own.
        except BaseException:
            if not future.done() and wind_up is not None:
                self._loop.call_soon_threadsafe(wind_up)
                ended.wait(_WIND_UP_SECONDS)
            if not future.done():
                future.cancel()
                ended.wait(_CLEANUP_SECONDS)
            raise


class _End:
    """The end of some work, for a thread that may be interrupted while it waits for it.

    It is a bare lock that is held until then. `Event` and `Future` wait by a `Condition`, and a
    `Condition` that is interrupted in the wrong moment raises `RuntimeError` ("cannot release
    un-acquired lock") instead of the interruption.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def signal(self) -> None:
        """Note that the work has ended."""
        self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`; returns whether it has come."""
        has_ended = self._lock.acquire(timeout=seconds)
        if has_ended:
            # Released again: a later wait returns at once.
            self._lock.release()
        return has_ended


async def _run_and_signal(work: Coroutine[Any, Any, _Result], ended: _End) -> _Result:
    """Await work, and signal its end, after its cleanup, to another thread."""
    try:
        return await work
    finally:
        ended.signal()
