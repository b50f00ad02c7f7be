"""A circuit breaker (Nygard, Release It!): who is down is left alone for a while, who refuses the
account for good.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from dreaming.model_call import Failure, FailureReason, Outcome

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 30.0

_DOWN = frozenset(
    {
        FailureReason.UNREACHABLE,
        FailureReason.SERVER_ERROR,
        FailureReason.OVERLOADED,
        FailureReason.TIMEOUT,
        FailureReason.DISCONNECTED,
    }
)
_FOR_GOOD = frozenset(
    {
        FailureReason.MISSING_KEY,
        FailureReason.UNAUTHORIZED,
        FailureReason.QUOTA_EXHAUSTED,
        FailureReason.NO_SUCH_MODEL,
    }
)


_TELLS_NOTHING = frozenset(
    {FailureReason.CANCELED, FailureReason.OUT_OF_TIME, FailureReason.TOO_SLOW}
)
"""Ended by us."""


@dataclass(slots=True)
class Circuit:
    """Whether attempts may be made, from how the ones before ended."""

    provider: str
    clock: Callable[[], float]
    """Seconds, monotonic."""
    failures: int = 0
    """In a row."""
    last: Failure | None = None
    """The last of them."""
    opened_at: float | None = None
    is_probing: bool = False
    """Whether the one attempt is under way that tells if the vendor is back."""
    final: Failure | None = None
    """Why no attempt will succeed any more."""

    def refusal(self, *, probing: bool = True) -> Failure | None:
        """Why no attempt may be made now; None lets the caller make one, and then it must be told
        how it ended.

        Without `probing` it only looks.
        """
        if self.final is not None:
            return replace(self.final, charge="released", usage=None, seconds=0.0)
        if self.opened_at is None or self.last is None:
            return None
        left = self.opened_at + OPEN_SECONDS - self.clock()
        if left <= 0 and not self.is_probing:
            self.is_probing = probing
            return None
        again = f"It is asked again in {max(left, 0):.0f} s."
        message = (
            f"{self.provider} failed {self.failures} times in a row. {self.last.message} {again}"
        )
        return Failure(
            reason=FailureReason.CIRCUIT_OPEN,
            charge="released",
            message=message,
            cause=self.last.reason,
        )

    def note(self, outcome: Outcome) -> None:
        """Learn how an attempt ended."""
        reason = outcome.reason if isinstance(outcome, Failure) else None
        if reason in _FOR_GOOD and isinstance(outcome, Failure):
            self.final = outcome
        elif reason in _DOWN and isinstance(outcome, Failure):
            self.failures, self.last = self.failures + 1, outcome
            if self.is_probing or self.failures >= FAILURES_TO_OPEN:
                self.opened_at = self.clock()
        elif reason not in _TELLS_NOTHING:
            self.failures, self.opened_at = 0, None
        self.is_probing = False

    def give_up_probe(self) -> None:
        """The attempt was called off: the next one may probe."""
        self.is_probing = False
