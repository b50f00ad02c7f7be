"""A call, which is one attempt to get a reply from a model, and its outcome.

Providers, pacing, the ledger and the meter share these types.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from dreaming.conversation import ConversationId, stable_hash

Charge = Literal["charged", "released", "unknown"]
"""Whether the vendor charged for a call: it did, it did not, or that is unknown.

An unknown call counts in budgets as if it was charged.
"""

Delivery = Literal["now", "batch"]
"""When a reply comes: at once, or in a batch within a day, at half the price."""

StopReason = Literal["end", "max_tokens", "refusal", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUsage:
    """The tokens of a call as the vendor counts them, each in one of the four kinds."""

    input_tokens: int = 0
    """Input that was neither read from nor written to a cache."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    """Output, reasoning included."""

    @property
    def all_input_tokens(self) -> int:
        """Input of every kind."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def total_tokens(self) -> int:
        """The tokens that count against a budget."""
        return self.all_input_tokens + self.output_tokens

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """The content of one request to a model; equal calls have equal keys."""

    conversation_id: ConversationId | None
    """The conversation that the text is of, if it is of one; not sent."""
    day: date | None = None
    """The day of the text; not sent."""
    instructions: str
    """The fixed part: the system prompt."""
    content: str
    """The conversation, as data, and the question about it: the user's turn."""
    schema: Mapping[str, Any]
    """The JSON schema of the reply, with bounds on every array and string."""
    max_output_tokens: int
    prompt_version: str

    def key(self, provider: str, model: str) -> str:
        """The hash of the exact request to a model, by which a stored reply is found again."""
        # Without the conversation and the day: a text that occurs twice is paid for once.
        return stable_hash(
            provider,
            model,
            self.instructions,
            self.content,
            dict(self.schema),
            self.max_output_tokens,
        )

    @property
    def largest_tokens(self) -> int:
        """An upper bound of the tokens that the call can use."""
        return self.largest_input_tokens + self.max_output_tokens

    @property
    def largest_input_tokens(self) -> int:
        """An upper bound of the tokens that are sent."""
        # By bytes: no byte-level tokenizer makes more tokens than there are bytes. It is several
        # times the true count, but it needs no vendor.
        instructions = len(self.instructions.encode())
        content = len(self.content.encode())
        schema = len(str(dict(self.schema)).encode())
        return instructions + content + schema + REQUEST_OVERHEAD_TOKENS


# The frame of a chat, and vendors' own instructions about structured output. If it was too small,
# a call could cost more than it reserved, and close its budgets.
REQUEST_OVERHEAD_TOKENS = 500
"""The most tokens that vendors add to a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The model replied; the vendor charged for it."""

    text: str
    usage: TokenUsage | None
    """None if the vendor does not report it."""
    stop: StopReason
    model: str
    """The model that replied, as the vendor names it."""
    vendor_ref: str | None
    """The vendor's id of the request."""
    seconds: float
    stored: bool = False
    """Whether the reply was read from the ledger, and nothing was sent."""
    call_id: str | None = None
    """The ledger's id of the call."""

    @property
    def charge(self) -> Charge:
        """A new reply is charged, usable or not; a stored one was charged before."""
        return "released" if self.stored else "charged"


class FailureReason(StrEnum):
    """Why there is no usable reply."""

    MISSING_KEY = "missing_key"
    UNAUTHORIZED = "unauthorized"
    NO_SUCH_MODEL = "no_such_model"
    BAD_REQUEST = "bad_request"
    RATE_LIMITED = "rate_limited"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    """The connection was refused or never made: nothing was sent."""
    DISCONNECTED = "disconnected"
    """The connection broke after the request was sent."""
    UNREADABLE = "unreadable"
    """A success without a body that can be read."""
    CIRCUIT_OPEN = "circuit_open"
    """Not sent: the vendor has just failed several times."""
    OVER_BUDGET = "over_budget"
    """Not sent: the call could use more than a budget allows."""
    OUT_OF_TIME = "out_of_time"
    """Not sent: its reply would come too late."""
    TOO_SLOW = "too_slow"
    """Cancelled by us: it took more than its part of the time."""
    PENDING = "pending"
    """Nothing yet: the reply comes in a batch."""
    EXPIRED = "expired"
    """The batch's time was over before the vendor did the call."""
    BUSY = "busy"
    """Not sent: another upgrade is asking about the same conversation."""
    CANCELED = "canceled"
    """Cancelled, before it was sent or while it was under way."""
    LOST = "lost"
    """Its process died before it ended, or its batch has no result for it."""
    RESOLVED = "resolved"
    """A person has noted whether it was charged, which was unknown."""
    LOCAL_ONLY = "local_only"
    """Not sent: the conversation must not leave the machine."""
    REFUSAL = "refusal"
    MAX_TOKENS = "max_tokens"
    EMPTY = "empty"
    INVALID_JSON = "invalid_json"
    INVALID_REPLY = "invalid_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An outcome without a usable reply: why, and whether it was charged."""

    reason: FailureReason
    charge: Charge
    message: str
    """For people, in our words: the vendor's may repeat a key or text of a conversation."""
    transient: bool = False
    """Whether the same request may succeed a moment later."""
    usage: TokenUsage | None = None
    """None if the vendor does not report it."""
    retry_after_seconds: float | None = None
    status: int | None = None
    """The HTTP status, where there was one."""
    cause: FailureReason | None = None
    """With an open circuit: the failure of the last attempt."""
    vendor_ref: str | None = None
    seconds: float = 0.0


Outcome = Answer | Failure
"""The end of one call."""

CALLED_OFF = Failure(
    reason=FailureReason.CANCELED, charge="released", message="Called off before it was sent."
)
"""Outcome of a call that was cancelled before it was sent."""
