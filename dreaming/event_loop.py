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

_POLL_SECONDS = 0.25
_WIND_UP_SECONDS = 10.0
"""How long work that is interrupted may take to end by itself, where it can."""
_CLEANUP_SECONDS = 10.0
"""How long work that is called off may take to end."""

_Result = TypeVar("_Result")


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
        """Run a coroutine on the loop and return its result; interrupted, call it off and go on
        being interrupted.

        `meanwhile` is called now and then on the caller's thread; what it raises interrupts too.
        `wind_up` is called on the loop when the work is interrupted, which then has a while to end
        by itself before it is called off.
        """
        ended = _End()
        future = asyncio.run_coroutine_threadsafe(_telling(work, ended), self._loop)
        try:
            while not ended.wait(_POLL_SECONDS):
                if meanwhile is not None:
                    meanwhile()
            return future.result()
        except BaseException:
            if not future.done() and wind_up is not None:
                self._loop.call_soon_threadsafe(wind_up)
                ended.wait(_WIND_UP_SECONDS)
            if not future.done():
                future.cancel()
                ended.wait(_CLEANUP_SECONDS)
            raise


class _End:
    """That work has ended, for a thread that may be interrupted while it waits for that.

    A bare lock, held until then: `Event` and `Future` wait by a `Condition`, and one that is
    interrupted in the wrong moment raises `RuntimeError` ("cannot release un-acquired lock") in the
    place of the interruption.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._lock.acquire()

    def tell(self) -> None:
        """The work has ended."""
        self._lock.release()

    def wait(self, seconds: float) -> bool:
        """Wait until then, at most so long; returns whether it has ended."""
        has_ended = self._lock.acquire(timeout=seconds)
        if has_ended:
            self._lock.release()
        return has_ended


async def _telling(work: Coroutine[Any, Any, _Result], ended: _End) -> _Result:
    """Await work, and tell another thread when it has ended, its cleanup included."""
    try:
        return await work
    finally:
        ended.tell()
