"""A provider whose attempts keep to a pace."""

from dreaming.model_call import ModelCall, Outcome
from dreaming.providers.pace import Pace
from dreaming.providers.provider import LLMProvider, WrappedProvider


class PacedProvider(WrappedProvider):
    """Attempts of all conversations together: bounded, slower when the vendor asks for it, none while it is down."""

    def __init__(self, inner: LLMProvider) -> None:
        super().__init__(inner)
        self._pace = Pace(inner.name, max_concurrency=inner.limits.max_concurrency)

    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt when its turn comes."""
        return await self._pace.run(lambda: self.inner.send(call))
