"""A vendor's usage report on a whole account, by model and delivery; needs an admin key."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from dreaming.errors import SourceError
from dreaming.model_call import Delivery, TokenUsage
from dreaming.providers.provider import ProviderSettings

DAYS_PER_PAGE = 31
"""Daily buckets in one page of a report: a whole month."""
_CLIENT_OPTIONS: Mapping[str, Any] = {"timeout": 8.0, "max_retries": 0}
"""A schedule waits for the report, and Dagster ends a schedule after a minute."""

_ANTHROPIC_PATH = "/v1/organizations/usage_report/messages"

ModelUsage = tuple[str, Delivery, TokenUsage]
"""The name of a model, a delivery, and the tokens of both."""


def read_usage(
    provider: str, settings: ProviderSettings, *, since: datetime
) -> dict[tuple[str, Delivery], TokenUsage]:
    """The tokens of each model and delivery since a moment, over all keys of the account.

    Raises `SourceError` where the report cannot be read, and `KeyError` for a provider without one.
    """
    totals: dict[tuple[str, Delivery], TokenUsage] = {}
    try:
        for model, delivery, usage in _READERS[provider](settings, since):
            totals[model, delivery] = totals.get((model, delivery), TokenUsage()) + usage
    except _reading_errors() as error:
        # The name of the type alone, without a cause: the error's message may repeat the key.
        reason = f"The usage report of {provider} could not be read: {type(error).__name__}."
        raise SourceError(
            f"{reason} Check the admin key, or declare what is spent: dreaming budget elsewhere."
        ) from None
    return totals


def _reading_errors() -> tuple[type[Exception], ...]:
    """The SDKs' errors, and those that a body of another form leads to."""
    import anthropic
    import openai

    sdk_errors = (anthropic.AnthropicError, openai.OpenAIError)
    return (*sdk_errors, OSError, ValueError, TypeError, LookupError, AttributeError)


def _read_anthropic(settings: ProviderSettings, since: datetime) -> Iterator[ModelUsage]:
    """`GET /v1/organizations/usage_report/messages`, for which the SDK has no method."""
    from anthropic import Anthropic

    parameters: dict[str, Any] = {
        "starting_at": since.isoformat(),
        "bucket_width": "1d",
        "limit": DAYS_PER_PAGE,
        "group_by": ["model", "service_tier"],
    }
    with Anthropic(
        api_key=settings.admin_key, base_url=settings.base_url, **_CLIENT_OPTIONS
    ) as client:
        while True:
            page: Any = client.get(_ANTHROPIC_PATH, cast_to=object, options={"params": parameters})
            for result in _results(page):
                yield _anthropic_usage(result)
            if not page.get("has_more"):
                return
            parameters["page"] = page["next_page"]


def _anthropic_usage(result: Mapping[str, Any]) -> ModelUsage:
    delivery: Delivery = "batch" if result.get("service_tier") == "batch" else "now"
    # One count for each lifetime of a cache entry.
    written_by_lifetime = result.get("cache_creation") or {}
    usage = TokenUsage(
        input_tokens=result["uncached_input_tokens"],
        cache_read_tokens=result.get("cache_read_input_tokens") or 0,
        cache_write_tokens=sum(written_by_lifetime.values()),
        output_tokens=result["output_tokens"],
    )
    return result["model"], delivery, usage


def _read_openai(settings: ProviderSettings, since: datetime) -> Iterator[ModelUsage]:
    """`admin.organization.usage.completions`."""
    from openai import OpenAI

    parameters: dict[str, Any] = {
        "start_time": int(since.timestamp()),
        "bucket_width": "1d",
        "limit": DAYS_PER_PAGE,
    }
    with OpenAI(
        # The SDK asks for a key of this kind too; the report is read with the other.
        api_key="none",
        admin_api_key=settings.admin_key,
        base_url=settings.base_url,
        **_CLIENT_OPTIONS,
    ) as client:
        completions = client.admin.organization.usage.completions
        while True:
            page = completions(group_by=["model", "batch"], **parameters).model_dump()
            for result in _results(page):
                yield _openai_usage(result)
            if not page.get("has_more"):
                return
            parameters["page"] = page["next_page"]


def _openai_usage(result: Mapping[str, Any]) -> ModelUsage:
    delivery: Delivery = "batch" if result.get("batch") else "now"
    # OpenAI's input tokens include those read from the cache.
    cached_tokens = result.get("input_cached_tokens") or 0
    usage = TokenUsage(
        input_tokens=result["input_tokens"] - cached_tokens,
        cache_read_tokens=cached_tokens,
        output_tokens=result["output_tokens"],
    )
    return result["model"], delivery, usage


def _results(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for bucket in page["data"]:
        yield from bucket["results"]


_READERS: Mapping[str, Callable[[ProviderSettings, datetime], Iterator[ModelUsage]]] = {
    "anthropic": _read_anthropic,
    "openai": _read_openai,
}
