"""A chat completion, of OpenAI or a server of its protocol -> an answer and its usage."""

from typing import Any

from dreaming.model_call import Answer, StopReason, TokenUsage

_NO_CHOICE = {"message": {}, "finish_reason": "stop"}
_STOPS: dict[str | None, StopReason] = {
    "stop": "end",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def read_completion(completion: Any, model: str, *, vendor_ref: str | None) -> Answer:
    """The answer in a completion; raises `LookupError` or `TypeError` for another object."""
    # Without a choice it is charged all the same: an empty text, with its usage.
    choices: Any = completion["choices"] or [_NO_CHOICE]
    choice = choices[0]
    message = choice["message"]
    is_refusal = bool(message.get("refusal"))
    stop = "refusal" if is_refusal else _STOPS.get(choice["finish_reason"], "other")
    return Answer(
        text=message.get("content") or "",
        usage=_usage(completion.get("usage")),
        stop=stop,
        # Other servers of this protocol may leave their model out.
        model=completion.get("model") or model,
        vendor_ref=vendor_ref or completion.get("id"),
        seconds=0,
    )


def _usage(usage: dict[str, Any] | None) -> TokenUsage | None:
    """OpenAI's input tokens include those read from the cache."""
    if usage is None:
        return None
    details = usage.get("prompt_tokens_details") or {}
    cached_tokens = details.get("cached_tokens") or 0
    return TokenUsage(
        input_tokens=usage["prompt_tokens"] - cached_tokens,
        cache_read_tokens=cached_tokens,
        output_tokens=usage.get("completion_tokens") or 0,
    )
