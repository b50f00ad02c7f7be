"""OpenAI's Batch API: a file of calls, answered within 24 hours at half the price in two other
files.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
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
from dreaming.providers.faults import status_failure, unreadable_failure
from dreaming.providers.openai_completions import read_completion

if TYPE_CHECKING:
    from openai import AsyncOpenAI  # noqa: F401 # a base names it
    from openai.types import Batch

_NAME = "openai"
_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_OURS = "dreaming_batch"
"""The name of the metadata that a batch is known by."""
_OK = 200
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_EXPIRED = "batch_expired"


class OpenAIBatches(VendorBatches["AsyncOpenAI"]):
    """The batches of a project, each known by an id of ours that it bears."""

    name = _NAME

    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:
        """Upload a file of the calls, and make a batch of it. A file
        without a batch costs nothing.
        """
        lines = [
            {"custom_id": call_id, "method": "POST", "url": _ENDPOINT, "body": self._request(call)}
            for call_id, call in calls.items()
        ]
        # In ASCII: nobody can take a line break of another kind for the end of a line.
        content = "\n".join(map(json.dumps, lines)).encode()

        async def upload() -> str:
            upload_as = (f"dreaming-{batch_id}.jsonl", content, "application/jsonl")
            file = await self._connect().files.create(
                file=upload_as, purpose="batch", timeout=SUBMIT_SECONDS
            )
            return named(file.id)

        file_id = await self._try_to(upload)
        if isinstance(file_id, Failure):
            # However it ended, there is no batch.
            return replace(file_id, charge="released")

        async def create() -> str:
            batch = await self._connect().batches.create(
                input_file_id=file_id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_OURS: batch_id},
                timeout=SUBMIT_SECONDS,
            )
            return named(batch.id)

        made = await self._try_to(create)
        if isinstance(made, Failure) and made.charge == "released":
            await self._delete_file(file_id)
        return made

    async def find(
        self,
        batch_id: str,
        call_ids: Collection[str],  # noqa: ARG002
        *,
        since: datetime,
        known: Collection[str],  # noqa: ARG002
    ) -> str | Unsure | Failure | None:
        """Look for the batch that bears the id."""

        async def look() -> str | None:
            async for batch in self._connect().batches.list(limit=100):
                if batch.created_at < since.timestamp():
                    break
                if (batch.metadata or {}).get(_OURS) == batch_id:
                    return batch.id
            return None

        return await self._try_to(look)

    async def look(self, vendor_ref: str) -> Look | Failure:
        """How far it is."""

        async def retrieve() -> Look:
            batch = await self._connect().batches.retrieve(vendor_ref)
            return Look(batch.status in _ENDED)

        return await self._try_to(retrieve)

    async def read(self, vendor_ref: str) -> Results | Failure:
        """Its results, from both files: what was answered, and what was not."""

        async def read() -> Results:
            batch = await self._connect().batches.retrieve(vendor_ref)
            outcomes: dict[str, Outcome] = {}
            for file_id in (batch.error_file_id, batch.output_file_id):
                if file_id:
                    content = await self._connect().files.content(file_id)
                    outcomes |= {
                        line["custom_id"]: self._outcome(line, vendor_ref)
                        for line in json_lines(content.text)
                    }
            return Results(outcomes, _rest(batch))

        return await self._try_to(read)

    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Call it off."""

        async def cancel() -> None:
            await self._connect().batches.cancel(vendor_ref)

        return await self._try_to(cancel)

    async def delete(self, vendor_ref: str) -> None:
        """Delete its files; the batch itself, which holds no text, stays."""

        async def retrieve() -> "Batch":
            return await self._connect().batches.retrieve(vendor_ref)

        batch = await self._try_to(retrieve)
        if isinstance(batch, Failure):
            return
        for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
            if file_id:
                await self._delete_file(file_id)

    async def _delete_file(self, file_id: str) -> None:
        async def delete() -> None:
            await self._connect().files.delete(file_id)

        await self._try_to(delete)

    def _outcome(self, line: Any, vendor_ref: str) -> Outcome:
        response = line.get("response")
        if response is None:
            code = (line.get("error") or {}).get("code")
            if code == _EXPIRED:
                return not_done(
                    FailureReason.EXPIRED,
                    "The batch was a day old before its turn came.",
                    vendor_ref=vendor_ref,
                )
            return not_done(
                FailureReason.SERVER_ERROR,
                f"{_NAME} answered {code!r} in a batch.",
                vendor_ref=vendor_ref,
            )
        status = response["status_code"]
        if status != _OK:
            said = str(response.get("body"))[:2_000]
            failure = status_failure(_NAME, self._model, status, {}, said, seconds=0)
            return not_done(failure.reason, failure.message, vendor_ref=vendor_ref)
        try:
            return read_completion(
                response["body"], self._model, vendor_ref=response.get("request_id")
            )
        except (LookupError, TypeError, AttributeError):
            return unreadable_failure(_NAME, seconds=0, vendor_ref=vendor_ref)

    def _errors(self) -> SdkErrors:
        import openai

        return openai


def _rest(batch: "Batch") -> Failure:
    """How the calls ended that neither file names."""
    if batch.status == "failed":
        told = next(
            (error.code for error in (batch.errors and batch.errors.data) or [] if error.code),
            "no reason",
        )
        # The fault of the whole, such as too much in the queue: a single call may be without one.
        return not_done(
            FailureReason.SERVER_ERROR, f"{_NAME} failed the batch: {told}.", vendor_ref=batch.id
        )
    if batch.status == "expired":
        return not_done(
            FailureReason.EXPIRED,
            "The batch was a day old before its turn came.",
            vendor_ref=batch.id,
        )
    if batch.status == "cancelled":
        return not_done(
            FailureReason.CANCELED,
            "The batch was called off before its turn came.",
            vendor_ref=batch.id,
        )
    return untold(batch.id)
