"""The interface of a vendor's batch API: many calls at once, answered within a day at half price.

A batch may have arrived at the vendor although the reply to its submission was lost. `find`
searches for it there before it is submitted again, so that no call is paid for twice.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.providers.attempt import SdkErrors, try_to

SUBMIT_SECONDS = 300.0
"""Timeout of a submission, which uploads some megabytes."""


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """The state of a batch at its vendor."""

    has_ended: bool


@dataclass(frozen=True, slots=True)
class Unsure:
    """The vendor may have the batch: some that are under way look like it."""


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a batch that has ended."""

    outcomes: Mapping[str, Outcome]
    """By the ids of the calls."""
    rest: Failure
    """The outcome of the calls that the vendor does not name."""


_Client = TypeVar("_Client")
_Result = TypeVar("_Result")


class VendorBatches(ABC, Generic[_Client]):
    """The batches of one vendor's account. The vendor's errors are returned, as a `Failure`."""

    name: ClassVar[str]
    """The vendor's name."""

    def __init__(
        self,
        connect: Callable[[], _Client],
        model: str,
        request: Callable[[ModelCall], dict[str, Any]],
    ) -> None:
        """`connect` returns the client, `request` the body that is sent for a call."""
        self._connect = connect
        self._model = model
        self._request = request

    @abstractmethod
    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:
        """Submit calls by their ids; returns the vendor's id of the batch.

        After a failure whose charge is unknown, the batch may exist all the same: see `find`.
        """

    @abstractmethod
    async def find(
        self, batch_id: str, call_ids: Collection[str], *, since: datetime, known: Collection[str]
    ) -> str | Unsure | Failure | None:
        """The vendor's id of a batch whose submission failed; None where the vendor has no such.

        Only batches made at `since` or later count, by the vendor's clock; `known` are the vendor's
        ids of other batches.
        """

    @abstractmethod
    async def look(self, vendor_ref: str) -> BatchStatus | Failure:
        """The state of a batch."""

    @abstractmethod
    async def read(self, vendor_ref: str) -> Results | Failure:
        """The results of a batch that has ended."""

    @abstractmethod
    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Cancel a batch; calls that are answered already are charged, and in its results."""

    @abstractmethod
    async def delete(self, vendor_ref: str) -> None:
        """Delete the texts of a batch and of its replies at the vendor, as far as it allows."""

    @abstractmethod
    def _errors(self) -> SdkErrors:
        """The module of the vendor's SDK."""

    async def _try_to(self, do: Callable[[], Awaitable[_Result]]) -> _Result | Failure:
        return await try_to(do, provider=self.name, model=self._model, errors=self._errors())


def require_id(vendor_ref: str | None) -> str:
    """The vendor's id of a file or batch; raises `ValueError` where the reply has none."""
    if not vendor_ref:
        raise ValueError("It has no id.")
    return vendor_ref


def unprocessed_failure(reason: FailureReason, message: str, *, vendor_ref: str) -> Failure:
    """The outcome of a call that the vendor did not process, and so does not charge."""
    return Failure(reason=reason, charge="released", message=message, vendor_ref=vendor_ref)


def unreported_failure(vendor_ref: str) -> Failure:
    """The outcome of a call that is missing in the results: it may have been charged."""
    message = "The vendor tells nothing of it."
    return Failure(
        reason=FailureReason.LOST, charge="unknown", message=message, vendor_ref=vendor_ref
    )


def json_lines(text: str) -> list[dict[str, Any]]:
    """The objects of a text that has one a line; raises `ValueError` for another text."""
    # Not by `splitlines`: JSON does not escape line breaks such as U+2028 in a text.
    lines = [line for line in text.split("\n") if line.strip()]
    return [json.loads(line) for line in lines]
