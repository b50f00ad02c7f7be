"""Providers in an order of preference: the next one takes over where one cannot, and the reasons
are kept.
"""

from collections.abc import Sequence
from dataclasses import replace

from dreaming.model_call import Failure, Outcome
from dreaming.prompting.passage import Passage
from dreaming.providers.provider import LLMProvider
from dreaming.providers.result import Chunked, GivenUp


class ProviderChain:
    """Asks one provider after the other until one has cut the conversation.

    It does not mind quality: whoever makes a chain puts into it only what gives the level that was
    asked for.
    """

    def __init__(self, providers: Sequence[LLMProvider]) -> None:
        if not providers:
            raise ValueError("A chain needs a provider.")
        self.providers = tuple(providers)

    async def chunk_conversation(
        self, passage: Passage, *, max_tokens: int | None = None
    ) -> Chunked | GivenUp:
        """Have the first provider cut it that can; the result tells of the attempts of all that
        were asked.

        `max_tokens` bounds each provider by itself.
        """
        passed_over: tuple[Failure, ...] = ()
        outcomes: tuple[Outcome, ...] = ()
        for provider in self.providers:
            result = await provider.chunk_conversation(passage, max_tokens=max_tokens)
            outcomes += result.outcomes
            result = replace(result, outcomes=outcomes, passed_over=passed_over)
            if isinstance(result, Chunked):
                break
            passed_over += (result.failure,)
        return result

    async def aclose(self) -> None:
        """Close the connections of all."""
        for provider in self.providers:
            await provider.aclose()
