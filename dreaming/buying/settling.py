"""Settling batches: what has come of an upgrade request's batches at the vendor is written down."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from dreaming.home import Home
from dreaming.model_call import Failure, FailureReason, Outcome
from dreaming.providers.batches import Results, Unsure, VendorBatches, unreported_failure
from dreaming.providers.provider import LLMProvider
from dreaming.spending.batches import Batch
from dreaming.spending.prices import Price, price_of

ARRIVES_WITHIN = timedelta(minutes=30)
"""A batch that its vendor still does not list after this was never received."""
# Longer than any attempt to submit lasts (`outbox`), so that no process is still at it.
CLOCKS_AGREE_WITHIN = timedelta(days=1)
"""How far this machine's clock and a vendor's may be apart: batches are searched from there on."""
KEPT_FOR = timedelta(days=29)
"""Vendors keep results this long: a younger batch that is not found is an error, not a deletion."""
_GONE = frozenset({400, 404, 410})
"""The statuses with which vendors answer for a batch that they have deleted."""


class Settling:
    """Writes down what has come of the batches of one request."""

    def __init__(
        self, home: Home, provider: LLMProvider, request_id: str, *, run_id: str | None
    ) -> None:
        self._batches = home.batches
        self._ledger = home.ledger
        self._clock = home.clock
        self._provider = provider
        self._request_id = request_id
        self._run_id = run_id

    async def settle(self) -> Failure | None:
        """Ask the vendor about each open batch; returns the first reason why it could not be."""
        await asyncio.to_thread(self._ledger.give_up_dead)
        failures = []
        for batch in self._open_batches():
            failure = await self._settle(batch)
            # Another process may have settled the batch meanwhile, and had it deleted.
            if failure and self._batches.open_calls(batch.batch_id):
                failures.append(failure)
        return failures[0] if failures else None

    def ended(self) -> list[str]:
        """The ids of settled batches whose replies no chunks were made of yet."""
        batches = self._batches.find("ended", request_id=self._request_id)
        return [batch.batch_id for batch in batches]

    async def is_ready(self, batch: Batch) -> bool | Failure:
        """Whether a batch that the vendor has can be settled now."""
        if batch.state == "ended" or not self._batches.open_calls(batch.batch_id):
            return True
        assert batch.vendor_ref is not None
        look = await self._vendor().look(batch.vendor_ref)
        if isinstance(look, Failure):
            return self._is_gone(batch, look) or look
        return look.has_ended

    async def find(self, batch: Batch) -> str | Failure | None:
        """The vendor's id of a batch whose submission was interrupted.

        None while another process may be submitting it, or the vendor's list does not say. A batch
        that the vendor never received is ended, and its calls are released.
        """
        now = self._clock()
        if not batch.is_left(now):
            return None
        found = await self._vendor().find(
            batch.batch_id,
            self._batches.open_calls(batch.batch_id),
            since=batch.made_at - CLOCKS_AGREE_WITHIN,
            known=self._batches.vendor_refs(batch.provider),
        )
        if isinstance(found, str):
            self._batches.note_submitted(batch.batch_id, found)
        elif found is None and now - batch.made_at >= ARRIVES_WITHIN:
            await self._release_unsent(batch)
        return None if isinstance(found, Unsure) else found

    def _open_batches(self) -> list[Batch]:
        found = self._batches.find("intended", "submitted", request_id=self._request_id)
        return [batch for batch in found if batch.provider == self._provider.name]

    def _vendor(self) -> VendorBatches[Any]:
        vendor = self._provider.batches()
        assert vendor is not None
        return vendor

    async def _settle(self, batch: Batch) -> Failure | None:
        vendor_ref = batch.vendor_ref or await self.find(batch)
        if not isinstance(vendor_ref, str):
            return vendor_ref
        is_ready = await self.is_ready(replace(batch, vendor_ref=vendor_ref))
        if is_ready is not True:
            return is_ready or None
        if self._batches.open_calls(batch.batch_id):
            results = await self._vendor().read(vendor_ref)
            if isinstance(results, Failure):
                if not self._is_gone(batch, results):
                    return results
                results = Results({}, unreported_failure(vendor_ref))
            await self._write(batch, results)
        # Deleted only after it is settled here: the replies are nowhere else until then. A process
        # that dies in between deletes it the next time.
        await self._vendor().delete(vendor_ref)
        await asyncio.to_thread(self._batches.note_ended, batch.batch_id, "ended")
        return None

    async def _release_unsent(self, batch: Batch) -> None:
        failure = Failure(
            reason=FailureReason.LOST, charge="released", message="The batch was never sent."
        )
        await self._write(batch, Results({}, failure))
        self._batches.note_ended(batch.batch_id, "ended")

    def _is_gone(self, batch: Batch, failure: Failure) -> bool:
        """Whether the vendor has deleted the results of a batch."""
        age = self._clock() - batch.made_at
        return failure.status in _GONE and age > KEPT_FOR

    async def _write(self, batch: Batch, results: Results) -> None:
        """Settle each open call of a batch with its outcome."""
        price = self._price(batch)
        settlements = []
        for call_id in self._batches.open_calls(batch.batch_id):
            outcome = results.outcomes.get(call_id, results.rest)
            cost = _batch_cost(price, outcome, batch)
            settlements.append(
                self._ledger.settle(call_id, outcome, cost=cost, run_id=self._run_id)
            )
        # Waited for together: the ledger's writer commits what waits in one transaction.
        for settlement in settlements:
            await asyncio.wrap_future(settlement)

    def _price(self, batch: Batch) -> Price:
        """The price at the time of the reservation."""
        model = self._provider.model
        own = model.price if model.served == batch.model else None
        return price_of(batch.provider, batch.model, at=batch.made_at, own=own)


def _batch_cost(price: Price, outcome: Outcome, batch: Batch) -> int:
    if outcome.usage is None:
        return 0
    return price.cost(outcome.usage, at=batch.made_at, delivery="batch")
