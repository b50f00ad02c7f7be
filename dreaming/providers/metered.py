"""A provider whose attempts keep to a pace, and are metered."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

from dreaming.model_call import CALLED_OFF, Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.outgoing import masked_call
from dreaming.providers.pace import Pace
from dreaming.providers.provider import LLMProvider, WrappedProvider
from dreaming.spending.meter import AskedModel, CalledOff, SecondsLeft, Send, too_late
from dreaming.spending.prices import price_of

GRACE_SECONDS = 5.0
"""How long a call that is called off may still take to end: its reply is paid for."""


class CallMeter(Protocol):
    """What stands between a provider and its vendor."""

    @property
    def is_winding_up(self) -> bool:
        """Whether no further call is made."""
        ...

    async def pause(self, seconds: float) -> bool:
        """Wait before a call; returns False, early, where none is to be made any more."""
        ...

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:
        """The reply that an equal call has had, or one attempt if that is allowed."""
        ...


class _Unmetered:
    is_winding_up = False

    async def pause(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return True

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:  # noqa: ARG002
        return await send(lambda: asked.timeout_seconds)


UNMETERED = _Unmetered()
"""Writes nothing down and allows everything: for tests and benchmarks of the providers alone."""


class MeteredProvider(WrappedProvider):
    """Attempts of all conversations together: bounded, slower when the vendor asks for it, none
    while it is down.

    A reply that an equal call has had is read from the ledger, whether the vendor is there or not.
    """

    def __init__(self, inner: LLMProvider, meter: CallMeter) -> None:
        super().__init__(inner)
        self._meter = meter
        self._pace = Pace(
            inner.name, max_concurrency=inner.limits.max_concurrency, sleep=meter.pause
        )
        self._asked: AskedModel | None = None

    async def send(self, call: ModelCall) -> Outcome:
        """Read the reply from the ledger, or make one attempt when its turn comes."""
        if not self.stays_here:
            call = masked_call(call, self.masking)
        key = call.key(self.name, self.model.served)
        # Reserved before its turn, and settled after it: writing takes no time from those under
        # way.
        return await self._meter.attempt(
            key, self.asked(), call, lambda left: self._send_in_turn(call, left)
        )

    async def pause(self, seconds: float) -> bool:
        """Wait before another attempt, no longer than attempts are made."""
        return await self._meter.pause(seconds)

    async def _send_in_turn(self, call: ModelCall, left: SecondsLeft) -> Outcome:
        return self._pace.refusal() or await self._pace.run(
            lambda: _to_the_end(self._timed(call, left))
        )

    async def _timed(self, call: ModelCall, left: SecondsLeft) -> Outcome:
        """How an attempt ends, if it does within the time; the provider itself minds its own
        timeout.
        """
        if self._meter.is_winding_up:
            return CALLED_OFF
        seconds = left()
        if seconds is None:
            return too_late()
        if seconds >= self.limits.timeout_seconds:
            return await self.inner.send(call)
        try:
            async with asyncio.timeout(seconds):
                return await self.inner.send(call)
        except TimeoutError:
            message = (
                f"There was no reply within {seconds:.1f} s, a third of the time that was left."
            )
            return Failure(
                reason=FailureReason.TOO_SLOW, charge="unknown", message=message, seconds=seconds
            )

    async def count_input_tokens(self, call: ModelCall) -> int | None:
        """The other's count."""
        return await self.inner.count_input_tokens(call)

    def asked(self) -> AskedModel:
        """What the meter must know of the model; raises `ConfigurationError` where its price is not
        known.
        """
        if self._asked is None or self._asked.served != self.model.served:
            model, now = self.model, datetime.now(UTC)
            self._asked = AskedModel(
                provider=self.name,
                asked=model.asked,
                served=model.served,
                tier=model.quality_level,
                is_local=self.is_local,
                price=price_of(
                    self.name, model.served, at=now, own=model.price, free=self.is_local
                ),
                timeout_seconds=self.limits.timeout_seconds,
                bound_input_tokens=self.inner.bound_input_tokens,
                count_input_tokens=self.inner.count_input_tokens,
            )
        return self._asked


async def _to_the_end(sending: Coroutine[Any, Any, Outcome]) -> Outcome:
    """How a call ends. Called off, it is waited for a little; raises `CalledOff` with what came of
    it.
    """
    task = asyncio.ensure_future(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
        if task.done() and not task.cancelled() and task.exception() is None:
            raise CalledOff(task.result()) from None
        task.cancel()
        message = "Called off while it was under way."
        raise CalledOff(
            Failure(reason=FailureReason.CANCELED, charge="unknown", message=message)
        ) from None
