"""A message of Anthropic's API -> an answer and its usage."""

from typing import Any

from dreaming.model_call import Answer, StopReason, TokenUsage

_STOPS: dict[str | None, StopReason] = {
    "end_turn": "end",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}


def read_message(message: Any, *, vendor_ref: str | None) -> Answer:
    """The answer in a message; raises `LookupError` or `TypeError` for another object."""
    # Blocks of reasoning are left out: the reply is the text alone.
    texts = [block["text"] for block in message["content"] if block["type"] == "text"]
    return Answer(
        text="".join(texts),
        usage=_usage(message.get("usage")),
        stop=_STOPS.get(message["stop_reason"], "other"),
        model=message["model"],
        vendor_ref=vendor_ref or message["id"],
        seconds=0,
    )


def _usage(usage: dict[str, Any] | None) -> TokenUsage | None:
    """Anthropic's input tokens exclude those read from or written to the cache."""
    if usage is None:
        return None
    return TokenUsage(
        input_tokens=usage["input_tokens"],
        cache_read_tokens=usage.get("cache_read_input_tokens") or 0,
        cache_write_tokens=usage.get("cache_creation_input_tokens") or 0,
        output_tokens=usage["output_tokens"],
    )
