"""The record of a fake vendor's requests, and of what it charged for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dreaming.model_call import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A request, and its outcome as the vendor sees it."""

    wire: str
    model: str
    instructions: str
    content: str
    schema: Mapping[str, Any] | None
    max_output_tokens: int | None
    caches: bool
    """Whether it asked for the fixed part to be cached."""
    status: int
    """0 where no reply was sent."""
    input_tokens: int
    """The input tokens that were charged; 0 for a refused request."""
    output_tokens: int
    """The output tokens that were charged; the limit of the request where the reply broke off."""
    delivery: Delivery = "now"
    """Alone, or in a batch at half the price."""

    @property
    def charged_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsedElsewhere:
    """Usage of the account by other programs."""

    model: str
    input_tokens: int
    output_tokens: int
    delivery: Delivery = "now"


@dataclass(slots=True)
class Books:
    """The whole record."""

    served: list[Served] = field(default_factory=list)
    elsewhere: list["UsedElsewhere"] = field(default_factory=list)
    """Usage of the same account by other programs."""
    in_flight: int = 0
    most_in_flight: int = 0

    @property
    def charged_tokens(self) -> int:
        """Of all requests."""
        return sum(request.charged_tokens for request in self.served)

    def begin(self) -> None:
        """Count a request that has arrived."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self) -> None:
        """Count a request as ended."""
        self.in_flight -= 1
