"""A circuit breaker (Nygard, Release It!): while a vendor is down, no attempts are made.

After some failures in a row it opens for a while; then one attempt probes whether the vendor is
back. A vendor that refuses the account is not asked again at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from dreaming.model_call import Failure, FailureReason, Outcome

FAILURES_TO_OPEN = 5
"""Fewer give up conversations in a short burst of errors; more lose attempts in an outage."""
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
_PERMANENT = frozenset(
    {
        FailureReason.MISSING_KEY,
        FailureReason.UNAUTHORIZED,
        FailureReason.QUOTA_EXHAUSTED,
        FailureReason.NO_SUCH_MODEL,
    }
)


_ENDED_BY_US = frozenset(
    {FailureReason.CANCELED, FailureReason.OUT_OF_TIME, FailureReason.TOO_SLOW}
)
"""These say nothing about the vendor: they neither open nor close the circuit."""


@dataclass(slots=True)
class Circuit:
    """Whether attempts may be made, by the outcomes of those before."""

    provider: str
    clock: Callable[[], float]
    """Seconds, monotonic."""
    failures: int = 0
    """In a row."""
    last: Failure | None = None
    """The last of these failures."""
    opened_at: float | None = None
    is_probing: bool = False
    """Whether the one attempt is under way that shows if the vendor is back."""
    final: Failure | None = None
    """The failure after which no attempt can succeed."""

    def refusal(self, *, probing: bool = True) -> Failure | None:
        """Why no attempt may be made now; None where one may.

        With `probing`, None obliges the caller to make the attempt, and to `note` its outcome or
        `give_up_probe`. Without it, nothing changes.
        """
        if self.final is not None:
            return replace(self.final, charge="released", usage=None, seconds=0.0)
        if self.opened_at is None or self.last is None:
            return None
        seconds_left = self.opened_at + OPEN_SECONDS - self.clock()
        # One attempt at a time: if the vendor is still down, only that one is lost.
        if seconds_left <= 0 and not self.is_probing:
            self.is_probing = probing
            return None
        again = f"It is asked again in {max(seconds_left, 0):.0f} s."
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
        """Learn from the outcome of an attempt."""
        if not isinstance(outcome, Failure):
            self._close()
        elif outcome.reason in _PERMANENT:
            self.final = outcome
        elif outcome.reason in _DOWN:
            self.failures += 1
            self.last = outcome
            # A probe that fails opens it again at once.
            if self.is_probing or self.failures >= FAILURES_TO_OPEN:
                self.opened_at = self.clock()
        elif outcome.reason not in _ENDED_BY_US:
            # A refused request is a reply all the same: the vendor is there.
            self._close()
        self.is_probing = False

    def _close(self) -> None:
        self.failures = 0
        self.opened_at = None

    def give_up_probe(self) -> None:
        """Let the next attempt probe: this one ended without an outcome."""
        self.is_probing = False
