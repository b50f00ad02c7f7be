"""Batches of one upgrade request: what was reserved for is given to the vendor, and what came of it
is written down.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import numpy as np

from dreaming.chunking.tokens import count_tokens
from dreaming.home import Home
from dreaming.model_call import CALLED_OFF, Failure, FailureReason, ModelCall, Outcome, TokenUsage
from dreaming.money import Amount
from dreaming.providers.batches import Results, Unsure, VendorBatches, untold
from dreaming.providers.provider import LLMProvider
from dreaming.providers.retrying import retry
from dreaming.spending.batches import Batch
from dreaming.spending.prices import Price, price_of
from dreaming.upgrading.grouping import expected_usage

MOST_CALLS = 1_000
MOST_BYTES = 32 << 20
"""Of a batch; vendors take up to 50,000 calls and 200 MB, but what is small is soon done, and
little is lost of it.
"""
BEGINS_SECONDS = 300.0
"""No attempt to give a vendor a batch begins later than so long after the first."""
ATTEMPT_SECONDS = 600.0
"""Nor does one last longer: who gives a batch is done with it before anybody on another machine
takes it for left.
"""
ARRIVES_WITHIN = timedelta(minutes=30)
"""After so long a batch that its vendor does not have is not on its way any more."""
CLOCKS_AGREE_WITHIN = timedelta(days=1)
"""This machine's and a vendor's."""
KEPT_FOR = timedelta(days=29)
"""So long vendors keep what came of a batch."""
_GONE = frozenset({400, 404, 410})
"""What a vendor answers that has not kept something."""


class Outbox:
    """The calls of one run that go to the vendor in batches. `submit` is to be called until nothing
    is left.
    """

    def __init__(self, home: Home, request_id: str, run_id: str) -> None:
        self._home = home
        self._request_id = request_id
        self._run_id = run_id
        self._kept: dict[str, ModelCall] = {}
        self._bytes = 0
        self._submitting = asyncio.Lock()

    def keep(self, call_id: str, call: ModelCall) -> None:
        """Keep a call that was reserved for."""
        self._kept[call_id] = call
        self._bytes += call.largest_input_tokens

    @property
    def is_full(self) -> bool:
        """Whether there is enough for a batch."""
        return len(self._kept) >= MOST_CALLS or self._bytes >= MOST_BYTES

    async def submit(self, provider: LLMProvider) -> Failure | None:
        """Give the vendor what was kept, in one batch; returns why it did not take it.

        What it surely did not take is released. What it may have taken stays reserved: the next run
        finds out.
        """
        async with self._submitting:
            kept, self._kept, self._bytes = self._kept, {}, 0
            if not kept:
                return None
            batches = provider.batches()
            assert batches is not None
            batch = self._batch(provider, kept)
            taken = await asyncio.to_thread(self._home.batches.intend, batch, kept)
            calls = {call_id: call for call_id, call in kept.items() if call_id in taken}
            if not calls:
                return None
            # Even when everything is called off now: what the vendor has is written down.
            return await asyncio.shield(self._give(batches, batch.batch_id, calls, provider))

    async def give_up(self) -> None:
        """Release what was kept and is not to be given to the vendor."""
        kept, self._kept = self._kept, {}
        await self._release(kept, CALLED_OFF)

    async def _give(
        self,
        batches: VendorBatches[Any],
        batch_id: str,
        calls: Mapping[str, ModelCall],
        provider: LLMProvider,
    ) -> Failure | None:
        given = await _give_once(batches, batch_id, calls, provider)
        if isinstance(given, str):
            await asyncio.to_thread(self._home.batches.note_submitted, batch_id, given)
            return None
        if given.charge == "released":
            await self._release(calls, replace(given, vendor_ref=None))
            await asyncio.to_thread(self._home.batches.note_ended, batch_id, "dropped")
            return given
        await asyncio.to_thread(self._home.batches.note_unsure, batch_id)
        message = (
            f"{given.message} Whether it has the batch is found out by the next run: dreaming "
            "collect."
        )
        return replace(given, message=message)

    async def _release(self, calls: Mapping[str, ModelCall], failure: Failure) -> None:
        for settling in [self._home.ledger.settle(call_id, failure) for call_id in calls]:
            await asyncio.wrap_future(settling)

    def _batch(self, provider: LLMProvider, calls: Mapping[str, ModelCall]) -> Batch:
        now = self._home.clock()
        return Batch(
            batch_id=uuid4().hex,
            request_id=self._request_id,
            run_id=self._run_id,
            provider=provider.name,
            model=provider.model.served,
            state="intended",
            calls=len(calls),
            expected=_expected(provider, calls, at=now),
            made_at=now,
        )


async def _give_once(
    batches: VendorBatches[Any],
    batch_id: str,
    calls: Mapping[str, ModelCall],
    provider: LLMProvider,
) -> str | Failure:
    """Give a vendor a batch; again only where it surely has not taken it."""
    given: str | Failure = ""
    started = monotonic()

    async def give() -> Outcome:
        nonlocal given
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                given = await batches.submit(batch_id, calls)
        except TimeoutError:
            message = f"{batches.name} did not take the batch within {ATTEMPT_SECONDS:.0f} s."
            given = Failure(reason=FailureReason.TIMEOUT, charge="unknown", message=message)
        failure = given if isinstance(given, Failure) else CALLED_OFF
        return replace(failure, transient=failure.transient and failure.charge == "released")

    async def pause(seconds: float) -> bool:
        return monotonic() - started + seconds <= BEGINS_SECONDS and await provider.pause(seconds)

    await retry(give, pause=pause)
    return given


def _expected(provider: LLMProvider, calls: Mapping[str, ModelCall], *, at: datetime) -> Amount:
    price = price_of(provider.name, provider.model.served, at=at, own=provider.model.price)
    total = Amount()
    sent, replied = expected_usage(
        np.array([count_tokens(call.content) for call in calls.values()])
    )
    for inputs, outputs in zip(sent.tolist(), replied.tolist(), strict=True):
        usage = TokenUsage(input_tokens=round(inputs), output_tokens=round(outputs))
        total += Amount(usage.total_tokens, price.cost(usage, at=at, delivery="batch"))
    return total


class Settling:
    """Writes down what has come of the batches of a request.
    `ended` tells those that are through.
    """

    def __init__(
        self, home: Home, provider: LLMProvider, request_id: str, *, run_id: str | None
    ) -> None:
        self._home = home
        self._provider = provider
        self._request_id = request_id
        self._run_id = run_id

    async def settle(self) -> Failure | None:
        """Ask the vendor about each that is open; returns why it could not be asked."""
        await asyncio.to_thread(self._home.ledger.give_up_dead)
        failures = []
        for batch in self._open():
            failure = await self._settle(batch)
            # Another process may have written everything down meanwhile, and had it deleted.
            if failure and self._home.batches.open_calls(batch.batch_id):
                failures.append(failure)
        return next(iter(failures), None)

    def ended(self) -> list[str]:
        """The batches of which everything is written down, and nothing made yet."""
        return [
            batch.batch_id
            for batch in self._home.batches.find("ended", request_id=self._request_id)
        ]

    def _open(self) -> list[Batch]:
        found = self._home.batches.find("intended", "submitted", request_id=self._request_id)
        return [batch for batch in found if batch.provider == self._provider.name]

    async def _settle(self, batch: Batch) -> Failure | None:
        vendor = self._provider.batches()
        assert vendor is not None
        vendor_ref = batch.vendor_ref or await self.find(batch)
        if not isinstance(vendor_ref, str):
            return vendor_ref
        is_ready = await self.is_ready(replace(batch, vendor_ref=vendor_ref))
        if is_ready is not True:
            return is_ready or None
        if self._home.batches.open_calls(batch.batch_id):
            results = await vendor.read(vendor_ref)
            if isinstance(results, Failure):
                if not self._is_gone(batch, results):
                    return results
                results = Results({}, untold(vendor_ref))
            await self._write(batch, results)
        # Nobody needs to keep what was said any more. Who dies before this does it the next time.
        await vendor.delete(vendor_ref)
        await asyncio.to_thread(self._home.batches.note_ended, batch.batch_id, "ended")
        return None

    async def is_ready(self, batch: Batch) -> bool | Failure:
        """Whether something is to be done about a batch that the vendor has."""
        if batch.state == "ended" or not self._home.batches.open_calls(batch.batch_id):
            return True
        vendor = self._provider.batches()
        assert vendor is not None
        assert batch.vendor_ref is not None
        look = await vendor.look(batch.vendor_ref)
        if isinstance(look, Failure):
            return self._is_gone(batch, look) or look
        return look.has_ended

    async def find(self, batch: Batch) -> str | Failure | None:
        """The vendor's id of a batch of which nobody knows whether it was given; one that it never
        got has ended.

        None while somebody is giving it, or nobody can tell.
        """
        batches, vendor = self._home.batches, self._provider.batches()
        assert vendor is not None
        if not batch.is_left(self._home.clock()):
            return None
        call_ids, known = batches.open_calls(batch.batch_id), batches.vendor_refs(batch.provider)
        found = await vendor.find(
            batch.batch_id, call_ids, since=batch.made_at - CLOCKS_AGREE_WITHIN, known=known
        )
        if isinstance(found, str):
            batches.note_submitted(batch.batch_id, found)
        elif found is None and self._home.clock() - batch.made_at >= ARRIVES_WITHIN:
            failure = Failure(
                reason=FailureReason.LOST, charge="released", message="The batch was never sent."
            )
            await self._write(batch, Results({}, failure))
            batches.note_ended(batch.batch_id, "ended")
        return None if isinstance(found, Unsure) else found

    def _is_gone(self, batch: Batch, failure: Failure) -> bool:
        """Whether the vendor has deleted what came of a batch."""
        return failure.status in _GONE and self._home.clock() - batch.made_at > KEPT_FOR

    async def _write(self, batch: Batch, results: Results) -> None:
        price = self._price(batch)
        settling = []
        for call_id in self._home.batches.open_calls(batch.batch_id):
            outcome = results.outcomes.get(call_id, results.rest)
            cost = (
                0
                if outcome.usage is None
                else price.cost(outcome.usage, at=batch.made_at, delivery="batch")
            )
            settling.append(
                self._home.ledger.settle(call_id, outcome, cost=cost, run_id=self._run_id)
            )
        for each in settling:
            await asyncio.wrap_future(each)

    def _price(self, batch: Batch) -> Price:
        """Of when the calls were reserved for."""
        model = self._provider.model
        own = model.price if model.served == batch.model else None
        return price_of(batch.provider, batch.model, at=batch.made_at, own=own)
