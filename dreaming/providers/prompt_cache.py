"""Whether to have the vendor cache the fixed part of the prompt: only where that takes effect.

Writing to a cache costs more than plain input, and prefixes that are too short are never cached. So
caching is asked for only from the model's shortest cacheable prefix on, and no longer once some
calls have read nothing from it.
"""

from dataclasses import dataclass

CALLS_TO_SHOW = 8
"""Calls that may pass without a read from the cache before it is given up: the first ones at once
only write.
"""


@dataclass(slots=True)
class PromptCache:
    """What the usage of a model's calls has shown of its cache."""

    from_tokens: int | None
    """The shortest prefix that the model caches; None where that is not known."""
    largest_batch: int
    """Calls that may be in flight at once, none of which can read what another writes."""
    asked: int = 0
    has_read: bool = False

    def is_worth(self, prefix_tokens: int) -> bool:
        """Whether to ask for it."""
        if self.from_tokens is None or prefix_tokens < self.from_tokens:
            return False
        return self.has_read or self.asked < self.largest_batch + CALLS_TO_SHOW

    def note(self, *, read_tokens: int) -> None:
        """Learn from a call that asked for it."""
        self.asked += 1
        self.has_read = self.has_read or read_tokens > 0
