"""Several providers as one, in order of preference: the next is asked where one fails."""

from collections.abc import Sequence
from dataclasses import replace

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.prompting.excerpt import Excerpt
from dreaming.providers.provider import LLMProvider
from dreaming.providers.result import Chunked, GivenUp

_UNUSABLE = frozenset(
    {
        FailureReason.MISSING_KEY,
        FailureReason.UNAUTHORIZED,
        FailureReason.NO_SUCH_MODEL,
        FailureReason.QUOTA_EXHAUSTED,
    }
)
"""A provider with such a failure is not asked again by the same chain: all calls would fail."""

_FINAL = frozenset(
    {
        FailureReason.BUSY,
        FailureReason.PENDING,
        FailureReason.OUT_OF_TIME,
        FailureReason.TOO_SLOW,
        FailureReason.CANCELED,
    }
)
"""The chain gives up on these: they are not the provider's fault.

Another provider would be paid a second time for a reply that is under way, or be too late as well.
"""


class ProviderChain(LLMProvider):
    """Asks one provider after the other until one has cut the conversation.

    The chain's name, model and limits are those of the first. It does not compare quality: its
    caller lists only providers that give the level that was asked for. Each has its own budgets. A
    chain takes no batches.
    """

    def __init__(self, providers: Sequence[LLMProvider]) -> None:
        if not providers:
            raise ValueError("A chain needs a provider.")
        first = providers[0]
        super().__init__(first.model, first.limits, first.reply_shape)
        self.providers = tuple(providers)
        self.name = first.name  # type: ignore[misc] # of the class elsewhere
        self.is_local = all(provider.is_local for provider in providers)  # type: ignore[misc]
        self._unusable: set[str] = set()

    @property
    def stays_here(self) -> bool:
        """Whether all of them stay on this machine."""
        return all(provider.stays_here for provider in self.providers)

    async def connect(self) -> Failure | None:
        """Connect all, and skip those that cannot be used; returns the first failure if none can.

        Later calls do not ask the skipped ones.
        """
        first_failure = None
        for provider in self.providers:
            failure = await provider.connect()
            if failure is not None:
                self._unusable.add(provider.name)
                first_failure = first_failure or failure
        # A local provider learns which model it serves only on connecting.
        self.model = self.providers[0].model
        is_unusable = len(self._unusable) == len(self.providers)
        return first_failure if is_unusable else None

    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt with the first provider."""
        return await self.providers[0].send(call)

    async def chunk_conversation(
        self, excerpt: Excerpt, *, max_tokens: int | None = None
    ) -> Chunked | GivenUp:
        """Have providers cut it, in order, until one has; the result has the attempts of all.

        `max_tokens` bounds each provider separately.
        """
        passed_over: tuple[Failure, ...] = ()
        outcomes: tuple[Outcome, ...] = ()
        for provider in self._usable():
            result = await provider.chunk_conversation(excerpt, max_tokens=max_tokens)
            outcomes += result.outcomes
            result = replace(result, outcomes=outcomes, passed_over=passed_over)
            if isinstance(result, Chunked) or result.failure.reason in _FINAL:
                break
            if result.failure.reason in _UNUSABLE:
                self._unusable.add(provider.name)
            passed_over += (result.failure,)
        return result

    def _usable(self) -> Sequence[LLMProvider]:
        """Those that are still asked; when none is left, the last, whose failure then counts."""
        usable = [provider for provider in self.providers if provider.name not in self._unusable]
        return usable or self.providers[-1:]

    async def aclose(self) -> None:
        for provider in self.providers:
            await provider.aclose()
