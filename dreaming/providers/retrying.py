"""Repeating an attempt that failed for a moment."""

import random
from collections.abc import Awaitable, Callable

from dreaming.model_call import Failure, Outcome

MAX_ATTEMPTS = 8
MAX_UNKNOWN_CHARGES = 3
"""Limit on attempts that may have been charged without a reply: each may cost its full price."""
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 20.0
MAX_RETRY_AFTER_SECONDS = 60.0
"""A longer wait that a vendor asks for is a daily quota: waiting only holds up other calls."""


async def retry(
    attempt: Callable[[], Awaitable[Outcome]],
    *,
    pause: Callable[[float], Awaitable[bool]],
    jitter: Callable[[], float] = random.random,
) -> Outcome:
    """Make attempts until one does not fail transiently; returns the last outcome.

    At most 8 attempts, and at most 3 that may have been charged without a reply. Pauses grow
    exponentially, with full jitter, and are no shorter than the vendor asks for. After a `pause`
    that returns False no attempt is made.
    """
    backoff_seconds = FIRST_PAUSE_SECONDS
    unknown_charges = 0
    for attempts_left in range(MAX_ATTEMPTS - 1, -1, -1):
        outcome = await attempt()
        unknown_charges += outcome.charge == "unknown"
        if not isinstance(outcome, Failure) or not outcome.transient:
            break
        if attempts_left == 0 or unknown_charges == MAX_UNKNOWN_CHARGES:
            break
        retry_after = outcome.retry_after_seconds or 0.0
        if retry_after > MAX_RETRY_AFTER_SECONDS:
            break
        # Full jitter: attempts that failed together do not come back together.
        pause_seconds = max(retry_after, backoff_seconds * jitter())
        if not await pause(pause_seconds):
            break
        backoff_seconds = min(2 * backoff_seconds, MAX_PAUSE_SECONDS)
    return outcome
