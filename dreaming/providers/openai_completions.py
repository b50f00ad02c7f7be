"""What OpenAI's API, and every server of its wire, says: chat completions, and what they used."""

from typing import Any

from dreaming.model_call import Answer, StopReason, TokenUsage

_NO_CHOICE = {"message": {}, "finish_reason": "stop"}
_STOPS: dict[str | None, StopReason] = {
    "stop": "end",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def read_completion(completion: Any, model: str, *, vendor_ref: str | None) -> Answer:
    """The answer that a completion is; raises `LookupError` or `TypeError` for what is none."""
    choice: Any = (completion["choices"] or [_NO_CHOICE])[0]
    refused = bool(choice["message"].get("refusal"))
    return Answer(
        text=choice["message"].get("content") or "",
        usage=_usage(completion.get("usage")),
        stop="refusal" if refused else _STOPS.get(choice["finish_reason"], "other"),
        model=completion.get("model") or model,
        vendor_ref=vendor_ref or completion.get("id"),
        seconds=0,
    )


def _usage(told: dict[str, Any] | None) -> TokenUsage | None:
    """OpenAI's input includes what was read from the cache."""
    if told is None:
        return None
    cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return TokenUsage(
        input_tokens=told["prompt_tokens"] - cached,
        cache_read_tokens=cached,
        output_tokens=told.get("completion_tokens") or 0,
    )
