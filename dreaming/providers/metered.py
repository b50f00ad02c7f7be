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
"""Wait for a cancelled call to end: its reply is paid for, so it is worth a little time."""


class CallMeter(Protocol):
    """Reserves the cost of each call before it is sent, and records its outcome."""

    @property
    def is_winding_up(self) -> bool:
        """Whether no further call is made."""
        ...

    async def pause(self, seconds: float) -> bool:
        """Wait before a call; returns False, early, once no further call is made."""
        ...

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:
        """The stored reply of an equal call, or one attempt if that is allowed."""
        ...


class _Unmetered:
    is_winding_up = False

    async def pause(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return True

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:  # noqa: ARG002
        return await send(lambda: asked.timeout_seconds)


UNMETERED = _Unmetered()
"""Records nothing and allows everything: for tests and benchmarks of the providers alone."""


class MeteredProvider(WrappedProvider):
    """A provider whose attempts are paced together, for all conversations, and metered.

    A stored reply of an equal call is read from the ledger, also while the vendor is down.
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
        # The meter surrounds the pace: a call that waits to write to the ledger holds no place
        # that another could send in.
        return await self._meter.attempt(
            key, self.asked(), call, lambda left: self._send_in_turn(call, left)
        )

    async def pause(self, seconds: float) -> bool:
        """Wait before another attempt; returns False, early, once no further call is made."""
        return await self._meter.pause(seconds)

    async def _send_in_turn(self, call: ModelCall, left: SecondsLeft) -> Outcome:
        # Asked before the queue too: while the vendor is down, a call does not wait for its place.
        refusal = self._pace.refusal()
        if refusal is not None:
            return refusal
        return await self._pace.run(lambda: _finish_or_grace(self._timed(call, left)))

    async def _timed(self, call: ModelCall, left: SecondsLeft) -> Outcome:
        """Make an attempt within the time that is left."""
        # Both are looked at after the wait for a place, in which either may have changed.
        if self._meter.is_winding_up:
            return CALLED_OFF
        seconds = left()
        if seconds is None:
            return too_late()
        # The SDK's own timeout is shorter, and its error says whether the request was sent.
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
        """The inner provider's count."""
        return await self.inner.count_input_tokens(call)

    def asked(self) -> AskedModel:
        """The model as the meter needs it; raises `ConfigurationError` for an unknown price."""
        # Made anew for another served name: a local provider learns its own only on connecting.
        if self._asked is None or self._asked.served != self.model.served:
            self._asked = self._asked_now()
        return self._asked

    def _asked_now(self) -> AskedModel:
        model = self.model
        now = datetime.now(UTC)
        price = price_of(self.name, model.served, at=now, own=model.price, free=self.is_local)
        return AskedModel(
            provider=self.name,
            asked=model.asked,
            served=model.served,
            tier=model.quality_level,
            is_local=self.is_local,
            price=price,
            timeout_seconds=self.limits.timeout_seconds,
            bound_input_tokens=self.inner.bound_input_tokens,
            count_input_tokens=self.inner.count_input_tokens,
        )


async def _finish_or_grace(sending: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The outcome of a call; when cancelled, raises `CalledOff` with it after a short wait."""
    task = asyncio.ensure_future(sending)
    try:
        # Shielded: a cancelled caller must not break the connection of a call that is paid for.
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
        if task.done() and not task.cancelled() and task.exception() is None:
            raise CalledOff(task.result()) from None
        # The request was sent, so the vendor may charge for a reply that is never read.
        task.cancel()
        message = "Called off while it was under way."
        raise CalledOff(
            Failure(reason=FailureReason.CANCELED, charge="unknown", message=message)
        ) from None
