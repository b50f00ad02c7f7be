"""The outbox of a run: calls that were reserved for and go to the vendor together, in batches."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import numpy as np

from dreaming.chunking.tokens import count_tokens
from dreaming.home import Home
from dreaming.model_call import CALLED_OFF, Failure, FailureReason, ModelCall, Outcome, TokenUsage
from dreaming.money import Amount
from dreaming.providers.batches import VendorBatches
from dreaming.providers.provider import LLMProvider
from dreaming.providers.retrying import retry
from dreaming.spending.batches import Batch
from dreaming.spending.prices import price_of
from dreaming.upgrading.grouping import expected_usage

# Vendors take up to 50,000 calls and 200 MB in a batch. Smaller ones are answered sooner, and one
# that expires loses less.
MOST_CALLS = 1_000
MOST_BYTES = 32 << 20
SUBMITTING_SECONDS = 300.0
"""Retries of a submission stop after this."""
ATTEMPT_SECONDS = 600.0
"""The longest that one attempt to submit lasts."""
# Together they stay below the time after which another machine takes the batch for abandoned
# (`spending.batches.SUBMITTED_WITHIN`): so nothing is released that is still on its way.


class Outbox:
    """The calls of one run that go to the vendor in batches; `submit` until nothing is kept."""

    def __init__(self, home: Home, request_id: str, run_id: str) -> None:
        self._batches = home.batches
        self._ledger = home.ledger
        self._clock = home.clock
        self._request_id = request_id
        self._run_id = run_id
        self._kept: dict[str, ModelCall] = {}
        self._bytes = 0
        # One submission at a time: two workers that find the outbox full would split a batch.
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
        """Submit what was kept as one batch; returns why the vendor did not take it.

        Calls that it surely did not take are released. Those that it may have taken stay reserved:
        the next run finds out.
        """
        async with self._submitting:
            kept, self._kept, self._bytes = self._kept, {}, 0
            if not kept:
                return None
            vendor = provider.batches()
            assert vendor is not None
            batch = self._describe(provider, kept)
            # Written down before it is sent: a process that dies in between leaves a batch that is
            # looked for at the vendor, and not calls that nobody knows of.
            taken = await asyncio.to_thread(self._batches.intend, batch, kept)
            calls = {call_id: call for call_id, call in kept.items() if call_id in taken}
            if not calls:
                return None
            # Shielded: whatever is called off now, what the vendor has is written down.
            submission = self._submit_batch(vendor, batch.batch_id, calls, provider)
            return await asyncio.shield(submission)

    async def give_up(self) -> None:
        """Release what was kept and is not to be submitted."""
        kept, self._kept = self._kept, {}
        await self._release(kept, CALLED_OFF)

    async def _submit_batch(
        self,
        vendor: VendorBatches[Any],
        batch_id: str,
        calls: Mapping[str, ModelCall],
        provider: LLMProvider,
    ) -> Failure | None:
        result = await _submit_once(vendor, batch_id, calls, provider)
        if isinstance(result, str):
            await asyncio.to_thread(self._batches.note_submitted, batch_id, result)
            return None
        if result.charge == "released":
            await self._release(calls, replace(result, vendor_ref=None))
            await asyncio.to_thread(self._batches.note_ended, batch_id, "dropped")
            return result
        await asyncio.to_thread(self._batches.note_unsure, batch_id)
        advice = "Whether it has the batch is found out by the next run: dreaming collect."
        return replace(result, message=f"{result.message} {advice}")

    async def _release(self, calls: Mapping[str, ModelCall], failure: Failure) -> None:
        settlements = [self._ledger.settle(call_id, failure) for call_id in calls]
        for settlement in settlements:
            await asyncio.wrap_future(settlement)

    def _describe(self, provider: LLMProvider, calls: Mapping[str, ModelCall]) -> Batch:
        now = self._clock()
        return Batch(
            batch_id=uuid4().hex,
            request_id=self._request_id,
            run_id=self._run_id,
            provider=provider.name,
            model=provider.model.served,
            state="intended",
            calls=len(calls),
            expected=_expected_amount(provider, calls, at=now),
            made_at=now,
        )


async def _submit_once(
    vendor: VendorBatches[Any],
    batch_id: str,
    calls: Mapping[str, ModelCall],
    provider: LLMProvider,
) -> str | Failure:
    """Submit a batch, retried only where the vendor surely has not taken it.

    Returns the vendor's id of the batch, or why there is none.
    """
    result: str | Failure = ""
    started = monotonic()

    async def attempt() -> Outcome:
        nonlocal result
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                result = await vendor.submit(batch_id, calls)
        except TimeoutError:
            message = f"{vendor.name} did not take the batch within {ATTEMPT_SECONDS:.0f} s."
            result = Failure(reason=FailureReason.TIMEOUT, charge="unknown", message=message)
        # `retry` looks at failures only; a submission that worked is one that is not transient.
        failure = result if isinstance(result, Failure) else CALLED_OFF
        surely_not_taken = failure.charge == "released"
        return replace(failure, transient=failure.transient and surely_not_taken)

    async def pause(seconds: float) -> bool:
        next_attempt = monotonic() - started + seconds
        return next_attempt <= SUBMITTING_SECONDS and await provider.pause(seconds)

    await retry(attempt, pause=pause)
    return result


def _expected_amount(
    provider: LLMProvider, calls: Mapping[str, ModelCall], *, at: datetime
) -> Amount:
    """What a batch is expected to come to, for people: its calls reserve their worst case."""
    price = price_of(provider.name, provider.model.served, at=at, own=provider.model.price)
    text_tokens = np.array([count_tokens(call.content) for call in calls.values()])
    input_tokens, output_tokens = expected_usage(text_tokens)
    total = Amount()
    for inputs, outputs in zip(input_tokens.tolist(), output_tokens.tolist(), strict=True):
        usage = TokenUsage(input_tokens=round(inputs), output_tokens=round(outputs))
        total += Amount(usage.total_tokens, price.cost(usage, at=at, delivery="batch"))
    return total
