"""Whether to have the vendor cache the fixed part of the prompt: only where that takes effect.

Writing to a cache costs more than plain input, and prefixes that are too short are never cached. So
caching is asked for only from the model's shortest cacheable prefix on, and no longer once some
calls have read nothing from it.
"""

from dataclasses import dataclass

CALLS_TO_SHOW = 8
"""Caching stops after this many calls without a read, beyond those that were in flight at first."""


@dataclass(slots=True)
class PromptCache:
    """What the usage of a model's calls has shown of its cache."""

    from_tokens: int | None
    """The shortest prefix that the model caches; None where that is not known."""
    largest_batch: int
    """Calls that may be in flight at once: none of them can read what another writes."""
    calls: int = 0
    """Calls that asked for caching."""
    has_read: bool = False

    def is_worth(self, prefix_tokens: int) -> bool:
        """Whether a call should ask for caching."""
        if self.from_tokens is None or prefix_tokens < self.from_tokens:
            return False
        return self.has_read or self.calls < self.largest_batch + CALLS_TO_SHOW

    def note(self, *, read_tokens: int) -> None:
        """Learn from the usage of a call that asked for caching."""
        self.calls += 1
        self.has_read = self.has_read or read_tokens > 0
