"""What Anthropic's API says: messages, and what they used."""

from typing import Any

from dreaming.model_call import Answer, StopReason, TokenUsage

_STOPS: dict[str | None, StopReason] = {
    "end_turn": "end",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "refusal": "refusal",
}


def read_message(message: Any, *, vendor_ref: str | None) -> Answer:
    """The answer that a message is; raises `LookupError` or `TypeError` for what is none."""
    return Answer(
        text="".join(block["text"] for block in message["content"] if block["type"] == "text"),
        usage=_usage(message.get("usage")),
        stop=_STOPS.get(message["stop_reason"], "other"),
        model=message["model"],
        vendor_ref=vendor_ref or message["id"],
        seconds=0,
    )


def _usage(told: dict[str, Any] | None) -> TokenUsage | None:
    """Anthropic's input excludes what was read from or written to the cache."""
    if told is None:
        return None
    return TokenUsage(
        input_tokens=told["input_tokens"],
        cache_read_tokens=told.get("cache_read_input_tokens") or 0,
        cache_write_tokens=told.get("cache_creation_input_tokens") or 0,
        output_tokens=told["output_tokens"],
    )
