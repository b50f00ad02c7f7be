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
    Look,
    Results,
    Unsure,
    VendorBatches,
    json_lines,
    named,
    not_done,
    untold,
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
"""What an error in a batch is; any other is the server's. None of them is charged."""


class AnthropicBatches(VendorBatches["AsyncAnthropic"]):
    """The Message Batches of a workspace. They bear no name of ours: one is known by the ids of its
    calls.
    """

    name = _NAME

    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:  # noqa: ARG002
        """Give it the calls."""
        requests: Any = [
            {"custom_id": call_id, "params": self._request(call)} for call_id, call in calls.items()
        ]

        async def create() -> str:
            batch = await self._connect().messages.batches.create(
                requests=requests, timeout=SUBMIT_SECONDS
            )
            return named(batch.id)

        return await self._try_to(create)

    async def find(
        self,
        batch_id: str,  # noqa: ARG002
        call_ids: Collection[str],
        *,
        since: datetime,
        known: Collection[str],
    ) -> str | Unsure | Failure | None:
        """Look through batches of the same size: those that have
        ended tell the ids of their calls.
        """
        wanted = set(call_ids)

        async def look() -> str | Unsure | Failure | None:
            under_way = False
            async for batch in self._connect().messages.batches.list(limit=100):
                if batch.created_at < since:
                    break
                if (
                    batch.id in known
                    or _size(batch.request_counts) != len(wanted)
                    or batch.archived_at
                ):
                    continue
                if batch.processing_status != "ended":
                    under_way = True
                    continue
                found = await self.read(batch.id)
                if isinstance(found, Failure):
                    return found
                if wanted & found.outcomes.keys():
                    return batch.id
            return Unsure() if under_way else None

        return await self._try_to(look)

    async def look(self, vendor_ref: str) -> Look | Failure:
        """How far it is."""

        async def retrieve() -> Look:
            batch = await self._connect().messages.batches.retrieve(vendor_ref)
            return Look(batch.processing_status == "ended")

        return await self._try_to(retrieve)

    async def read(self, vendor_ref: str) -> Results | Failure:
        """Its results. By its address at the server that is asked: the one it names itself a
        gateway does not know.
        """
        import httpx2

        async def read() -> Results:
            address = f"/v1/messages/batches/{vendor_ref}/results"
            response = await self._connect().get(address, cast_to=httpx2.Response)
            return Results(
                {
                    line["custom_id"]: _outcome(line["result"], vendor_ref)
                    for line in json_lines(response.text)
                },
                untold(vendor_ref),
            )

        return await self._try_to(read)

    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Call it off."""

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
    """How a call ended: of those that did not succeed, none is charged."""
    match result["type"]:
        case "succeeded":
            try:
                return read_message(result["message"], vendor_ref=None)
            except (LookupError, TypeError, AttributeError):
                return unreadable_failure(_NAME, seconds=0, vendor_ref=vendor_ref)
        case "canceled":
            reason, message = (
                FailureReason.CANCELED,
                "The batch was called off before its turn came.",
            )
        case "expired":
            reason, message = FailureReason.EXPIRED, "The batch was a day old before its turn came."
        case _:
            kind = result["error"]["error"]["type"]
            reason = _FAULTS.get(kind, FailureReason.SERVER_ERROR)
            message = f"{_NAME} answered {kind} in a batch."
    return not_done(reason, message, vendor_ref=vendor_ref)
