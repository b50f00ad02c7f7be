"""The interface of every provider: one attempt to ask its model, and the cutting of a conversation
made of attempts.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import TracebackType
from typing import Any, ClassVar, Self

from dreaming.chunk import QualityLevel
from dreaming.model_call import Failure, ModelCall, Outcome
from dreaming.privacy.masking import Masking
from dreaming.prompting.passage import Passage
from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.batches import VendorBatches
from dreaming.providers.conversing import Conversing
from dreaming.providers.models import ResolvedModel, resolve_model
from dreaming.providers.outgoing import masked_passage
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.prices import OwnPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is asked of a provider at once."""

    timeout_seconds: float
    """For one attempt."""
    max_concurrency: int
    """Attempts in flight at once, at most."""
    window_tokens: int
    """How much of a conversation is shown in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """How a provider is reached and used; what is None is the provider's own default."""

    api_key: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)
    """With which the vendor tells what the whole account has used."""
    base_url: str | None = None
    model: str | None = None
    """The name as a user writes it."""
    quality_level: QualityLevel | None = None
    """The level that the model gives, over what the data says; needed for a model that the data
    does not know.
    """
    price: OwnPrice | None = None
    """What the model costs, over what the price library says; needed for a model that the library
    does not know.
    """
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Names of the user's own, and what they stand for; they come before those that are known."""
    timeout_seconds: float | None = None
    max_concurrency: int | None = None
    window_tokens: int | None = None
    reply_shape: ReplyShape = "indices"
    masking: Masking = field(default_factory=Masking)
    """What of a conversation is not shown to a model that is not on this machine."""
    own_hosts: tuple[str, ...] = ()
    """Other machines of the user's own: what a local LLM there is shown counts as staying here."""

    def resolve(self, vendor: str, default: str, *, today: date) -> ResolvedModel:
        """The model that is meant, `default` where none is named; raises `ConfigurationError`."""
        model = resolve_model(
            vendor,
            self.model or default,
            today=today,
            quality_level=self.quality_level,
            aliases=self.aliases,
        )
        return replace(model, price=self.price)

    def limits(self, defaults: Limits) -> Limits:
        """What is set here, and else the defaults."""
        return Limits(
            timeout_seconds=self.timeout_seconds or defaults.timeout_seconds,
            max_concurrency=self.max_concurrency or defaults.max_concurrency,
            window_tokens=self.window_tokens or defaults.window_tokens,
        )


COUNT_MARGIN = 1.02
COUNT_MARGIN_TOKENS = 20
"""Vendors call their counts estimates, which may differ from what they charge by a little."""


def with_margin(counted: int) -> int:
    """A bound on what is charged for input, from a vendor's count of it."""
    return math.ceil(counted * COUNT_MARGIN) + COUNT_MARGIN_TOKENS


class LLMProvider(ABC):
    """A vendor's model, or a local one. A new provider says how one attempt is made (`send`); the
    rest is here.

    Used as an async context manager, on one event loop.
    """

    name: ClassVar[str]
    """By which it is chosen."""
    is_local: ClassVar[bool] = False
    """Whether it is the user's own: free, and asked in its own way. It may be on another machine:
    see `stays_here`.
    """
    masking: Masking = Masking()
    """What of a conversation is not shown to it, unless what it is shown stays here."""

    def __init__(self, model: ResolvedModel, limits: Limits, reply_shape: ReplyShape) -> None:
        self.model = model
        self.limits = limits
        self.reply_shape = reply_shape

    @property
    def stays_here(self) -> bool:
        """Whether what it is shown stays on this machine, or one that the user says is his own."""
        return False

    async def connect(self) -> Failure | None:
        """Find out, without cost, whether it can be used at all; returns why not."""
        return None

    @abstractmethod
    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt, without retries of any kind; what the vendor does wrong is a `Failure`,
        never raised.
        """

    def bound_input_tokens(self, call: ModelCall) -> int:
        """The most input tokens that a call can be charged for, as far as can be told here: by
        bytes for most.
        """
        return call.largest_input_tokens

    async def count_input_tokens(self, call: ModelCall) -> int | None:  # noqa: ARG002
        """The input tokens of a call by the vendor's own free count, where there is one: never too
        few.
        """
        return None

    def batches(self) -> VendorBatches[Any] | None:
        """Where it takes many calls at once, for less, to be answered within a day; None where it
        does not.
        """
        return None

    async def aclose(self) -> None:  # noqa: B027 # many have nothing to close
        """Close connections."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def pause(self, seconds: float) -> bool:
        """Wait before another attempt; returns False where none is to be made any more."""
        await asyncio.sleep(seconds)
        return True

    async def chunk_conversation(
        self, passage: Passage, *, max_tokens: int | None = None
    ) -> Chunked | GivenUp:
        """Have the model cut a conversation into topics.

        Long ones are shown in windows. Each attempt is one `send`; transient failures are tried
        again, an unusable reply once. With `max_tokens`, no attempt is made that could bring the
        tokens of all of them over it. Secrets and what is marked as private are masked, unless they
        stay here.
        """
        if not self.stays_here:
            passage = masked_passage(passage, self.masking)
        return await Conversing(self, passage, max_tokens).chunk()


class WrappedProvider(LLMProvider):
    """A provider that adds something to the attempts of another."""

    def __init__(self, inner: LLMProvider) -> None:
        super().__init__(inner.model, inner.limits, inner.reply_shape)
        self.inner = inner
        self.masking = inner.masking
        self.name, self.is_local = inner.name, inner.is_local  # type: ignore[misc] # those of the one it wraps

    @property
    def stays_here(self) -> bool:
        """Whether what the other is shown stays here."""
        return self.inner.stays_here

    def batches(self) -> VendorBatches[Any] | None:
        """The other's."""
        return self.inner.batches()

    async def connect(self) -> Failure | None:
        """Connect the other; a local one learns only now which model it is."""
        failure = await self.inner.connect()
        self.model = self.inner.model
        return failure

    async def aclose(self) -> None:
        """Close the other's connections."""
        await self.inner.aclose()
