"""Trying again what failed for a moment."""

import random
from collections.abc import Awaitable, Callable

from dreaming.model_call import Failure, Outcome

MOST_ATTEMPTS = 8
MOST_UNKNOWN = 3
"""Attempts that may have been charged, though nothing was had for it."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
"""A vendor that asks for more patience has no quota left today: waiting would only hold up the
others.
"""


async def retry(
    attempt: Callable[[], Awaitable[Outcome]],
    *,
    pause: Callable[[float], Awaitable[bool]],
    jitter: Callable[[], float] = random.random,
) -> Outcome:
    """Make an attempt, and further ones while the failures are transient; returns how the last one
    ended.

    At most 8, of which at most 3 may end in a failure that may have been charged. Pauses grow
    exponentially, with full jitter, and are no shorter than the vendor asks for; one that returns
    False was the last.
    """
    seconds, unknown = FIRST_PAUSE_SECONDS, 0
    for left in range(MOST_ATTEMPTS - 1, -1, -1):
        outcome = await attempt()
        unknown += outcome.charge == "unknown"
        if (
            not isinstance(outcome, Failure)
            or not outcome.transient
            or not left
            or unknown == MOST_UNKNOWN
        ):
            break
        asked = outcome.retry_after_seconds or 0.0
        if asked > LONGEST_RETRY_AFTER_SECONDS:
            break
        if not await pause(max(asked, seconds * jitter())):
            break
        seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)
    return outcome
