"""The meter: the one way to a model that costs something. Reserve, call, settle.

A reservation that does not fit waits while others of its scopes are under way, since these give
back what they do not use. Only when none is does a budget refuse.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from dreaming.chunk import QualityLevel
from dreaming.model_call import (
    CALLED_OFF,
    Answer,
    Delivery,
    Failure,
    FailureReason,
    ModelCall,
    Outcome,
)
from dreaming.money import Amount
from dreaming.spending.budgets import WINDOWS, Balance, request_scope, window_scope
from dreaming.spending.entries import (
    AlreadyAsked,
    Busy,
    FailedInBatch,
    NoRoom,
    Purpose,
    Reservation,
    Reserved,
    Reserving,
)
from dreaming.spending.ledger import Ledger
from dreaming.spending.prices import Price, worst_case

POLL_SECONDS = 0.25
"""How soon a waiting reservation learns of what other processes gave back; of its own process it
learns at once.
"""
DEAD_LOOK_SECONDS = 5.0
"""How often it looks whether those that it waits for are dead."""
LEASE_MARGIN = timedelta(seconds=60)
BATCHED_WITHIN = timedelta(hours=1)
"""How long a call that is to go into a batch may wait for it to be made up."""
LARGEST_SHARE_OF_TIME = 1 / 3
"""Of the time to the deadline that one call may take."""
LEAST_SECONDS = 0.5
"""A call that would have less is not made."""
LATEST_ANSWERS = 16
"""Nor is one that would have less than the slowest of so many took."""

SecondsLeft = Callable[[], float | None]
"""How long a call that is sent now may take; None where it is too late for one."""

Send = Callable[[SecondsLeft], Awaitable[Outcome]]
"""Sends a call when its turn comes."""


Keep = Callable[[str, ModelCall], None]
"""Keeps a call that was reserved for, by its id, until it is given to the vendor in a batch."""

PENDING = Failure(
    reason=FailureReason.PENDING,
    charge="released",
    message="The reply comes in a batch, within a day.",
)
"""How one ends for now whose reply comes later."""


class CalledOff(asyncio.CancelledError):
    """A call was called off after it was sent, and this is how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedModel:
    """What the meter must know of a model."""

    provider: str
    asked: str
    served: str
    tier: QualityLevel
    is_local: bool
    price: Price
    timeout_seconds: float
    bound_input_tokens: Callable[[ModelCall], int]
    """The most input tokens that a call can be charged for, told without asking anybody."""
    count_input_tokens: Callable[[ModelCall], Awaitable[int | None]]
    """The vendor's own free count, where there is one."""


