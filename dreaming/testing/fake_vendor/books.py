"""What a fake vendor has served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreaming.model_call import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A request, and how it ended for the vendor."""

    wire: str
    model: str
    instructions: str
    content: str
    schema: Mapping[str, Any] | None
    max_output_tokens: int | None
    caches: bool
    """Whether it asked for the fixed part to be cached."""
    status: int
    """0 where no answer was sent."""
    input_tokens: int
    """What the vendor charges for what it was sent; nothing where it refused."""
    output_tokens: int
    """And for what it said; the worst case where it broke off."""
    delivery: Delivery = "now"
    """Whether it came alone, or in a batch, at half the price."""

    @property
    def charged_tokens(self) -> int:
        """Both together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsedElsewhere:
    """What somebody else has used of an account."""

    model: str
    input_tokens: int
    output_tokens: int
    delivery: Delivery = "now"


@dataclass(slots=True)
class Books:
    """All of it."""

    served: list[Served] = field(default_factory=list)
    elsewhere: list["UsedElsewhere"] = field(default_factory=list)
    """What the account has used besides."""
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def charged_tokens(self) -> int:
        """Of all requests."""
        return sum(one.charged_tokens for one in self.served)

    def begin(self) -> None:
        """A request has come."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self) -> None:
        """It is over."""
        self.in_flight -= 1
