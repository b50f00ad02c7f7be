"""OpenAI's Chat Completions through its SDK, and other servers that speak them.

Such servers are vLLM, llama.cpp's and LM Studio's.
"""

import json
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dreaming.chunking.tokens import count_tokens
from dreaming.model_call import REQUEST_OVERHEAD_TOKENS, Answer, Failure, ModelCall, Outcome
from dreaming.prompting.schema import without_bounds
from dreaming.providers.attempt import attempt
from dreaming.providers.faults import missing_key_failure
from dreaming.providers.models import ResolvedModel
from dreaming.providers.openai_batches import OpenAIBatches
from dreaming.providers.openai_completions import read_completion
from dreaming.providers.provider import Limits, LLMProvider, ProviderSettings, with_margin

if TYPE_CHECKING:
    from openai import AsyncOpenAI

DEFAULT_LIMITS = Limits(timeout_seconds=60, max_concurrency=32, window_tokens=8_000)

PROBE_SECONDS = 3.0
"""Timeout of a server's list of models: each run waits for it before it uses the local LLM."""


class CompatibleServer(LLMProvider):
    """A server that speaks OpenAI's Chat Completions."""

    name = "local"
    is_local = True

    def __init__(self, settings: ProviderSettings, model: ResolvedModel, limits: Limits) -> None:
        super().__init__(model, limits, settings.reply_shape)
        self._settings = settings
        self._client: AsyncOpenAI | None = None

    async def list_models(self) -> list[str] | None:
        """The models that the server has; None where no server replies."""
        # Imported where it is used, here and below: importing an SDK takes long.
        import openai

        try:
            models = await self._connected().models.list(timeout=PROBE_SECONDS)
        except (openai.OpenAIError, ValueError, TypeError, AttributeError):
            # Whatever else replies at this port, it is no server of this protocol.
            return None
        return [model.id for model in models.data]

    async def send(self, call: ModelCall) -> Outcome:
        import openai

        return await attempt(
            lambda: self._ask(call), provider=self.name, model=self.model.served, errors=openai
        )

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _ask(self, call: ModelCall) -> Answer:
        raw = await self._connected().chat.completions.with_raw_response.create(
            **self._request(call)
        )
        return read_completion(
            raw.http_response.json(), self.model.served, vendor_ref=raw.headers.get("x-request-id")
        )

    def _connected(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        if self._client is None:
            self._client = AsyncOpenAI(
                # The SDK refuses to start without a key; a server of the user's own ignores it.
                api_key=self._settings.api_key or "none",
                base_url=self._settings.base_url,
                timeout=self.limits.timeout_seconds,
                # Retries are ours, so that each attempt is reserved, paced and recorded.
                max_retries=0,
            )
        return self._client

    def _request(self, call: ModelCall) -> dict[str, Any]:
        # OpenAI refuses bounds in a strict schema; the user's own servers apply them.
        schema = dict(call.schema) if self.is_local else without_bounds(call.schema)
        json_schema = {"name": "chunks", "strict": True, "schema": schema}
        request: dict[str, Any] = {
            "model": self.model.served,
            "messages": [
                {"role": "system", "content": call.instructions},
                {"role": "user", "content": call.content},
            ],
            "response_format": {"type": "json_schema", "json_schema": json_schema},
        }
        if self.is_local:
            return request | {"max_tokens": call.max_output_tokens, "temperature": 0}
        # OpenAI has renamed this field; other servers know only the old name.
        request["max_completion_tokens"] = call.max_output_tokens
        if self.model.reasoning_effort:
            request["reasoning_effort"] = self.model.reasoning_effort
        return request


class OpenAIProvider(CompatibleServer):
    """GPT, by key (`OPENAI_API_KEY`); with a `base_url`, another cloud server of its protocol."""

    name = "openai"
    is_local = False

    def __init__(self, settings: ProviderSettings, *, today: date) -> None:
        model = settings.resolve(self.name, today=today)
        super().__init__(settings, model, settings.limits(DEFAULT_LIMITS))

    async def connect(self) -> Failure | None:
        """OpenAI needs a key; other servers may not."""
        needs_key = _is_openai(self._settings.base_url) and not self._settings.api_key
        return missing_key_failure(self.name, "OPENAI_API_KEY") if needs_key else None

    async def send(self, call: ModelCall) -> Outcome:
        return await self.connect() or await super().send(call)

    def batches(self) -> OpenAIBatches:
        """The Batch API; not every server of its protocol has it."""
        return OpenAIBatches(self._connected, self.model.served, self._request)

    def bound_input_tokens(self, call: ModelCall) -> int:
        """By OpenAI's own tokenizer, which is public; by bytes for other servers."""
        # Another server may serve a model with another tokenizer.
        if not _is_openai(self._settings.base_url):
            return super().bound_input_tokens(call)
        schema = json.dumps(without_bounds(call.schema))
        sent_texts = (call.instructions, call.content, schema)
        counted = sum(map(count_tokens, sent_texts))
        return with_margin(counted) + REQUEST_OVERHEAD_TOKENS

    async def count_input_tokens(self, call: ModelCall) -> int | None:
        """By `responses.input_tokens`, which is free; None at servers that do not offer it."""
        import openai

        reply_format: Any = {
            "type": "json_schema",
            "name": "chunks",
            "strict": True,
            "schema": without_bounds(call.schema),
        }
        try:
            count = await self._connected().responses.input_tokens.count(
                model=self.model.served,
                instructions=call.instructions,
                input=call.content,
                text={"format": reply_format},
            )
        except (openai.OpenAIError, ValueError, TypeError):
            # A count only narrows a reservation: without it, the bound above holds.
            return None
        return with_margin(count.input_tokens)


def _is_openai(base_url: str | None) -> bool:
    host = urlsplit(base_url).hostname if base_url else "api.openai.com"
    if host is None:
        return False
    return host == "openai.com" or host.endswith((".openai.com", ".openai.azure.com"))
