"""The interface of every provider: one attempt, and a conversation cut by attempts."""

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
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.batches import VendorBatches
from dreaming.providers.conversation_cutter import ConversationCutter
from dreaming.providers.models import LOCAL, ResolvedModel, default_model, resolve_model
from dreaming.providers.outgoing import masked_excerpt
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.prices import OwnPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on attempts, and on the size of one."""

    timeout_seconds: float
    """For one attempt."""
    max_concurrency: int
    """Most attempts in flight at once."""
    window_tokens: int
    """Most tokens of a conversation that one call shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """How a provider is reached and used; what is None is the provider's own default."""

    api_key: str | None = field(default=None, repr=False)
    admin_key: str | None = field(default=None, repr=False)
    """For the vendor's usage report on the whole account."""
    base_url: str | None = None
    model: str | None = None
    """The name as a user writes it."""
    quality_level: QualityLevel | None = None
    """Overrides the level of `models.toml`; needed for a model that is not in it."""
    price: OwnPrice | None = None
    """Overrides the price library; needed for a model that is not in it."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The user's own names of models -> names of models; they override those of `models.toml`."""
    timeout_seconds: float | None = None
    max_concurrency: int | None = None
    window_tokens: int | None = None
    reply_shape: ReplyShape = "indices"
    masking: Masking = field(default_factory=Masking)
    """Masks text for a model that is not on this machine."""
    own_hosts: tuple[str, ...] = ()
    """Other machines of the user's own: a local LLM there counts as one on this machine."""

    def resolve(self, vendor: str, *, today: date) -> ResolvedModel:
        """The configured model, else the vendor's cheapest default; raises as `resolve_model`."""
        cheapest: QualityLevel = "basic" if vendor == LOCAL else "good"
        model = resolve_model(
            vendor,
            self.model or default_model(vendor, cheapest),
            today=today,
            quality_level=self.quality_level,
            aliases=self.aliases,
        )
        return replace(model, price=self.price)

    def limits(self, defaults: Limits) -> Limits:
        """The limits that are set here, and `defaults` for the others."""
        return Limits(
            timeout_seconds=self.timeout_seconds or defaults.timeout_seconds,
            max_concurrency=self.max_concurrency or defaults.max_concurrency,
            window_tokens=self.window_tokens or defaults.window_tokens,
        )


# Vendors call their counts estimates, which may differ a little from what they charge. A smaller
# margin could reserve less than a call costs; a larger one only reserves more for a moment.
COUNT_MARGIN = 1.02
COUNT_MARGIN_TOKENS = 20


def with_margin(counted: int) -> int:
    """A bound on the input tokens that are charged, from a vendor's count of them."""
    return math.ceil(counted * COUNT_MARGIN) + COUNT_MARGIN_TOKENS


class LLMProvider(ABC):
    """A vendor's model, or a local one. A new provider implements one attempt (`send`).

    Used as an async context manager, on one event loop.
    """

    name: ClassVar[str]
    """By which it is chosen."""
    is_local: ClassVar[bool] = False
    """Whether it is the user's own, and free. It may be on another machine: see `stays_here`."""
    masking: Masking = Masking()
    """Masks the conversations that it is shown, unless it stays here."""

    def __init__(self, model: ResolvedModel, limits: Limits, reply_shape: ReplyShape) -> None:
        self.model = model
        self.limits = limits
        self.reply_shape = reply_shape

    @property
    def stays_here(self) -> bool:
        """Whether text that it is shown stays on this machine, or on the user's own machines."""
        return False

    async def connect(self) -> Failure | None:
        """Check, without cost, whether it can be used at all; returns the failure if not."""
        return None

    @abstractmethod
    async def send(self, call: ModelCall) -> Outcome:
        """Make one attempt, without retries. The vendor's errors are returned, as a `Failure`.

        An SDK's own retries must be off: they would be charged without being recorded.
        """

    def bound_input_tokens(self, call: ModelCall) -> int:
        """The most input tokens that a call can be charged for, computed without the vendor."""
        return call.largest_input_tokens

    async def count_input_tokens(self, call: ModelCall) -> int | None:  # noqa: ARG002
        """The vendor's own free count of a call's input tokens, never too low; None without one."""
        return None

    def batches(self) -> VendorBatches[Any] | None:
        """Its batch API, which replies within a day for less; None where it offers none."""
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
        """Wait before another attempt; returns False where none may follow."""
        await asyncio.sleep(seconds)
        return True

    async def chunk_conversation(
        self, excerpt: Excerpt, *, max_tokens: int | None = None
    ) -> Chunked | GivenUp:
        """Have the model cut a conversation into topics.

        Long ones are shown in windows. Each attempt is one `send`; transient failures are repeated,
        an unusable reply is asked for once more. With `max_tokens`, no attempt is made that could
        bring the tokens of all attempts over it. Secrets and text that is marked as private are
        masked, unless the model stays here.
        """
        if not self.stays_here:
            excerpt = masked_excerpt(excerpt, self.masking)
        return await ConversationCutter(self, excerpt, max_tokens).chunk()


class WrappedProvider(LLMProvider):
    """A provider that adds something to the attempts of another."""

    def __init__(self, inner: LLMProvider) -> None:
        super().__init__(inner.model, inner.limits, inner.reply_shape)
        self.inner = inner
        self.masking = inner.masking
        # Class variables elsewhere; a wrapper passes for the provider that it wraps.
        self.name = inner.name  # type: ignore[misc]
        self.is_local = inner.is_local  # type: ignore[misc]

    @property
    def stays_here(self) -> bool:
        """Whether the inner provider stays here."""
        return self.inner.stays_here

    def batches(self) -> VendorBatches[Any] | None:
        """The inner provider's batch API."""
        return self.inner.batches()

    async def connect(self) -> Failure | None:
        """Connect the inner provider."""
        failure = await self.inner.connect()
        # A local provider learns which model it serves only on connecting.
        self.model = self.inner.model
        return failure

    async def aclose(self) -> None:
        """Close the inner provider's connections."""
        await self.inner.aclose()
