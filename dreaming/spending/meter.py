"""The meter: the only way to a model that costs something. It reserves, calls and settles.

A reservation that does not fit waits while other calls of its scopes are under way, since these
give back what they do not use. A budget refuses only when no call is.
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
from dreaming.spending.ledger import Ledger
from dreaming.spending.prices import Price, worst_case
from dreaming.spending.reservations import (
    AlreadyAsked,
    Busy,
    FailedInBatch,
    NoRoom,
    Purpose,
    Reservation,
    ReservationResult,
    Reserved,
)

# Only for other processes: what this process gives back wakes a waiting reservation at once. Each
# poll is an entry for the ledger's writer for every waiting call.
POLL_SECONDS = 0.25
"""How often a waiting reservation is tried again."""

# Processes die rarely, and each look reads all open calls.
DEAD_LOOK_SECONDS = 5.0
"""How often a waiting reservation looks for open calls of dead processes."""

# A call that ends at its timeout still has to be settled: a lease without a margin could be given
# up by another machine in that moment.
LEASE_MARGIN = timedelta(seconds=60)
"""How long after its timeout a call is taken for lost."""

BATCHED_WITHIN = timedelta(hours=1)
"""The longest that a call with a reservation waits for its batch to be submitted."""

# So that a call that fails leaves time for another attempt.
LARGEST_SHARE_OF_TIME = 1 / 3
"""The part of the time to the deadline that one call may take."""

LEAST_SECONDS = 0.5
"""A call that has less time than this is not made."""

# A call that is cut off at the deadline is paid for and gives nothing. How long this model takes
# is best known from its latest replies.
LATEST_ANSWERS = 16
"""A call that has less time than the slowest of this many latest replies is not made."""

SecondsLeft = Callable[[], float | None]
"""How long a call that is sent now may take; None when it is too late for a call."""

Send = Callable[[SecondsLeft], Awaitable[Outcome]]
"""Sends a call when its turn comes."""

Keep = Callable[[str, ModelCall], None]
"""Keeps a call with a reservation, by its id, until its batch is submitted to the vendor."""

PENDING = Failure(
    reason=FailureReason.PENDING,
    charge="released",
    message="The reply comes in a batch, within a day.",
)
"""Outcome, for now, of a call whose reply comes later."""


class CalledOff(asyncio.CancelledError):
    """A call was cancelled after it was sent; `outcome` is how it ended."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedModel:
    """A model as the meter sees it: its scopes, price and timeout."""

    provider: str
    asked: str
    served: str
    tier: QualityLevel
    is_local: bool
    price: Price
    timeout_seconds: float
    bound_input_tokens: Callable[[ModelCall], int]
    """The most input tokens that a call can be charged for, computed locally."""
    count_input_tokens: Callable[[ModelCall], Awaitable[int | None]]
    """The vendor's own free count of input tokens; None where it has none."""


