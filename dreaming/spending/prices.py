"""What a model's tokens cost: dated data of the `genai-prices` library, or the user's own price.

Each call is priced alone, since some prices depend on the size of a request.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from datetime import time as clock_time
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from dreaming.errors import ConfigurationError
from dreaming.model_call import Delivery, TokenUsage
from dreaming.money import Amount, cost_picodollars, read_usd

_MTOK = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """A user's own price of a model, in dollars per million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal | None = None
    """None: as input."""
    cache_write_usd_per_mtok: Decimal | None = None
    """None: as input."""

    @classmethod
    def of(cls, usd_by_name: Mapping[str, float]) -> "OwnPrice":
        """The price with the values of its fields.

        Raises `ConfigurationError` for an unknown field, a missing one, or a value that is no
        price.
        """
        names = {field.name for field in fields(cls)}
        required = {"input_usd_per_mtok", "output_usd_per_mtok"}
        has_required = required <= usd_by_name.keys()
        has_only_known = usd_by_name.keys() <= names
        # The comparison is false for NaN too.
        are_prices = all(0 <= usd < float("inf") for usd in usd_by_name.values())
        if not (has_required and has_only_known and are_prices):
            raise ConfigurationError(
                f"price = {dict(usd_by_name)!r} is no price. Expected dollars per million tokens, "
                f"not negative: {', '.join(sorted(required))}, and where they differ "
                f"{', '.join(sorted(names - required))}."
            )
        return cls(**{name: read_usd(usd) for name, usd in usd_by_name.items()})


class Price(Hashable, Protocol):
    """What the tokens of one model cost."""

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:
        """The cost of a call in picodollars, rounded up."""
        ...


@dataclass(frozen=True, slots=True)
class Free:
    """The price of a model on the user's own machine."""

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:  # noqa: ARG002
        """Nothing."""
        return 0


@dataclass(frozen=True, slots=True)
class _Own:
    price: OwnPrice

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:  # noqa: ARG002
        price = self.price
        cache_read = price.cache_read_usd_per_mtok
        if cache_read is None:
            cache_read = price.input_usd_per_mtok
        cache_write = price.cache_write_usd_per_mtok
        if cache_write is None:
            cache_write = price.input_usd_per_mtok
        usd = (
            usage.input_tokens * price.input_usd_per_mtok
            + usage.cache_read_tokens * cache_read
            + usage.cache_write_tokens * cache_write
            + usage.output_tokens * price.output_usd_per_mtok
        ) / _MTOK
        # Both vendors halve their prices for batches.
        return cost_picodollars(usd / 2 if delivery == "batch" else usd)


@dataclass(frozen=True, slots=True)
class _Listed:
    provider: str
    model: str

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:
        # Imported here: it takes 0.4 s, which commands without models need not wait for.
        from genai_prices import Usage, calc_price

        # The library's input includes what was read from or written to a cache.
        genai_usage = Usage(
            input_tokens=usage.all_input_tokens,
            cache_read_tokens=usage.cache_read_tokens or None,
            cache_write_tokens=usage.cache_write_tokens or None,
            output_tokens=usage.output_tokens,
        )
        context = {"processing": "batch"} if delivery == "batch" else None
        try:
            calculation = calc_price(
                genai_usage,
                self.model,
                provider_id=self.provider,
                genai_request_timestamp=at,
                price_context=context,
            )
        except LookupError:
            raise ConfigurationError(
                f"No price is known for the model {self.model!r} of {self.provider}, and without "
                "a price no budget can hold. Give the provider a price of your own: "
                "price = {input_usd_per_mtok, output_usd_per_mtok}."
            ) from None
        return cost_picodollars(calculation.total_price)


def price_of(
    provider: str, model: str, *, at: datetime, own: OwnPrice | None = None, free: bool = False
) -> Price:
    """The price of a provider's model; `model` is the name under which the vendor serves it.

    Raises `ConfigurationError` when the price library does not know the model and the user gives no
    price.
    """
    if free:
        return Free()
    price = _Own(own) if own is not None else _Listed(provider, model)
    # Tried once: an unknown model is an error before its first call, not after it.
    price.cost(TokenUsage(input_tokens=1, output_tokens=1), at=at)
    return price


def worst_case(
    price: Price, *, input_tokens: int, output_tokens: int, at: datetime, delivery: Delivery = "now"
) -> Amount:
    """The most that a call of these tokens can cost, with its input of the dearest kind."""
    # The next power of two: prices rise with the size, so this is an upper bound, and calls of
    # similar size share an entry of the cache.
    size = 1 << max(input_tokens - 1, 0).bit_length()
    input_price, output_price = _dearest_prices(price, size, at.date(), delivery)
    return Amount(
        input_tokens + output_tokens, input_tokens * input_price + output_tokens * output_price
    )


# A run has many calls, but few models, sizes and days.
@lru_cache(maxsize=1024)
def _dearest_prices(price: Price, size: int, day: date, delivery: Delivery) -> tuple[int, int]:
    """Picodollars per token of input and of output, in a request of at most `size` tokens."""
    at = datetime.combine(day, clock_time.max, UTC)
    uncached = price.cost(TokenUsage(input_tokens=size), at=at, delivery=delivery)
    read = price.cost(TokenUsage(cache_read_tokens=size), at=at, delivery=delivery)
    written = price.cost(TokenUsage(cache_write_tokens=size), at=at, delivery=delivery)
    with_output = price.cost(
        TokenUsage(input_tokens=size, output_tokens=1), at=at, delivery=delivery
    )
    # Rounded up: the product with a number of tokens is never below the true cost.
    input_price = -(-max(uncached, read, written) // size)
    return input_price, with_output - uncached