class Meter:
    """Meters the calls of one run, on one event loop. Raises `StorageError` when the ledger cannot
    be written.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        purpose: Purpose,
        run_id: str | None,
        request_id: str | None = None,
        deadline_at: datetime | None = None,
        account: str | None = None,
        retry_failed: bool = False,
        keep_for_batch: Keep | None = None,
    ) -> None:
        """`account` is a further scope that calls count in.

        With `keep_for_batch`, calls are reserved for at the price of batches and kept: it is told
        each.
        """
        self._ledger = ledger
        self._purpose = purpose
        self._run_id = run_id
        self._request_id = request_id
        self._deadline_at = deadline_at
        self._own_scopes = tuple(
            each for each in (request_id and request_scope(request_id), account) if each
        )
        self._retry_failed = retry_failed
        self._keep_for_batch = keep_for_batch
        self._delivery: Delivery = "batch" if keep_for_batch else "now"
        self._freed = asyncio.Event()
        self._wound_up = asyncio.Event()
        self._looked_at = monotonic()
        self._took: deque[float] = deque(maxlen=LATEST_ANSWERS)

    def wind_up(self) -> None:
        """Let no further call be made: what waits for a place in a budget is given up, what is
        under way goes on.
        """
        self._wound_up.set()
        self._freed.set()

    @property
    def is_winding_up(self) -> bool:
        """Whether no further call is made: those under way may end."""
        return self._wound_up.is_set()

    async def pause(self, seconds: float) -> bool:
        """Wait before a call; returns False, early, where none is to be made any more."""
        left = (
            seconds
            if self._deadline_at is None
            else min(seconds, self._left_seconds(self._deadline_at))
        )
        try:
            await asyncio.wait_for(self._wound_up.wait(), max(left, 0))
        except TimeoutError:
            return left == seconds
        return False

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:
        """Make one attempt, reserved and settled; an uncharged `Failure` where a budget or the time
        forbids it.

        Where an equal call has had a reply, it is that.
        """
        if self.is_winding_up:
            return CALLED_OFF
        if self._seconds(asked) is None:
            stored = await asyncio.to_thread(self._ledger.reply, key, ask_again=self._retry_failed)
            return stored or too_late()
        if self._keep_for_batch:
            return await self._keep(self._keep_for_batch, key, asked, call)
        reserved = await self._reserve(self._reservation(key, asked, call), asked, call)
        return (
            await self._call(reserved.call_id, asked, send)
            if isinstance(reserved, Reserved)
            else reserved
        )

    async def _keep(self, keep: Keep, key: str, asked: AskedModel, call: ModelCall) -> Outcome:
        """Reserve for a call that is given to the vendor later.

        By an exact count, which there is time for: nothing is given back before the batch has come,
        and the more calls fit into a budget together, the fewer batches it takes.
        """
        stored = await asyncio.to_thread(self._ledger.reply, key, ask_again=self._retry_failed)
        if stored is not None:
            return stored
        reservation = await self._counted(self._reservation(key, asked, call), asked, call)
        reserved = await self._reserve(reservation, asked, call, counted=True)
        if not isinstance(reserved, Reserved):
            return reserved
        keep(reserved.call_id, call)
        return PENDING

    def _seconds(self, asked: AskedModel) -> float | None:
        """How long a call may take; for one in a batch only that it may still be asked matters."""
        if self._deadline_at is None:
            return asked.timeout_seconds
        if self._keep_for_batch:
            return asked.timeout_seconds if self._left_seconds(self._deadline_at) > 0 else None
        seconds = min(
            asked.timeout_seconds, self._left_seconds(self._deadline_at) * LARGEST_SHARE_OF_TIME
        )
        return seconds if seconds >= max([LEAST_SECONDS, *self._took]) else None

    def _left_seconds(self, deadline_at: datetime) -> float:
        return (deadline_at - self._ledger.clock()).total_seconds()

    def _reservation(self, key: str, asked: AskedModel, call: ModelCall) -> Reservation:
        return Reservation(
            request_key=key,
            scopes=self._scopes(asked),
            need=self._need(asked, call, asked.bound_input_tokens(call)),
            provider=asked.provider,
            tier=asked.tier,
            model_asked=asked.asked,
            model=asked.served,
            purpose=self._purpose,
            prompt_version=call.prompt_version,
            conversation_id=call.conversation_id,
            run_id=self._run_id,
            request_id=self._request_id,
            day=call.day.isoformat() if call.day else None,
            lease=BATCHED_WITHIN
            if self._keep_for_batch
            else timedelta(seconds=asked.timeout_seconds) + LEASE_MARGIN,
            delivery=self._delivery,
            ask_again=self._retry_failed,
        )

    def _scopes(self, asked: AskedModel) -> tuple[str, ...]:
        if asked.is_local:
            return ()
        at = self._ledger.clock()
        windows = tuple(window_scope(asked.provider, asked.tier, window, at) for window in WINDOWS)
        return (*windows, *self._own_scopes)

    def _need(self, asked: AskedModel, call: ModelCall, input_tokens: int) -> Amount:
        return worst_case(
            asked.price,
            input_tokens=input_tokens,
            output_tokens=call.max_output_tokens,
            at=self._ledger.clock(),
            delivery=self._delivery,
        )

    async def _counted(
        self, reservation: Reservation, asked: AskedModel, call: ModelCall
    ) -> Reservation:
        """A reservation by the vendor's own count of its input, where that is lower than what is
        known without it.
        """
        exact = await asked.count_input_tokens(call)
        if exact is None or exact >= asked.bound_input_tokens(call):
            return reservation
        return replace(reservation, need=self._need(asked, call, exact))

    async def _reserve(
        self, reservation: Reservation, asked: AskedModel, call: ModelCall, *, counted: bool = False
    ) -> Reserved | Outcome:
        while True:
            freed = self._freed
            result = await self._ask_ledger(reservation)
            if isinstance(result, Reserved | Answer):
                return result
            if isinstance(result, AlreadyAsked | Busy) and result.in_batch:
                return PENDING
            if isinstance(result, FailedInBatch):
                return _not_sent(result.reason, "The vendor did not do it in a batch.")
            if isinstance(result, NoRoom) and not counted:
                # The bound by bytes is several times what a vendor counts: near the end of a budget
                # that matters.
                counted, before = True, reservation
                reservation = await self._counted(reservation, asked, call)
                if reservation is not before:
                    continue
            # What is reserved for a batch is free again when that has come: a further one may take
            # this then.
            if isinstance(result, NoRoom) and (self._keep_for_batch or not result.may_fit_later):
                return _not_sent(
                    FailureReason.OVER_BUDGET, _does_not_fit(result.balance, reservation.need)
                )
            if self.is_winding_up:
                return CALLED_OFF
            if self._seconds(asked) is None:
                return _not_sent(
                    FailureReason.OUT_OF_TIME,
                    "The time was over before a place in the budget was free.",
                )
            if isinstance(result, Busy):
                await self._wait(self._wound_up)
                return _not_sent(
                    FailureReason.BUSY, "Another upgrade is asking about this conversation."
                )
            await self._wait(freed)

    async def _ask_ledger(self, reservation: Reservation) -> Reserving:
        """Reserve; when everything is called off meanwhile, give back what was reserved."""
        asking = asyncio.ensure_future(asyncio.wrap_future(self._ledger.reserve(reservation)))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            result = await asking
            if isinstance(result, Reserved):
                await self._settle(result.call_id, CALLED_OFF, 0)
            raise

    async def _wait(self, event: asyncio.Event) -> None:
        """Until something has happened in this process, or for a moment; what the dead hold is let
        go.
        """
        try:
            await asyncio.wait_for(event.wait(), POLL_SECONDS)
        except TimeoutError:
            if monotonic() - self._looked_at > DEAD_LOOK_SECONDS:
                self._looked_at = monotonic()
                await asyncio.to_thread(self._ledger.give_up_dead)

    async def _call(self, call_id: str, asked: AskedModel, send: Send) -> Outcome:
        try:
            outcome = await send(lambda: self._seconds(asked))
        except CalledOff as error:
            await asyncio.shield(self._settle_priced(call_id, asked, error.outcome))
            raise
        except BaseException:
            await asyncio.shield(self._settle_priced(call_id, asked, CALLED_OFF))
            raise
        await asyncio.shield(self._settle_priced(call_id, asked, outcome))
        if not isinstance(outcome, Answer):
            return outcome
        self._took.append(outcome.seconds)
        return replace(outcome, call_id=call_id)

    async def _settle_priced(self, call_id: str, asked: AskedModel, outcome: Outcome) -> None:
        usage = outcome.usage
        cost = 0 if usage is None else asked.price.cost(usage, at=self._ledger.clock())
        await self._settle(call_id, outcome, cost)

    async def _settle(self, call_id: str, outcome: Outcome, cost: int) -> None:
        await asyncio.wrap_future(self._ledger.settle(call_id, outcome, cost=cost))
        self._freed.set()
        self._freed = asyncio.Event()


def too_late() -> Failure:
    """How a call ends that is not sent because its reply would come too late."""
    return _not_sent(
        FailureReason.OUT_OF_TIME,
        "The time that the upgrade was given is over, or too short for a call.",
    )


def _not_sent(reason: FailureReason, message: str) -> Failure:
    return Failure(reason=reason, charge="released", message=message)


def _does_not_fit(balance: Balance, need: Amount) -> str:
    if balance.closed:
        return f"The budget {balance.scope_id!r} is closed. {balance.closed}"
    room, limit = balance.room, balance.limit
    if room.tokens is not None and need.tokens > room.tokens:
        left = (
            f"{room.tokens:,} of {limit.tokens:,} tokens left; the next call reserves "
            f"{need.tokens:,}"
        )
    else:
        left = (
            f"{_usd(room.picodollars)} of {_usd(limit.picodollars)} left; the next call reserves "
            f"${need.cost_usd:.6f}"
        )
    return f"Budget {balance.scope_id!r} has {left}. Raise the budget or narrow the filter."


def _usd(picodollars: int | None) -> str:
    return f"${Amount(0, picodollars or 0).cost_usd:.6f}"
