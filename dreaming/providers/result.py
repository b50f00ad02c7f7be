"""What became of a conversation that a model was asked to cut."""

from dataclasses import dataclass

from dreaming.model_call import Failure, Outcome, TokenUsage
from dreaming.prompting.reply import Topic
from dreaming.providers.models import ResolvedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a conversation."""

    provider: str
    """Who cut it, or was asked last."""
    model: ResolvedModel
    outcomes: tuple[Outcome, ...]
    """Of every attempt, in order."""
    passed_over: tuple[Failure, ...] = ()
    """Why the providers before this one, in order, did not cut it."""

    @property
    def usage(self) -> TokenUsage:
        """The tokens of all attempts, as far as the vendor told them."""
        return sum(
            (outcome.usage for outcome in self.outcomes if outcome.usage is not None), TokenUsage()
        )

    @property
    def seconds(self) -> float:
        """The time of all attempts."""
        return sum(outcome.seconds for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked(_Result):
    """A conversation that a model cut: topics that tile its passage."""

    topics: tuple[Topic, ...]
    repairs: tuple[str, ...]
    """What had to be mended in its replies, a kind once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp(_Result):
    """A conversation that no usable reply was had for: the chunks that it has stay."""

    failure: Failure
    """Why: the last failure."""
