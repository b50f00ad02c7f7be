"""How many attempts a vendor gets at once: as many as it accepts.

The limit falls by half when the vendor reports too many requests, once for all attempts that were
under way then, and grows by one for each round of successes (additive increase, multiplicative
decrease: Chiu and Jain 1989). A `Retry-After` holds back all attempts, not only the one it answers.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from dreaming.model_call import Answer, Failure, FailureReason, Outcome
from dreaming.providers.circuit import Circuit

MAX_PAUSE_SECONDS = 60.0
"""Limit on a `Retry-After`: a longer one is a daily quota, on which `retrying` gives up."""

_TOO_MUCH = frozenset({FailureReason.RATE_LIMITED, FailureReason.OVERLOADED})


class Pace:
    """The pace of one vendor, for all attempts on one event loop."""

    def __init__(
        self,
        provider: str,
        *,
        max_concurrency: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[bool]],
    ) -> None:
        # A fraction: each success adds 1 / limit, so that a whole round of them adds one.
        self.limit = float(max_concurrency)
        """Attempts that may be in flight now, rounded down."""
        self.in_flight = 0
        self._max_limit = max_concurrency
        self._clock = clock
        self._sleep = sleep
        self._circuit = Circuit(provider, clock)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._cut_at = float("-inf")

    def refusal(self) -> Failure | None:
        """Why no attempt is made now; None where one may be."""
        return self._circuit.refusal(probing=False)

    async def run(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Make an attempt when its turn comes, or return why the circuit breaker refuses it."""
        await self._enter()
        try:
            return await self._run(attempt)
        finally:
            self._leave()

    async def _run(self, attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
        # Again after each sleep: another attempt may have moved the end of the pause meanwhile.
        pause = self._paused_until - self._clock()
        while pause > 0:
            may_go_on = await self._sleep(pause)
            if not may_go_on:
                break
            pause = self._paused_until - self._clock()
        refusal = self._circuit.refusal()
        if refusal is not None:
            return refusal
        began = self._clock()
        try:
            outcome = await attempt()
        except BaseException:
            # Cancellation included: a probe that never ends would keep the circuit open for ever.
            self._circuit.give_up_probe()
            raise
        self._circuit.note(outcome)
        self._adapt(outcome, began)
        return outcome

    def _adapt(self, outcome: Outcome, began: float) -> None:
        if isinstance(outcome, Answer):
            self.limit = min(self.limit + 1 / self.limit, self._max_limit)
        elif isinstance(outcome, Failure) and outcome.reason in _TOO_MUCH:
            # Attempts that began before the last cut were sent at the old limit: a burst of
            # refusals halves the limit once.
            if began > self._cut_at:
                self.limit = max(self.limit / 2, 1.0)
                self._cut_at = self._clock()
            wait = min(outcome.retry_after_seconds or 0.0, MAX_PAUSE_SECONDS)
            self._paused_until = max(self._paused_until, self._clock() + wait)

    async def _enter(self) -> None:
        """Wait for a place, in turn."""
        # A free place goes to those who wait already, so that no attempt overtakes them.
        if self.in_flight < int(self.limit) and not self._waiting:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # Cancelled after it was given a place: the place goes on to the next.
            if turn.done() and not turn.cancelled():
                self._leave()
            else:
                self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        """Give the place back, and all free places to those who wait."""
        self.in_flight -= 1
        while self._waiting and self.in_flight < int(self.limit):
            turn = self._waiting.popleft()
            # Done here means cancelled: its waiter will not take the place.
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
