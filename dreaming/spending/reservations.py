"""What is asked of the ledger about a call, to reserve for it and to settle it, and its replies."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dreaming.chunk import QualityLevel
from dreaming.conversation import ConversationId
from dreaming.model_call import Answer, Delivery, FailureReason, Outcome
from dreaming.money import Amount
from dreaming.spending.budgets import Balance

Purpose = Literal["basic_chunks", "upgrade", "planning", "benchmark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A call about to be made, and the most that it can come to."""

    request_key: str
    """Equal for equal calls: the hash of what is sent (`ModelCall.key`)."""
    scopes: tuple[str, ...]
    need: Amount
    provider: str
    tier: QualityLevel
    model_asked: str
    model: str
    purpose: Purpose
    prompt_version: str
    conversation_id: ConversationId | None
    run_id: str | None
    request_id: str | None = None
    day: str | None = None
    lease: timedelta
    """How long the call may stay open.

    After it, a call whose process cannot be looked up (it is on another machine) counts as dead. Of
    a process on this machine, it is looked up whether it lives.
    """
    delivery: Delivery = "now"
    ask_again: bool = False
    """Whether an unusable reply to an equal call is ignored, and the model asked again."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """The call may be made."""

    call_id: str


@dataclass(frozen=True, slots=True)
class AlreadyAsked:
    """An equal call is under way."""

    in_batch: bool = False
    """Whether that may take a day."""


@dataclass(frozen=True, slots=True)
class FailedInBatch:
    """This request's equal call failed in a batch, and this one is not put into another."""

    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Busy:
    """Another upgrade is asking about the same conversation.

    What it buys need not be bought again.
    """

    in_batch: bool = False
    """Whether that may take a day."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """The reservation does not fit into a scope."""

    balance: Balance
    may_fit_later: bool
    """Whether other calls of the scope are under way that may leave enough."""


ReservationResult = Reserved | Answer | AlreadyAsked | FailedInBatch | Busy | NoRoom
"""The result of a reservation; an `Answer` where an equal call got a reply before."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """A call that has ended."""

    call_id: str
    outcome: Outcome
    cost: int
    """In picodollars, of the usage that the vendor reports."""
    ended_at: datetime
    run_id: str | None = None
    """The run that learnt the outcome, if another run made the call."""
