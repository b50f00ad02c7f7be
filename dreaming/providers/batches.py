"""A vendor's batch API: many requests at once, answered within a day at half the price.

What was given to a vendor may have arrived although nobody was told so: `find` looks for it, and so
nothing is given twice.
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
"""How long it may take to give a vendor a batch: some megabytes."""


@dataclass(frozen=True, slots=True)
class Look:
    """How far a batch is."""

    has_ended: bool


@dataclass(frozen=True, slots=True)
class Unsure:
    """Whether a vendor has a batch cannot be told before others have ended that look like it."""


@dataclass(frozen=True, slots=True)
class Results:
    """How the calls of a batch that has ended ended, by the ids that they were given with."""

    outcomes: Mapping[str, Outcome]
    rest: Failure
    """How those ended that the vendor does not name."""


_Client = TypeVar("_Client")
_Got = TypeVar("_Got")


class VendorBatches(ABC, Generic[_Client]):
    """The batches of one vendor's account. What the vendor does
    wrong is a `Failure`, never raised.
    """

    name: ClassVar[str]
    """The vendor's."""

    def __init__(
        self,
        connect: Callable[[], _Client],
        model: str,
        request: Callable[[ModelCall], dict[str, Any]],
    ) -> None:
        """`connect` gives the client, `request` what is sent for a call."""
        self._connect = connect
        self._model = model
        self._request = request

    @abstractmethod
    async def submit(self, batch_id: str, calls: Mapping[str, ModelCall]) -> str | Failure:
        """Give the vendor calls by their ids; returns its own id of the batch.

        A failure whose charge is unknown may have been taken all the same: see `find`.
        """

    @abstractmethod
    async def find(
        self, batch_id: str, call_ids: Collection[str], *, since: datetime, known: Collection[str]
    ) -> str | Unsure | Failure | None:
        """The vendor's id of a batch that may have been given to it; None where it has none.

        It was made `since` then, by the vendor's clock; `known` are the vendor's ids of other
        batches.
        """

    @abstractmethod
    async def look(self, vendor_ref: str) -> Look | Failure:
        """How far a batch is."""

    @abstractmethod
    async def read(self, vendor_ref: str) -> Results | Failure:
        """What came of a batch that has ended."""

    @abstractmethod
    async def cancel(self, vendor_ref: str) -> Failure | None:
        """Call a batch off; what is answered already is charged, and comes with its results."""

    @abstractmethod
    async def delete(self, vendor_ref: str) -> None:
        """Let the vendor delete what it was shown and what it answered, as far as it can."""

    @abstractmethod
    def _errors(self) -> SdkErrors:
        """The module of the vendor's SDK."""

    async def _try_to(self, do: Callable[[], Awaitable[_Got]]) -> _Got | Failure:
        return await try_to(do, provider=self.name, model=self._model, errors=self._errors())


def named(vendor_ref: str | None) -> str:
    """The vendor's id of something; raises `ValueError` where it gives none."""
    if not vendor_ref:
        raise ValueError("It has no id.")
    return vendor_ref


def not_done(reason: FailureReason, message: str, *, vendor_ref: str) -> Failure:
    """How a call of a batch ended that the vendor did not do, and does not charge."""
    return Failure(reason=reason, charge="released", message=message, vendor_ref=vendor_ref)


def untold(vendor_ref: str) -> Failure:
    """How a call of a batch ended that the vendor does not name: it may have been charged."""
    message = "The vendor tells nothing of it."
    return Failure(
        reason=FailureReason.LOST, charge="unknown", message=message, vendor_ref=vendor_ref
    )


def json_lines(text: str) -> list[dict[str, Any]]:
    """The objects of a text with one a line; raises `ValueError` for another text.

    Not by `splitlines`: what is said may hold line breaks of other kinds, which JSON leaves as they
    are.
    """
    return [json.loads(line) for line in text.split("\n") if line.strip()]
