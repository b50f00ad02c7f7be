"""Patience with vendors: what becomes of a span whose call failed, and when to stop asking."""

from collections.abc import Mapping
from time import monotonic
from typing import Literal

from dreaming.model_call import Failure, FailureReason
from dreaming.task import Stopped
from dreaming.upgrading.grouping import PlannedSpan

PROBE_SECONDS = 5.0
"""The pause between attempts while a vendor is down."""
PATIENCE_SECONDS = 300.0
"""An upgrade ends when a vendor that has answered before is down for longer than this."""
# Most outages of cloud APIs are shorter; a run that waited for hours would hold up the night.
FIRST_PATIENCE_SECONDS = 60.0
"""The same for a vendor that has not answered in this run: it may be misconfigured."""
MOST_SUSPECTS = 5
"""This many rejections in a row point to the vendor, not to the requests."""

Verdict = Literal["ask_later", "pending", "give_up", "suspect", "wait", "leave"]
"""What becomes of a span.

ask_later   another run is asking about the conversation: put to the end of the queue
pending     its reply comes in a batch
give_up     the same request would fail again: the chunk that is there stays
suspect     given up if the vendor answers others, else the vendor's fault
wait        the vendor is down: tried again after a pause
leave       left to a later run
"""

_VERDICTS: Mapping[FailureReason, Verdict] = {
    FailureReason.BUSY: "ask_later",
    FailureReason.PENDING: "pending",
    FailureReason.REFUSAL: "give_up",
    FailureReason.MAX_TOKENS: "give_up",
    FailureReason.EMPTY: "give_up",
    FailureReason.INVALID_JSON: "give_up",
    FailureReason.INVALID_REPLY: "give_up",
    FailureReason.BAD_REQUEST: "suspect",
    FailureReason.UNREADABLE: "suspect",
    FailureReason.CIRCUIT_OPEN: "wait",
    FailureReason.UNREACHABLE: "wait",
}

ENDS: Mapping[FailureReason, Stopped] = {
    FailureReason.OUT_OF_TIME: "time",
    FailureReason.TOO_SLOW: "time",
    FailureReason.MISSING_KEY: "provider",
    FailureReason.UNAUTHORIZED: "provider",
    FailureReason.NO_SUCH_MODEL: "provider",
    FailureReason.QUOTA_EXHAUSTED: "provider",
}
"""Failures that every further call of the run would meet too, and what they stop it by."""


def judge(failure: Failure) -> Verdict:
    """What becomes of the span of a failure."""
    return _VERDICTS.get(failure.reason, "leave")


class Patience:
    """What a run has seen of its vendor: answers, rejections, and since when it is down."""

    def __init__(self) -> None:
        self.suspects: list[tuple[PlannedSpan, FailureReason]] = []
        """Spans that were rejected since the last answer."""
        self._has_answered = False
        self._down_since: float | None = None

    def note_answer(self) -> list[tuple[PlannedSpan, FailureReason]]:
        """The vendor answers; returns the suspects, whose requests were at fault after all."""
        self._has_answered = True
        self._down_since = None
        suspects, self.suspects = self.suspects, []
        return suspects

    def note_suspect(self, span: PlannedSpan, failure: Failure) -> None:
        """A span was rejected, which may be its own fault or the vendor's."""
        self.suspects.append((span, failure.reason))

    @property
    def blames_vendor(self) -> bool:
        """Whether so many rejections came in a row that the vendor is at fault."""
        return len(self.suspects) >= MOST_SUSPECTS

    def is_over(self, failure: Failure) -> bool:
        """Note that the vendor is down; returns whether it is no longer waited for."""
        now = monotonic()
        if self._down_since is None:
            self._down_since = now
        if not self._has_answered and _was_never_reached(failure):
            # Nothing listens at the address: most likely it is wrong, or no local LLM runs.
            return True
        limit = PATIENCE_SECONDS if self._has_answered else FIRST_PATIENCE_SECONDS
        return now - self._down_since > limit


def _was_never_reached(failure: Failure) -> bool:
    return FailureReason.UNREACHABLE in (failure.reason, failure.cause)
