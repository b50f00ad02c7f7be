"""Anthropic's Message Batches: answered within 24 hours, at half
the price, and kept for 29 days.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.anthropic_messages import read_message
from dreaming.providers.attempt import SdkErrors
from dreaming.providers.batches import (
    SUBMIT_SECONDS,
    BatchStatus,
    Results,
    Unsure,
    VendorBatches,
    json_lines,
    require_id,
    unprocessed_failure,
    unreported_failure,
)
from dreaming.providers.faults import unreadable_failure

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic  # noqa: F401 # a base names it
    from anthropic.types.messages import MessageBatchRequestCounts

_NAME = "anthropic"
_FAULTS: Mapping[str, FailureReason] = {
    "invalid_request_error": FailureReason.BAD_REQUEST,
    "request_too_large": FailureReason.BAD_REQUEST,
    "not_found_error": FailureReason.NO_SUCH_MODEL,
    "overloaded_error": FailureReason.OVERLOADED,
    "rate_limit_error": FailureReason.RATE_LIMITED,
}
"""The reasons of errors in a batch; any other is a server error. None of them is charged."""


class AnthropicBatches(VendorBatches["AsyncAnthropic"]):
    """The Message Batches of a workspace.

    Anthropic stores no id of ours with a batch: one is recognised by the ids of its calls.
    """

    name = _NAME

    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:  # noqa: ARG002
        """Submit the calls as one batch."""
        requests: Any = [
            {"custom_id": call_id, "params": self._request(call)} for call_id, call in calls.items()
        ]

        async def create() -> str:
            batch = await self._connect().messages.batches.create(
                requests=requests, timeout=SUBMIT_SECONDS
            )
            return require_id(batch.id)

        return await self._try_to(create)

    async def find(
        self,
        batch_id: str,  # noqa: ARG002
        call_ids: Collection[str],
        *,
        since: datetime,
        known: Collection[str],
    ) -> str | Unsure | Failure | None:
        """Search the batches of the same size: only the results of ended ones show their calls."""
        wanted = set(call_ids)

        async def search() -> str | Unsure | Failure | None:
            some_under_way = False
            async for batch in self._connect().messages.batches.list(limit=100):
                # Newest first: all that follow are older still.
                if batch.created_at < since:
                    break
                if batch.id in known or _size(batch.request_counts) != len(wanted):
                    continue
                # An archived batch has no results any more that could be compared.
                if batch.archived_at:
                    continue
                if batch.processing_status != "ended":
                    some_under_way = True
                    continue
                results = await self.read(batch.id)
                if isinstance(results, Failure):
                    return results
                if wanted & results.outcomes.keys():
                    return batch.id
            # One that is under way may be the one: to deny it would submit the calls twice.
            return Unsure() if some_under_way else None

        return await self._try_to(search)

    async def look(self, vendor_ref: str) -> BatchStatus | Failure:
        """Whether it has ended."""

        async def retrieve() -> BatchStatus:
            batch = await self._connect().messages.batches.retrieve(vendor_ref)
            return BatchStatus(batch.processing_status == "ended")

        return await self._try_to(retrieve)

    async def read(self, vendor_ref: str) -> Results | Failure:
        """Its results."""
        import httpx2

        async def read() -> Results:
            # Not by the address in the batch (`results_url`): a gateway does not know it.
            address = f"/v1/messages/batches/{vendor_ref}/results"
            response = await self._connect().get(address, cast_to=httpx2.Response)
            outcomes = {
                line["custom_id"]: _outcome(line["result"], vendor_ref)
                for line in json_lines(response.text)
            }
            return Results(outcomes, unreported_failure(vendor_ref))

        return await self._try_to(read)

    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Cancel it."""

        async def cancel() -> None:
            await self._connect().messages.batches.cancel(vendor_ref)

        return await self._try_to(cancel)

    async def delete(self, vendor_ref: str) -> None:
        """Delete it, with its results."""

        async def delete() -> None:
            await self._connect().messages.batches.delete(vendor_ref)

        await self._try_to(delete)

    def _errors(self) -> SdkErrors:
        import anthropic

        return anthropic


def _size(counts: "MessageBatchRequestCounts") -> int:
    return counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired


def _outcome(result: Any, vendor_ref: str) -> Outcome:
    """The outcome of one call; only those that succeeded are charged."""
    match result["type"]:
        case "succeeded":
            # A message of another form fails alone: it must not hide the others of its batch.
            try:
                return read_message(result["message"], vendor_ref=None)
            except (LookupError, TypeError, AttributeError):
                return unreadable_failure(_NAME, seconds=0, vendor_ref=vendor_ref)
        case "canceled":
            reason = FailureReason.CANCELED
            message = "The batch was called off before its turn came."
        case "expired":
            reason = FailureReason.EXPIRED
            message = "The batch was a day old before its turn came."
        case _:
            kind = result["error"]["error"]["type"]
            reason = _FAULTS.get(kind, FailureReason.SERVER_ERROR)
            message = f"{_NAME} answered {kind} in a batch."
    return unprocessed_failure(reason, message, vendor_ref=vendor_ref)