class Meter:
    """Meters the calls of one run, on one event loop.

    Its methods raise `StorageError` when the ledger cannot be written.
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
        """`account` is a further scope in which the calls count.

        With `keep_for_batch`, calls are reserved at the price of batches and passed to it, not
        sent.
        """
        self._ledger = ledger
        self._purpose = purpose
        self._run_id = run_id
        self._request_id = request_id
        self._deadline_at = deadline_at
        own_scopes = []
        if request_id:
            own_scopes.append(request_scope(request_id))
        if account:
            own_scopes.append(account)
        self._own_scopes = tuple(own_scopes)
        self._retry_failed = retry_failed
        self._keep_for_batch = keep_for_batch
        self._delivery: Delivery = "batch" if keep_for_batch else "now"
        self._freed = asyncio.Event()
        """Set when a call of this process is settled, and then replaced by a new event."""
        self._wound_up = asyncio.Event()
        self._looked_for_dead_at = monotonic()
        self._latest_seconds: deque[float] = deque(maxlen=LATEST_ANSWERS)

    def wind_up(self) -> None:
        """Make no further call: waiting reservations are given up, calls under way go on."""
        self._wound_up.set()
        self._freed.set()

    @property
    def is_winding_up(self) -> bool:
        """Whether `wind_up` was called."""
        return self._wound_up.is_set()

    async def pause(self, seconds: float) -> bool:
        """Wait before a call; returns False, early, when no call is to be made any more."""
        allowed = seconds
        if self._deadline_at is not None:
            allowed = min(seconds, self._left_seconds(self._deadline_at))
        try:
            await asyncio.wait_for(self._wound_up.wait(), max(allowed, 0))
        except TimeoutError:
            # The pause is over. It was cut short if the deadline comes before its end.
            return allowed == seconds
        return False

    async def attempt(self, key: str, asked: AskedModel, call: ModelCall, send: Send) -> Outcome:
        """Make one attempt, reserved and settled.

        Returns the stored reply if an equal call got one before, and an uncharged `Failure` if a
        budget or the deadline forbids the attempt.
        """
        if self.is_winding_up:
            return CALLED_OFF
        if self._seconds(asked) is None:
            # A stored reply takes no time.
            stored = await self._stored_reply(key)
            return stored or too_late()
        if self._keep_for_batch:
            return await self._keep(self._keep_for_batch, key, asked, call)
        reserved = await self._reserve(self._reservation(key, asked, call), asked, call)
        if isinstance(reserved, Reserved):
            return await self._call(reserved.call_id, asked, send)
        return reserved

    async def _stored_reply(self, key: str) -> Answer | None:
        return await asyncio.to_thread(self._ledger.reply, key, ask_again=self._retry_failed)

    async def _keep(self, keep: Keep, key: str, asked: AskedModel, call: ModelCall) -> Outcome:
        """Reserve for a call that is submitted to the vendor later, in a batch."""
        # Before the count below, which is a request to the vendor.
        stored = await self._stored_reply(key)
        if stored is not None:
            return stored
        # By the exact count, not by the bound: nothing is given back before the batch has ended,
        # and the more calls fit into a budget together, the fewer batches it takes.
        reservation = await self._counted(self._reservation(key, asked, call), asked, call)
        reserved = await self._reserve(reservation, asked, call, counted=True)
        if not isinstance(reserved, Reserved):
            return reserved
        keep(reserved.call_id, call)
        return PENDING

    def _seconds(self, asked: AskedModel) -> float | None:
        """How long a call may take; None when it is too late for a call."""
        if self._deadline_at is None:
            return asked.timeout_seconds
        left = self._left_seconds(self._deadline_at)
        if self._keep_for_batch:
            # The deadline bounds how long batches are asked for, not when their replies come.
            return asked.timeout_seconds if left > 0 else None
        seconds = min(asked.timeout_seconds, left * LARGEST_SHARE_OF_TIME)
        needed = max([LEAST_SECONDS, *self._latest_seconds])
        return seconds if seconds >= needed else None

    def _left_seconds(self, deadline_at: datetime) -> float:
        return (deadline_at - self._ledger.clock()).total_seconds()

    def _reservation(self, key: str, asked: AskedModel, call: ModelCall) -> Reservation:
        lease = timedelta(seconds=asked.timeout_seconds) + LEASE_MARGIN
        if self._keep_for_batch:
            lease = BATCHED_WITHIN
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
            lease=lease,
            delivery=self._delivery,
            ask_again=self._retry_failed,
        )

    def _scopes(self, asked: AskedModel) -> tuple[str, ...]:
        # Free calls are in the ledger for their replies, and count in no budget.
        if asked.is_local:
            return ()
        # One instant for both windows: at midnight two would be of different days.
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
        """The reservation with the vendor's own count of its input, if that is lower."""
        exact = await asked.count_input_tokens(call)
        if exact is None or exact >= asked.bound_input_tokens(call):
            return reservation
        return replace(reservation, need=self._need(asked, call, exact))

    async def _reserve(
        self, reservation: Reservation, asked: AskedModel, call: ModelCall, *, counted: bool = False
    ) -> Reserved | Outcome:
        """Reserve; waits while the reservation may fit later. `counted`: its input is exact."""
        while True:
            # Taken before the ledger is asked: a call that is settled in between sets this event,
            # and the wait below ends at once.
            freed = self._freed
            result = await self._ask_ledger(reservation)
            if isinstance(result, NoRoom) and not counted:
                # The bound by bytes is several times what a vendor counts, which matters near the
                # end of a budget. Counted only now, since the count is a request to the vendor.
                counted = True
                exact = await self._counted(reservation, asked, call)
                if exact is not reservation:
                    reservation = exact
                    continue
            outcome = self._without_waiting(result, reservation, asked)
            if outcome is not None:
                return outcome
            if isinstance(result, Busy):
                # The caller does something else before it asks again, after a moment.
                await self._wait(self._wound_up)
                return _not_sent(
                    FailureReason.BUSY, "Another upgrade is asking about this conversation."
                )
            await self._wait(freed)

    def _without_waiting(
        self, result: ReservationResult, reservation: Reservation, asked: AskedModel
    ) -> Reserved | Outcome | None:
        """The end of a reservation; None while it waits for other calls."""
        if isinstance(result, Reserved | Answer):
            return result
        if isinstance(result, AlreadyAsked | Busy) and result.in_batch:
            return PENDING
        if isinstance(result, FailedInBatch):
            return _not_sent(result.reason, "The vendor did not do it in a batch.")
        # What is reserved for a batch is free only when that has ended, a day later at most: this
        # call goes into a later batch then.
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
        return None

    async def _ask_ledger(self, reservation: Reservation) -> ReservationResult:
        """Reserve; gives back the reservation if the task is cancelled meanwhile."""
        asking = asyncio.ensure_future(asyncio.wrap_future(self._ledger.reserve(reservation)))
        try:
            # Shielded: a reservation that is written after its caller is gone would stay open.
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            # It may be written already, so its result is waited for, and then given back.
            result = await asking
            if isinstance(result, Reserved):
                await self._settle(result.call_id, CALLED_OFF, 0)
            raise

    async def _wait(self, event: asyncio.Event) -> None:
        """Wait for an event of this process, or for `POLL_SECONDS`.

        Now and then the open calls of dead processes are ended, since no one else gives back what
        they reserved.
        """
        try:
            await asyncio.wait_for(event.wait(), POLL_SECONDS)
        except TimeoutError:
            if monotonic() - self._looked_for_dead_at > DEAD_LOOK_SECONDS:
                self._looked_for_dead_at = monotonic()
                await asyncio.to_thread(self._ledger.give_up_dead)

    async def _call(self, call_id: str, asked: AskedModel, send: Send) -> Outcome:
        # Each settlement is shielded: a call that was sent may have been charged, and is settled
        # even if the run is cancelled meanwhile.
        try:
            outcome = await send(lambda: self._seconds(asked))
        except CalledOff as error:
            await asyncio.shield(self._settle_priced(call_id, asked, error.outcome))
            raise
        # Cancelled before its turn, so nothing was sent; after that it raises `CalledOff`.
        except BaseException:
            await asyncio.shield(self._settle_priced(call_id, asked, CALLED_OFF))
            raise
        await asyncio.shield(self._settle_priced(call_id, asked, outcome))
        if not isinstance(outcome, Answer):
            return outcome
        self._latest_seconds.append(outcome.seconds)
        return replace(outcome, call_id=call_id)

    async def _settle_priced(self, call_id: str, asked: AskedModel, outcome: Outcome) -> None:
        usage = outcome.usage
        cost = 0 if usage is None else asked.price.cost(usage, at=self._ledger.clock())
        await self._settle(call_id, outcome, cost)

    async def _settle(self, call_id: str, outcome: Outcome, cost: int) -> None:
        await asyncio.wrap_future(self._ledger.settle(call_id, outcome, cost=cost))
        # All that wait are woken and try again; those that still do not fit wait for the new event.
        self._freed.set()
        self._freed = asyncio.Event()


def too_late() -> Failure:
    """Outcome of a call that is not sent because its reply would come too late."""
    return _not_sent(
        FailureReason.OUT_OF_TIME,
        "The time that the upgrade was given is over, or too short for a call.",
    )


def _not_sent(reason: FailureReason, message: str) -> Failure:
    return Failure(reason=reason, charge="released", message=message)


def _does_not_fit(balance: Balance, need: Amount) -> str:
    if balance.closed:
        return f"The budget {balance.scope_id!r} is closed. {balance.closed}"
    room = balance.room
    limit = balance.limit
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
