"""Ollama through its official client."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dreaming.model_call import Answer, Failure, ModelCall, Outcome, StopReason, TokenUsage
from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.faults import connection_failure, status_failure, unreadable_failure
from dreaming.providers.models import ResolvedModel
from dreaming.providers.provider import Limits, LLMProvider

if TYPE_CHECKING:
    from ollama import AsyncClient

_STOPS: dict[str | None, StopReason] = {"stop": "end", "length": "max_tokens"}
_CONTEXT_STEP = 1024
"""Contexts are multiples of this: Ollama loads the model anew for each other size of context."""
_BYTES_PER_TOKEN = 2
"""Fewer than texts usually have, so that the context holds them."""
PROBE_SECONDS = 3.0
"""Timeout of a server's list of models: each run waits for it before it uses the local LLM."""


class OllamaModel(LLMProvider):
    """A model that an Ollama server has pulled."""

    name = "local"
    is_local = True

    def __init__(
        self, host: str, model: ResolvedModel, limits: Limits, reply_shape: ReplyShape
    ) -> None:
        super().__init__(model, limits, reply_shape)
        self._host = host
        self._client: AsyncClient | None = None

    async def send(self, call: ModelCall) -> Outcome:
        import httpx
        from ollama import ResponseError

        started = perf_counter()
        try:
            reply = await self._connected().chat(**self._request(call))
            return _answer(reply.model_dump(), perf_counter() - started)
        except ResponseError as error:
            seconds = perf_counter() - started
            error_text = str(error.error)
            return status_failure(
                "Ollama", self.model.served, error.status_code, {}, error_text, seconds=seconds
            )
        # The client raises ConnectionError itself, and lets other errors of httpx through.
        except (ConnectionError, httpx.TransportError) as error:
            return connection_failure("Ollama", error, seconds=perf_counter() - started)
        # All that a body of another form than promised raises while it is read.
        except (ValueError, TypeError, LookupError, AttributeError):
            return unreadable_failure("Ollama", seconds=perf_counter() - started)

    async def list_models(self) -> list[str] | None:
        """The models that the server has; None where no Ollama replies."""
        import httpx
        from ollama import ResponseError

        try:
            async with asyncio.timeout(PROBE_SECONDS):
                listed = await self._connected().list()
        except (
            ConnectionError,
            TimeoutError,
            ResponseError,
            httpx.HTTPError,
            ValueError,
            TypeError,
            AttributeError,
        ):
            # Whatever else replies at this port, it is not Ollama.
            return None
        return [model.model for model in listed.models if model.model]

    async def aclose(self) -> None:
        if self._client is not None:
            # The HTTP client is a private part of Ollama's.
            await self._client._client.aclose()
            self._client = None

    def _connected(self) -> "AsyncClient":
        from ollama import AsyncClient

        if self._client is None:
            self._client = AsyncClient(self._host, timeout=self.limits.timeout_seconds)
        return self._client

    def _request(self, call: ModelCall) -> dict[str, Any]:
        # Ollama silently drops the beginning of a prompt that its context does not hold.
        sent_bytes = len((call.instructions + call.content).encode())
        needed_tokens = sent_bytes // _BYTES_PER_TOKEN + call.max_output_tokens
        # Rounded up: the negative numerator turns floor division into a ceiling.
        context_steps = -(-needed_tokens // _CONTEXT_STEP)
        return {
            "model": self.model.served,
            "messages": [
                {"role": "system", "content": call.instructions},
                {"role": "user", "content": call.content},
            ],
            "format": dict(call.schema),
            "options": {
                "temperature": 0,
                "num_predict": call.max_output_tokens,
                "num_ctx": context_steps * _CONTEXT_STEP,
            },
        }


def _answer(reply: dict[str, Any], seconds: float) -> Answer | Failure:
    return Answer(
        text=reply["message"]["content"] or "",
        usage=_usage(reply),
        stop=_STOPS.get(reply["done_reason"], "other"),
        model=reply["model"],
        vendor_ref=None,
        seconds=seconds,
    )


def _usage(reply: dict[str, Any]) -> TokenUsage | None:
    if reply.get("eval_count") is None:
        return None
    return TokenUsage(
        input_tokens=reply.get("prompt_eval_count") or 0, output_tokens=reply["eval_count"]
    )
