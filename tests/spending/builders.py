"""Reservations and outcomes for tests."""

from datetime import timedelta

from dreaming.conversation import ConversationId
from dreaming.model_call import Answer, Failure, FailureReason, TokenUsage
from dreaming.money import Amount
from dreaming.spending.reservations import Reservation


def reservation(
    key: str, scopes: tuple[str, ...], tokens: int, picodollars: int | None = None
) -> Reservation:
    return Reservation(
        request_key=key,
        scopes=scopes,
        need=Amount(tokens, tokens if picodollars is None else picodollars),
        provider="anthropic",
        tier="good",
        model_asked="haiku",
        model="claude-haiku-4-5",
        purpose="upgrade",
        prompt_version="chunk-1",
        conversation_id=ConversationId("c"),
        run_id="run",
        lease=timedelta(minutes=2),
    )


def answer(tokens: int, text: str = "{}") -> Answer:
    usage = TokenUsage(input_tokens=tokens)
    return Answer(text=text, usage=usage, stop="end", model="m", vendor_ref="r", seconds=0.1)


def failure(charge: str, reason: FailureReason = FailureReason.TIMEOUT) -> Failure:
    return Failure(reason=reason, charge=charge, message="it failed")
