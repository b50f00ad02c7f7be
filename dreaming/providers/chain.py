"""Several providers as one, in order of preference: the next is asked where one gives nothing."""

from collections.abc import Sequence
from dataclasses import replace

from dreaming.model_call import Failure, FailureReason, ModelCall, Outcome
from dreaming.prompting.passage import Passage
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
"""A provider that fails so is not asked again by the same chain: every call would fail alike."""

# Asking another provider would pay twice for what is under way, or come too late as well.
_FINAL = frozenset(
    {
        FailureReason.BUSY,
        FailureReason.PENDING,
        FailureReason.OUT_OF_TIME,
        FailureReason.TOO_SLOW,
        FailureReason.CANCELED,
    }
)
"""With these the chain gives up: they are not the provider's fault."""


class ProviderChain(LLMProvider):
    """Asks one provider after the other until one has cut the conversation.

    What is said of the chain as a whole (its name, model and limits) is said of the first. It does
    not compare quality: whoever makes a chain puts only providers into it that give the level that
    was asked for. Each has its own budgets. A chain takes no batches.
    """

    def __init__(self, providers: Sequence[LLMProvider]) -> None:
        if not providers:
            raise ValueError("A chain needs a provider.")
        first = providers[0]
        super().__init__(first.model, first.limits, first.reply_shape)
        self.providers = tuple(providers)
        self.name = first.name  # type: ignore[misc] # of the class elsewhere
        self.is_local = all(each.is_local for each in providers)  # type: ignore[misc]
        self._unusable: set[str] = set()

    @property
    def stays_here(self) -> bool:
        """Whether none of them sends anything away from this machine."""
        return all(provider.stays_here for provider in self.providers)

    async def connect(self) -> Failure | None:
        """Connect all, and pass over those that cannot be used; returns why none can."""
        failure = None
        for provider in self.providers:
            failed = await provider.connect()
            if failed is not None:
                self._unusable.add(provider.name)
                failure = failure or failed
        self.model = self.providers[0].model
        return failure if len(self._unusable) == len(self.providers) else None

    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt with the first provider."""
        return await self.providers[0].send(call)

    async def chunk_conversation(
        self, passage: Passage, *, max_tokens: int | None = None
    ) -> Chunked | GivenUp:
        """Have the first provider cut it that can; the result has the attempts of all.

        `max_tokens` bounds each provider separately.
        """
        passed_over: tuple[Failure, ...] = ()
        outcomes: tuple[Outcome, ...] = ()
        for provider in self._usable():
            result = await provider.chunk_conversation(passage, max_tokens=max_tokens)
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
        usable = [each for each in self.providers if each.name not in self._unusable]
        return usable or self.providers[-1:]

    async def aclose(self) -> None:
        """Close the connections of all."""
        for provider in self.providers:
            await provider.aclose()
