"""A provider whose every attempt is recorded, and whose replies are never asked for twice."""

import asyncio

from dreaming.model_call import ModelCall, Outcome
from dreaming.providers.provider import LLMProvider, WrappedProvider
from dreaming.storage.calls import Calls


class RecordedProvider(WrappedProvider):
    """Writes down each attempt when it ends. The reply to an equal call is read from the record, unusable ones too."""

    def __init__(self, inner: LLMProvider, calls: Calls, *, run_id: str | None, purpose: str) -> None:
        super().__init__(inner)
        self._calls = calls
        self._run_id = run_id
        self._purpose = purpose

    async def send(self, call: ModelCall) -> Outcome:
        """Read the reply from the record, or make one attempt."""
        key = call.key(self.name, self.model.served)
        stored = await asyncio.to_thread(self._calls.reply, key)
        if stored is not None:
            return stored
        outcome = await self.inner.send(call)
        # Even when everything is called off now: what was answered is written down.
        await asyncio.shield(asyncio.to_thread(self._write, key, call, outcome))
        return outcome

    def _write(self, key: str, call: ModelCall, outcome: Outcome) -> None:
        self._calls.record(
            key,
            call,
            outcome,
            provider=self.name,
            model_asked=self.model.asked,
            model=self.model.served,
            run_id=self._run_id,
            purpose=self._purpose,
        )
