"""Anthropic's Messages API through its official SDK."""

from datetime import date
from typing import TYPE_CHECKING, Any

from dreaming.chunking.tokens import count_tokens
from dreaming.model_call import Answer, Failure, ModelCall, Outcome
from dreaming.prompting.schema import without_bounds
from dreaming.providers.anthropic_batches import AnthropicBatches
from dreaming.providers.anthropic_messages import read_message
from dreaming.providers.attempt import attempt
from dreaming.providers.faults import missing_key_failure
from dreaming.providers.prompt_cache import PromptCache
from dreaming.providers.provider import Limits, LLMProvider, ProviderSettings, with_margin

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

DEFAULT_LIMITS = Limits(timeout_seconds=60, max_concurrency=32, window_tokens=8_000)


class AnthropicProvider(LLMProvider):
    """Claude, by key (`ANTHROPIC_API_KEY`)."""

    name = "anthropic"

    def __init__(self, settings: ProviderSettings, *, today: date) -> None:
        model = settings.resolve(self.name, today=today)
        super().__init__(model, settings.limits(DEFAULT_LIMITS), settings.reply_shape)
        self._settings = settings
        self._client: AsyncAnthropic | None = None
        self._cache = PromptCache(model.cached_from, self.limits.max_concurrency)

    async def connect(self) -> Failure | None:
        """Check that it has a key."""
        if self._settings.api_key:
            return None
        return missing_key_failure(self.name, "ANTHROPIC_API_KEY")

    async def send(self, call: ModelCall) -> Outcome:
        # Imported where it is used, here and below: importing an SDK takes long.
        import anthropic

        missing_key = await self.connect()
        if missing_key is not None:
            return missing_key
        return await attempt(
            lambda: self._ask(call), provider=self.name, model=self.model.served, errors=anthropic
        )

    async def count_input_tokens(self, call: ModelCall) -> int | None:
        """By `messages.count_tokens`, which is free."""
        import anthropic

        request = self._request(call, cached=False)
        del request["max_tokens"]
        try:
            count = await self._connected().messages.count_tokens(**request)
        except (anthropic.AnthropicError, ValueError, TypeError):
            # A count only narrows a reservation: without it, `bound_input_tokens` holds.
            return None
        return with_margin(count.input_tokens)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _ask(self, call: ModelCall) -> Answer:
        prefix_tokens = count_tokens(call.instructions)
        cached = self._cache.is_worth(prefix_tokens)
        request = self._request(call, cached=cached)
        # Raw, for the header with the vendor's id of the request.
        raw = await self._connected().messages.with_raw_response.create(**request)
        answer = read_message(await raw.json(), vendor_ref=raw.headers.get("request-id"))
        if cached and answer.usage is not None:
            self._cache.note(read_tokens=answer.usage.cache_read_tokens)
        return answer

    def batches(self) -> AnthropicBatches:
        """Message Batches."""

        # Not cached: whether that pays is learnt from replies, and a batch's come all at its end.
        def request(call: ModelCall) -> dict[str, Any]:
            return self._request(call, cached=False)

        return AnthropicBatches(self._connected, self.model.served, request)

    def _connected(self) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic

        if self._client is None:
            self._client = AsyncAnthropic(
                api_key=self._settings.api_key,
                base_url=self._settings.base_url,
                timeout=self.limits.timeout_seconds,
                # Retries are ours, so that each attempt is reserved, paced and recorded.
                max_retries=0,
            )
        return self._client

    def _request(self, call: ModelCall, *, cached: bool) -> dict[str, Any]:
        system: dict[str, Any] = {"type": "text", "text": call.instructions}
        if cached:
            system["cache_control"] = {"type": "ephemeral"}
        # Anthropic refuses bounds in the schema of a structured output.
        schema = without_bounds(call.schema)
        return {
            "model": self.model.served,
            "max_tokens": call.max_output_tokens,
            "system": [system],
            "messages": [{"role": "user", "content": call.content}],
            "output_config": {"format": {"type": "json_schema", "schema": schema}},
        }
