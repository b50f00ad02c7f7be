"""What a model's tokens cost: dated data of the `genai-prices` library, or a price of the user's
own.

Each call is priced by itself, since some prices depend on the size of a request.
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
from dreaming.money import Amount, cost_picodollars

_MTOK = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """A user's own price of a model, in dollars a million tokens."""

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal | None = None
    """None: as input."""
    cache_write_usd_per_mtok: Decimal | None = None
    """None: as input."""

    @classmethod
    def of(cls, told: Mapping[str, float]) -> "OwnPrice":
        """The price by the names of its fields; raises `ConfigurationError` for one that is no
        price.
        """
        names = {field.name for field in fields(cls)}
        needed = {"input_usd_per_mtok", "output_usd_per_mtok"}
        wrong = [
            name for name, usd in told.items() if name not in names or not 0 <= usd < float("inf")
        ]
        if wrong or not needed <= told.keys():
            raise ConfigurationError(
                f"price = {dict(told)!r} is no price. Expected dollars a million tokens, not "
                "negative: "
                f"{', '.join(sorted(needed))}, and where they differ "
                f"{', '.join(sorted(names - needed))}."
            )
        return cls(**{name: Decimal(str(usd)) for name, usd in told.items()})


class Price(Hashable, Protocol):
    """What the tokens of one model cost."""

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:
        """The cost of a call in picodollars, rounded up."""
        ...


@dataclass(frozen=True, slots=True)
class Free:
    """The price of what runs on the user's own machine."""

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:  # noqa: ARG002
        """Nothing."""
        return 0


@dataclass(frozen=True, slots=True)
class _Own:
    price: OwnPrice

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:  # noqa: ARG002
        price = self.price
        read, write = (
            price.input_usd_per_mtok if each is None else each
            for each in (price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok)
        )
        usd = (
            usage.input_tokens * price.input_usd_per_mtok
            + usage.cache_read_tokens * read
            + usage.cache_write_tokens * write
            + usage.output_tokens * price.output_usd_per_mtok
        ) / _MTOK
        return cost_picodollars(usd / 2 if delivery == "batch" else usd)


@dataclass(frozen=True, slots=True)
class _Listed:
    provider: str
    model: str

    def cost(self, usage: TokenUsage, *, at: datetime, delivery: Delivery = "now") -> int:
        # Imported late: 0.4 s.
        from genai_prices import Usage, calc_price

        told = Usage(
            input_tokens=usage.all_input_tokens,
            cache_read_tokens=usage.cache_read_tokens or None,
            cache_write_tokens=usage.cache_write_tokens or None,
            output_tokens=usage.output_tokens,
        )
        context = {"processing": "batch"} if delivery == "batch" else None
        try:
            found = calc_price(
                told,
                self.model,
                provider_id=self.provider,
                genai_request_timestamp=at,
                price_context=context,
            )
        except LookupError:
            raise ConfigurationError(
                f"No price is known for the model {self.model!r} of {self.provider}, and without "
                "one no budget can "
                "hold. Give the provider a price of your own: price = {input_usd_per_mtok, "
                "output_usd_per_mtok}."
            ) from None
        return cost_picodollars(found.total_price)


def price_of(
    provider: str, model: str, *, at: datetime, own: OwnPrice | None = None, free: bool = False
) -> Price:
    """The price of a provider's model, by the name that the vendor serves it under.

    Raises `ConfigurationError` when the price library does not know the model and the user gives no
    price.
    """
    if free:
        return Free()
    price = _Own(own) if own is not None else _Listed(provider, model)
    price.cost(TokenUsage(input_tokens=1, output_tokens=1), at=at)
    return price


def worst_case(
    price: Price, *, input_tokens: int, output_tokens: int, at: datetime, delivery: Delivery = "now"
) -> Amount:
    """The most that a call of so many tokens can cost, whichever kind its input is counted as."""
    size = 1 << max(input_tokens - 1, 0).bit_length()
    dearest_input, output = _dearest(price, size, at.date(), delivery)
    return Amount(
        input_tokens + output_tokens, input_tokens * dearest_input + output_tokens * output
    )


@lru_cache(maxsize=1024)
def _dearest(price: Price, size: int, day: date, delivery: Delivery) -> tuple[int, int]:
    """Picodollars a token of input and of output in a request of at most `size` tokens: prices rise
    with the size.
    """
    at = datetime.combine(day, clock_time.max, UTC)
    kinds = ("input_tokens", "cache_read_tokens", "cache_write_tokens")
    nothing = {
        kind: price.cost(TokenUsage(**{kind: size}), at=at, delivery=delivery) for kind in kinds
    }
    with_output = price.cost(
        TokenUsage(input_tokens=size, output_tokens=1), at=at, delivery=delivery
    )
    return -(-max(nothing.values()) // size), with_output - nothing["input_tokens"]
