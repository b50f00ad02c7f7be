"""One attempt to ask a model, and how it ended: the words that providers, pacing, the record and
the meter share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from dreaming.conversation import ConversationId, stable_hash

Charge = Literal["charged", "released", "unknown"]
"""Whether the vendor took money: it did; it did not; nobody can tell (and so it counts as if it
had).
"""

Delivery = Literal["now", "batch"]
"""How a reply is asked for: at once, or within a day at half the price."""

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
        """All that counts against a budget."""
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
    """What is sent to a model in one attempt; equal calls have equal keys."""

    conversation_id: ConversationId | None
    """Whose text it holds, if any conversation's; not sent."""
    day: date | None = None
    """Of which day; not sent."""
    instructions: str
    """The fixed part: the system prompt."""
    content: str
    """The conversation, as data, and what is asked about it: the user's turn."""
    schema: Mapping[str, Any]
    """The JSON schema of the reply, with bounds on every array and string."""
    max_output_tokens: int
    prompt_version: str

    def key(self, provider: str, model: str) -> str:
        """The hash of the exact request to a model: who asks for the same again gets the stored
        reply.
        """
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
        """A bound on what the call can use: no byte-level tokenizer makes more tokens than there
        are bytes.
        """
        return self.largest_input_tokens + self.max_output_tokens

    @property
    def largest_input_tokens(self) -> int:
        """The part of the bound that is sent."""
        schema = len(str(dict(self.schema)).encode())
        return (
            len(self.instructions.encode())
            + len(self.content.encode())
            + schema
            + REQUEST_OVERHEAD_TOKENS
        )


REQUEST_OVERHEAD_TOKENS = 500
"""What vendors add around a request of ours: the frame of a chat, and their words about structured
output.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The model replied; the vendor charged for it."""

    text: str
    usage: TokenUsage | None
    """None where the vendor does not say."""
    stop: StopReason
    model: str
    """The model that replied, as the vendor names it."""
    vendor_ref: str | None
    """The vendor's id of the request."""
    seconds: float
    stored: bool = False
    """True: read from the ledger, nothing was sent."""
    call_id: str | None = None
    """The ledger's id of the call."""

    @property
    def charge(self) -> Charge:
        """A reply is charged, whatever its text; one that was
        stored was charged when it was sent.
        """
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
    """Not sent: the vendor was down a moment ago."""
    OVER_BUDGET = "over_budget"
    """Not sent: the call could use more than was allowed."""
    OUT_OF_TIME = "out_of_time"
    """Not sent: its reply would come too late."""
    TOO_SLOW = "too_slow"
    """Cut off by us: the time was nearly over."""
    PENDING = "pending"
    """Nothing yet: the reply comes in a batch."""
    EXPIRED = "expired"
    """The vendor had not come to it when its batch's time was over."""
    BUSY = "busy"
    """Not sent: another upgrade is asking about the same conversation."""
    CANCELED = "canceled"
    """Called off while it was under way."""
    LOST = "lost"
    """The process that made it died before it ended."""
    RESOLVED = "resolved"
    """A person said whether it was charged, which nobody else could tell."""
    LOCAL_ONLY = "local_only"
    """Not sent: the conversation must not leave the machine."""
    REFUSAL = "refusal"
    MAX_TOKENS = "max_tokens"
    EMPTY = "empty"
    INVALID_JSON = "invalid_json"
    INVALID_REPLY = "invalid_reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """No usable reply, why, and whether that was charged."""

    reason: FailureReason
    charge: Charge
    message: str
    """For people: our own words, never the vendor's, which may repeat a key or what was said."""
    transient: bool = False
    """Whether the same request may succeed a moment later."""
    usage: TokenUsage | None = None
    """What the vendor says was used; None where it does not say."""
    retry_after_seconds: float | None = None
    status: int | None = None
    """The HTTP status, where there was one."""
    cause: FailureReason | None = None
    """Of an open circuit: how the last attempt failed."""
    vendor_ref: str | None = None
    seconds: float = 0.0


Outcome = Answer | Failure
"""How one attempt ended."""

CALLED_OFF = Failure(
    reason=FailureReason.CANCELED, charge="released", message="Called off before it was sent."
)
"""How one ends that is not made any more."""
