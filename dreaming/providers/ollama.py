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
PROBE_SECONDS = 3.0
"""How long a server may take to list its models."""


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
        """Make one attempt."""
        import httpx
        from ollama import ResponseError

        started = perf_counter()
        try:
            reply = await self._connected().chat(**self._request(call))
            return _answer(reply.model_dump(), perf_counter() - started)
        except ResponseError as error:
            seconds, status = perf_counter() - started, error.status_code
            return status_failure(
                "Ollama", self.model.served, status, {}, str(error.error), seconds=seconds
            )
        except (ConnectionError, httpx.TransportError) as error:
            return connection_failure("Ollama", error, seconds=perf_counter() - started)
        except (ValueError, TypeError, LookupError, AttributeError):
            return unreadable_failure("Ollama", seconds=perf_counter() - started)

    async def list_models(self) -> list[str] | None:
        """The models that the server has; None where no Ollama answers."""
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
            return None
        return [model.model for model in listed.models if model.model]

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client._client.aclose()
            self._client = None

    def _connected(self) -> "AsyncClient":
        from ollama import AsyncClient

        if self._client is None:
            self._client = AsyncClient(self._host, timeout=self.limits.timeout_seconds)
        return self._client

    def _request(self, call: ModelCall) -> dict[str, Any]:
        # Without a context that holds it all, Ollama silently drops the beginning of what it is
        # sent.
        wanted = len((call.instructions + call.content).encode()) // 2 + call.max_output_tokens
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
                "num_ctx": -(-wanted // _CONTEXT_STEP) * _CONTEXT_STEP,
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
