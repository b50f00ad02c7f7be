"""The result of asking a model to cut a conversation: chunked, or given up."""

from dataclasses import dataclass

from dreaming.model_call import Failure, Outcome, TokenUsage
from dreaming.prompting.reply import Topic
from dreaming.providers.models import ResolvedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    provider: str
    """The provider that cut it, or that was asked last."""
    model: ResolvedModel
    outcomes: tuple[Outcome, ...]
    """Of every attempt, in order."""
    passed_over: tuple[Failure, ...] = ()
    """The failures of the providers before this one, in order."""

    @property
    def usage(self) -> TokenUsage:
        """The tokens of all attempts, as far as the vendor reports them."""
        total = TokenUsage()
        for outcome in self.outcomes:
            if outcome.usage is not None:
                total += outcome.usage
        return total

    @property
    def seconds(self) -> float:
        """The time of all attempts."""
        return sum(outcome.seconds for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked(_Result):
    """A conversation that a model cut: topics that tile its excerpt."""

    topics: tuple[Topic, ...]
    repairs: tuple[str, ...]
    """The kinds of repairs that its replies needed, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp(_Result):
    """A conversation without a usable reply: the chunks that it has stay."""

    failure: Failure
    """The last failure."""
