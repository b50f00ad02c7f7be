"""What a vendor says that a whole account has used: its usage report, read with an admin key, by
model and delivery.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from dreaming.errors import SourceError
from dreaming.model_call import Delivery, TokenUsage
from dreaming.providers.provider import ProviderSettings

MOST_DAYS = 31
"""Daily buckets in one page of a report."""
_CLIENT: Mapping[str, Any] = {"timeout": 8.0, "max_retries": 0}
"""A schedule waits for it, for at most a minute."""

_ANTHROPIC_PATH = "/v1/organizations/usage_report/messages"

Usage = tuple[str, Delivery, TokenUsage]
"""Of a model, by its name."""


def read_usage(
    provider: str, settings: ProviderSettings, *, since: datetime
) -> dict[tuple[str, Delivery], TokenUsage]:
    """The tokens of each model since a moment, at once and in batches, by everybody who has a key
    of the account.

    Raises `SourceError` where the report cannot be read, and `KeyError` for a provider that has
    none.
    """
    totals: dict[tuple[str, Delivery], TokenUsage] = {}
    try:
        for model, delivery, usage in _READERS[provider](settings, since):
            totals[model, delivery] = totals.get((model, delivery), TokenUsage()) + usage
    except _failures() as error:
        # Its message may repeat the key.
        told = f"The usage report of {provider} could not be read: {type(error).__name__}."
        raise SourceError(
            f"{told} Check the admin key, or declare what is spent: dreaming budget elsewhere."
        ) from None
    return totals


def _failures() -> tuple[type[Exception], ...]:
    """What reading a report may raise: the SDKs' errors, and what
    a body of another form leads to.
    """
    import anthropic
    import openai

    sdk_errors = (anthropic.AnthropicError, openai.OpenAIError)
    return (*sdk_errors, OSError, ValueError, TypeError, LookupError, AttributeError)


def _anthropic(settings: ProviderSettings, since: datetime) -> Iterator[Usage]:
    """`GET /v1/organizations/usage_report/messages`, which the SDK has no method for."""
    from anthropic import Anthropic

    with Anthropic(api_key=settings.admin_key, base_url=settings.base_url, **_CLIENT) as client:
        asked: dict[str, Any] = {
            "starting_at": since.isoformat(),
            "bucket_width": "1d",
            "limit": MOST_DAYS,
        }
        asked["group_by"] = ["model", "service_tier"]
        while True:
            page: Any = client.get(_ANTHROPIC_PATH, cast_to=object, options={"params": asked})
            for result in _results(page):
                written = sum((result.get("cache_creation") or {}).values())
                yield (
                    result["model"],
                    "batch" if result.get("service_tier") == "batch" else "now",
                    TokenUsage(
                        input_tokens=result["uncached_input_tokens"],
                        cache_read_tokens=result.get("cache_read_input_tokens") or 0,
                        cache_write_tokens=written,
                        output_tokens=result["output_tokens"],
                    ),
                )
            if not page.get("has_more"):
                return
            asked["page"] = page["next_page"]


def _openai(settings: ProviderSettings, since: datetime) -> Iterator[Usage]:
    """`admin.organization.usage.completions`."""
    from openai import OpenAI

    with OpenAI(
        api_key="none", admin_api_key=settings.admin_key, base_url=settings.base_url, **_CLIENT
    ) as client:
        asked: dict[str, Any] = {
            "start_time": int(since.timestamp()),
            "bucket_width": "1d",
            "limit": MOST_DAYS,
        }
        while True:
            page = client.admin.organization.usage.completions(
                group_by=["model", "batch"], **asked
            ).model_dump()
            for result in _results(page):
                cached = result.get("input_cached_tokens") or 0
                yield (
                    result["model"],
                    "batch" if result.get("batch") else "now",
                    TokenUsage(
                        input_tokens=result["input_tokens"] - cached,
                        cache_read_tokens=cached,
                        output_tokens=result["output_tokens"],
                    ),
                )
            if not page.get("has_more"):
                return
            asked["page"] = page["next_page"]


def _results(page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for bucket in page["data"]:
        yield from bucket["results"]


_READERS: Mapping[str, Callable[[ProviderSettings, datetime], Iterator[Usage]]] = {
    "anthropic": _anthropic,
    "openai": _openai,
}
