"""A provider whose attempts keep to a pace, and are metered."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from dreaming.model_call import Answer, ModelCall, Outcome
from dreaming.providers.pace import Pace
from dreaming.providers.provider import LLMProvider, WrappedProvider
from dreaming.spending.meter import AskedModel
from dreaming.spending.prices import price_of


class CallMeter(Protocol):
    """What stands between a provider and its vendor."""

    async def reply(self, key: str) -> Answer | None:
        """The reply that an equal call has had."""
        ...

    async def attempt(
        self, asked: AskedModel, call: ModelCall, send: Callable[[ModelCall], Awaitable[Outcome]]
    ) -> Outcome:
        """Make one attempt, if that is allowed."""
        ...


class _Unmetered:
    async def reply(self, key: str) -> Answer | None:  # noqa: ARG002
        return None

    async def attempt(
        self,
        asked: AskedModel,  # noqa: ARG002
        call: ModelCall,
        send: Callable[[ModelCall], Awaitable[Outcome]],
    ) -> Outcome:
        return await send(call)


UNMETERED = _Unmetered()
"""Writes nothing down and allows everything: for tests and benchmarks of the providers alone."""


class MeteredProvider(WrappedProvider):
    """Attempts of all conversations together: bounded, slower when the vendor asks for it, none while it is down.

    A reply that an equal call has had is read from the ledger, whether the vendor is there or not.
    """

    def __init__(self, inner: LLMProvider, meter: CallMeter) -> None:
        super().__init__(inner)
        self._meter = meter
        self._pace = Pace(inner.name, max_concurrency=inner.limits.max_concurrency)
        self._asked: AskedModel | None = None

    async def send(self, call: ModelCall) -> Outcome:
        """Read the reply from the ledger, or make one attempt when its turn comes."""
        stored = await self._meter.reply(call.key(self.name, self.model.served))
        if stored is not None:
            return stored
        return await self._pace.run(lambda: self._meter.attempt(self.asked(), call, self.inner.send))

    async def count_input_tokens(self, call: ModelCall) -> int | None:
        """The other's count."""
        return await self.inner.count_input_tokens(call)

    def asked(self) -> AskedModel:
        """What the meter must know of the model; raises `ConfigurationError` where its price is not known."""
        if self._asked is None or self._asked.served != self.model.served:
            model, now = self.model, datetime.now(UTC)
            self._asked = AskedModel(
                provider=self.name,
                asked=model.asked,
                served=model.served,
                tier=model.quality_level,
                is_local=self.is_local,
                price=price_of(self.name, model.served, at=now, own=model.price, free=self.is_local),
                timeout_seconds=self.limits.timeout_seconds,
                count_input_tokens=self.inner.count_input_tokens,
            )
        return self._asked
