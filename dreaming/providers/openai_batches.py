"""OpenAI's Batch API: a file of calls in, two files of results out, within 24 hours."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.attempt import MAX_ERROR_CHARACTERS, SdkErrors
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
from dreaming.providers.faults import status_failure, unreadable_failure
from dreaming.providers.openai_completions import read_completion

if TYPE_CHECKING:
    from openai import AsyncOpenAI  # noqa: F401 # a base names it
    from openai.types import Batch

_NAME = "openai"
_ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_ID_KEY = "dreaming_batch"
"""The key of the batch's metadata that holds our id of it."""
_OK = 200
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_EXPIRED = "batch_expired"


class OpenAIBatches(VendorBatches["AsyncOpenAI"]):
    """The batches of a project; each stores our id of it in its metadata."""

    name = _NAME

    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:
        """Upload a file of the calls, and create a batch of it."""
        file_id = await self._upload(batch_id, calls)
        if isinstance(file_id, Failure):
            # There is no batch yet, and a file costs nothing.
            return replace(file_id, charge="released")

        async def create() -> str:
            batch = await self._connect().batches.create(
                input_file_id=file_id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_ID_KEY: batch_id},
                timeout=SUBMIT_SECONDS,
            )
            return require_id(batch.id)

        vendor_ref = await self._try_to(create)
        # The file stays where the charge is unknown: the batch may exist, and then needs it.
        if isinstance(vendor_ref, Failure) and vendor_ref.charge == "released":
            await self._delete_file(file_id)
        return vendor_ref

    async def _upload(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:
        lines = [
            {"custom_id": call_id, "method": "POST", "url": _ENDPOINT, "body": self._request(call)}
            for call_id, call in calls.items()
        ]
        # `json.dumps` writes ASCII: no reader takes U+2028 in a text for the end of a line.
        content = "\n".join(map(json.dumps, lines)).encode()
        file_to_upload = (f"dreaming-{batch_id}.jsonl", content, "application/jsonl")

        async def upload() -> str:
            file = await self._connect().files.create(
                file=file_to_upload, purpose="batch", timeout=SUBMIT_SECONDS
            )
            return require_id(file.id)

        return await self._try_to(upload)

    async def find(
        self,
        batch_id: str,
        call_ids: Collection[str],  # noqa: ARG002
        *,
        since: datetime,
        known: Collection[str],  # noqa: ARG002
    ) -> str | Unsure | Failure | None:
        """Search for the batch with our id in its metadata."""

        async def search() -> str | None:
            async for batch in self._connect().batches.list(limit=100):
                # Newest first: all that follow are older still.
                if batch.created_at < since.timestamp():
                    break
                metadata = batch.metadata or {}
                if metadata.get(_ID_KEY) == batch_id:
                    return batch.id
            return None

        return await self._try_to(search)

    async def look(self, vendor_ref: str) -> BatchStatus | Failure:
        """Whether it has ended."""

        async def retrieve() -> BatchStatus:
            batch = await self._connect().batches.retrieve(vendor_ref)
            return BatchStatus(batch.status in _ENDED)

        return await self._try_to(retrieve)

    async def read(self, vendor_ref: str) -> Results | Failure:
        """Its results, from both files: the calls that failed, and those that were answered."""

        async def read() -> Results:
            batch = await self._connect().batches.retrieve(vendor_ref)
            outcomes: dict[str, Outcome] = {}
            # The output file last: of two lines on one call, the reply counts.
            for file_id in (batch.error_file_id, batch.output_file_id):
                if not file_id:
                    continue
                content = await self._connect().files.content(file_id)
                for line in json_lines(content.text):
                    outcomes[line["custom_id"]] = self._outcome(line, vendor_ref)
            return Results(outcomes, _rest(batch))

        return await self._try_to(read)

    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Cancel it."""

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
            error = line.get("error") or {}
            return _error_failure(error.get("code"), vendor_ref)
        status = response["status_code"]
        if status != _OK:
            error_text = str(response.get("body"))[:MAX_ERROR_CHARACTERS]
            failure = status_failure(_NAME, self._model, status, {}, error_text, seconds=0)
            # Not charged, also where the same status at once might have been.
            return unprocessed_failure(failure.reason, failure.message, vendor_ref=vendor_ref)
        # A completion of another form fails alone: it must not hide the others of its batch.
        try:
            return read_completion(
                response["body"], self._model, vendor_ref=response.get("request_id")
            )
        except (LookupError, TypeError, AttributeError):
            return unreadable_failure(_NAME, seconds=0, vendor_ref=vendor_ref)

    def _errors(self) -> SdkErrors:
        import openai

        return openai


def _error_failure(code: str | None, vendor_ref: str) -> Failure:
    """The outcome of a call that the vendor's queue failed, without a response."""
    if code == _EXPIRED:
        return _expired_failure(vendor_ref)
    message = f"{_NAME} answered {code!r} in a batch."
    return unprocessed_failure(FailureReason.SERVER_ERROR, message, vendor_ref=vendor_ref)


def _rest(batch: "Batch") -> Failure:
    """The outcome of the calls that neither file names."""
    if batch.status == "failed":
        message = f"{_NAME} failed the batch: {_error_code(batch)}."
        # The fault of the whole, such as too much in the queue: a single call may be without one.
        return unprocessed_failure(FailureReason.SERVER_ERROR, message, vendor_ref=batch.id)
    if batch.status == "expired":
        return _expired_failure(batch.id)
    if batch.status == "cancelled":
        message = "The batch was called off before its turn came."
        return unprocessed_failure(FailureReason.CANCELED, message, vendor_ref=batch.id)
    return unreported_failure(batch.id)


def _expired_failure(vendor_ref: str) -> Failure:
    message = "The batch was a day old before its turn came."
    return unprocessed_failure(FailureReason.EXPIRED, message, vendor_ref=vendor_ref)


def _error_code(batch: "Batch") -> str:
    """The first error code of a batch that failed; "no reason" without one."""
    errors = (batch.errors and batch.errors.data) or []
    for error in errors:
        if error.code:
            return error.code
    return "no reason"
