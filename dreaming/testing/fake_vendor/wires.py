"""The requests, replies, errors and refusals of each vendor's API."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from dreaming.model_call import Delivery
from dreaming.testing.fake_vendor.answers import Reply

FRAME_TOKENS = 10
"""What it counts around a request."""

CountTokens = Callable[[str], int]


def count_by_bytes(text: str) -> int:
    """Four bytes a token: no vendor's way, and the same on every machine."""
    return len(text.encode()) // 4


_BOUNDS = frozenset({"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeRequest:
    """What was asked, in no vendor's words."""

    wire: str
    model: str
    instructions: str
    content: str
    schema: Mapping[str, Any] | None
    max_output_tokens: int | None
    caches: bool = False
    count: CountTokens = count_by_bytes

    @property
    def input_tokens(self) -> int:
        """Of all that was sent, the schema too."""
        schema = json.dumps(self.schema, separators=(",", ":")) if self.schema else ""
        return sum(map(self.count, (self.instructions, self.content, schema))) + FRAME_TOKENS


@dataclass(frozen=True, slots=True)
class Said:
    """A reply as it is sent: cut to the cap."""

    text: str
    stop: str
    """end, max_tokens or refusal."""
    output_tokens: int
    reply: Reply

    @classmethod
    def of(cls, reply: Reply, request: FakeRequest, *, stop: str = "end") -> "Said":
        """A reply within the cap of a request."""
        cap, tokens = request.max_output_tokens, request.count(reply.text) + 1
        if cap is not None and tokens > cap:
            return cls(reply.text[: len(reply.text) * cap // tokens], "max_tokens", cap, reply)
        return cls(reply.text, stop, tokens, reply)


class Wire(ABC):
    """A vendor's way of asking and answering."""

    name: str
    path: str
    counting_path: str | None = None
    """Where input is counted for free."""
    usage_path: str | None = None
    """Where the account's usage is told."""

    @abstractmethod
    def key(self, headers: Mapping[str, str]) -> str | None:
        """The key that a request brings; None where none is asked for."""

    @abstractmethod
    def read(self, body: Mapping[str, Any]) -> FakeRequest:
        """A request."""

    def as_counted(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The request that a request to count its input is about."""
        return {**body, "max_tokens": 0}

    @abstractmethod
    def complaint(self, body: Mapping[str, Any]) -> str | None:
        """What the vendor refuses in a request."""

    @abstractmethod
    def reply(self, request: FakeRequest, said: Said) -> dict[str, Any]:
        """The body of a reply."""

    @abstractmethod
    def error(self, status: int, message: str) -> Any:
        """The body of an error."""

    @abstractmethod
    def headers(self) -> dict[str, str]:
        """The headers of any answer."""

    def usage_report(
        self, used: Mapping[tuple[str, Delivery | None], Sequence[int]]
    ) -> dict[str, Any]:
        """Tokens of input and output by model, and by delivery where that is asked for, all on one
        day.
        """
        results = [
            self.usage_result(model, *tokens) | {self.delivery_group: self.deliveries[delivery]}
            for (model, delivery), tokens in used.items()
        ]
        return {
            "object": "page",
            "data": [{"results": results, **self.bucket}],
            "has_more": False,
            "next_page": None,
        }

    delivery_group: str = ""
    """What reports are grouped by to tell batches."""
    deliveries: Mapping[Delivery | None, Any] = {}
    """What a report says of it."""
    bucket: Mapping[str, Any] = {}
    """What a day of a usage report says besides."""

    def usage_result(self, model: str, sent: int, said: int) -> dict[str, Any]:
        """The usage of a model."""
        return {"model": model, "input_tokens": sent, "output_tokens": said}


class AnthropicWire(Wire):
    """POST /v1/messages."""

    name = "anthropic"
    path = "/v1/messages"
    counting_path = "/v1/messages/count_tokens"
    usage_path = "/v1/organizations/usage_report/messages"
    delivery_group = "service_tier"
    deliveries: Mapping[Delivery | None, Any] = {None: None, "now": "standard", "batch": "batch"}
    _TAKES = frozenset(
        {"model", "max_tokens", "system", "messages", "output_config", "metadata", "stop_sequences"}
    )
    _ERRORS: Mapping[int, str] = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        504: "timeout_error",
        529: "overloaded_error",
    }

    def key(self, headers: Mapping[str, str]) -> str | None:
        """`x-api-key`."""
        return headers.get("x-api-key", "")

    def read(self, body: Mapping[str, Any]) -> FakeRequest:
        system = body.get("system") or []
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
        return FakeRequest(
            wire=self.name,
            model=body["model"],
            instructions="\n".join(block["text"] for block in blocks),
            content="\n".join(str(message["content"]) for message in body["messages"]),
            schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
            max_output_tokens=body["max_tokens"],
            caches=any("cache_control" in block for block in blocks),
        )

    def complaint(self, body: Mapping[str, Any]) -> str | None:
        """Unknown fields, and what structured output does not support."""
        if body.get("stream"):
            return "this fake answers in one piece"
        unknown = body.keys() - self._TAKES - {"stream"}
        if unknown:
            return f"{min(unknown)}: Extra inputs are not permitted"
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        for part in _parts(schema):
            if found := _BOUNDS & part.keys():
                return f"output_config.format.schema: property '{min(found)}' is not supported"
            if part.get("type") == "object" and part.get("additionalProperties") is not False:
                return (
                    "output_config.format.schema: For 'object' type, 'additionalProperties' must "
                    "be set to false"
                )
        return None

    def reply(self, request: FakeRequest, said: Said) -> dict[str, Any]:
        """A message; its input excludes what was cached."""
        cached = said.reply.cache_read_tokens + said.reply.cache_write_tokens
        stop = {"end": "end_turn", "max_tokens": "max_tokens", "refusal": "refusal"}[said.stop]
        return {
            "id": f"msg_{uuid4().hex[:24]}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": [{"type": "text", "text": said.text}] if said.text else [],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": max(request.input_tokens - cached, 0),
                "cache_creation_input_tokens": said.reply.cache_write_tokens,
                "cache_read_input_tokens": said.reply.cache_read_tokens,
                "output_tokens": said.output_tokens,
                "service_tier": "standard",
            },
        }

    def error(self, status: int, message: str) -> Any:
        kind = self._ERRORS.get(status, "api_error")
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": f"req_{uuid4().hex[:24]}",
        }

    def usage_result(self, model: str, sent: int, said: int) -> dict[str, Any]:
        """Uncached input by itself."""
        return {"model": model, "uncached_input_tokens": sent, "output_tokens": said}

    def headers(self) -> dict[str, str]:
        """The request's id, and what is left of the limits."""
        return {
            "request-id": f"req_{uuid4().hex[:24]}",
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
        }


class OpenAIWire(Wire):
    """POST /v1/chat/completions. `own_server` takes what vLLM, llama.cpp and LM Studio take: any
    schema, no key.
    """

    name = "openai"
    path = "/v1/chat/completions"
    counting_path = "/v1/responses/input_tokens"
    usage_path = "/v1/organization/usage/completions"
    delivery_group = "batch"
    deliveries: Mapping[Delivery | None, Any] = {None: None, "now": False, "batch": True}
    bucket: Mapping[str, Any] = {"object": "bucket", "start_time": 0, "end_time": 86_400}
    _TAKES = frozenset(
        {
            "model",
            "messages",
            "response_format",
            "max_completion_tokens",
            "max_tokens",
            "temperature",
            "seed",
            "user",
            "reasoning_effort",
        }
    )

    def __init__(self, *, own_server: bool = False) -> None:
        self._own_server = own_server

    def key(self, headers: Mapping[str, str]) -> str | None:
        """A bearer token."""
        return (
            None if self._own_server else headers.get("authorization", "").removeprefix("Bearer ")
        )

    def read(self, body: Mapping[str, Any]) -> FakeRequest:
        said = _by_role(body)
        return FakeRequest(
            wire=self.name,
            model=body["model"],
            instructions=said["system"],
            content=said["user"],
            schema=((body.get("response_format") or {}).get("json_schema") or {}).get("schema"),
            max_output_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        )

    def as_counted(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """It comes in the words of the Responses API."""
        said = [
            {"role": "system", "content": body["instructions"]},
            {"role": "user", "content": body["input"]},
        ]
        form = {"json_schema": body["text"]["format"]}
        return {"model": body["model"], "messages": said, "response_format": form}

    def complaint(self, body: Mapping[str, Any]) -> str | None:
        """Unknown fields, and what strict structured output does not support."""
        unknown = body.keys() - self._TAKES
        if unknown:
            return f"Unrecognized request argument supplied: {min(unknown)}"
        form = (body.get("response_format") or {}).get("json_schema") or {}
        if self._own_server or not form.get("strict"):
            return None
        refused = "Invalid schema for response_format"
        for part in _parts(form.get("schema")):
            if found := {"minLength", "maxLength"} & part.keys():
                return f"{refused} '{form.get('name')}': '{min(found)}' is not permitted."
            if part.get("type") == "object":
                if part.get("additionalProperties") is not False:
                    return f"{refused}: 'additionalProperties' is required to be false."
                if set(part.get("required", ())) != set(part.get("properties", ())):
                    return f"{refused}: 'required' must include every key in properties."
        return None

    def reply(self, request: FakeRequest, said: Said) -> dict[str, Any]:
        """A completion; its input includes what was cached."""
        refused = said.stop == "refusal"
        stop = {"end": "stop", "max_tokens": "length", "refusal": "stop"}[said.stop]
        content = None if refused else said.text
        message: dict[str, Any] = {
            "role": "assistant",
            "content": content,
            "refusal": said.text if refused else None,
            "annotations": [],
        }
        return {
            "id": f"chatcmpl-{uuid4().hex[:24]}",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": request.model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": stop}],
            "usage": {
                "prompt_tokens": request.input_tokens,
                "completion_tokens": said.output_tokens,
                "total_tokens": request.input_tokens + said.output_tokens,
                "prompt_tokens_details": {
                    "cached_tokens": said.reply.cache_read_tokens,
                    "audio_tokens": 0,
                },
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        }

    def error(self, status: int, message: str) -> Any:
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
        code = "insufficient_quota" if "quota" in message else codes.get(status)
        kind = "server_error" if status >= 500 else "invalid_request_error"  # HTTP's own
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def usage_result(self, model: str, sent: int, said: int) -> dict[str, Any]:
        """With the kind of what it is of."""
        result = super().usage_result(model, sent, said)
        return {
            "object": "organization.usage.completions.result",
            "num_model_requests": 1,
            **result,
        }

    def headers(self) -> dict[str, str]:
        """The request's id, and what is left of the limits."""
        return {"x-request-id": f"req_{uuid4().hex}", "x-ratelimit-remaining-requests": "9999"}


class OllamaWire(Wire):
    """POST /api/chat."""

    name = "ollama"
    path = "/api/chat"

    def key(self, headers: Mapping[str, str]) -> str | None:  # noqa: ARG002
        """None is asked for."""
        return None

    def read(self, body: Mapping[str, Any]) -> FakeRequest:
        said = _by_role(body)
        return FakeRequest(
            wire=self.name,
            model=body["model"],
            instructions=said["system"],
            content=said["user"],
            schema=body.get("format") or None,
            max_output_tokens=(body.get("options") or {}).get("num_predict"),
        )

    def complaint(self, body: Mapping[str, Any]) -> str | None:
        """A stream is not served here."""
        return "this fake answers in one piece" if body.get("stream") else None

    def reply(self, request: FakeRequest, said: Said) -> dict[str, Any]:
        """A chat response."""
        return {
            "model": request.model,
            "created_at": "2026-11-24T00:00:00.000000Z",
            "message": {"role": "assistant", "content": said.text},
            "done": True,
            "done_reason": "length" if said.stop == "max_tokens" else "stop",
            "total_duration": 2_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": request.input_tokens,
            "prompt_eval_duration": 500_000,
            "eval_count": said.output_tokens,
            "eval_duration": 500_000,
        }

    def error(self, status: int, message: str) -> Any:  # noqa: ARG002
        return {"error": message}

    def headers(self) -> dict[str, str]:
        """Nothing of its own."""
        return {}


def _parts(schema: Any) -> Iterator[Mapping[str, Any]]:
    """A schema and all schemas in it."""
    if isinstance(schema, Mapping):
        yield schema
        for key, value in schema.items():
            for inner in value.values() if key == "properties" else [value]:
                yield from _parts(inner)


def _by_role(body: Mapping[str, Any]) -> dict[str, str]:
    """What the system and the user say in a request of chat messages."""
    messages = body["messages"]
    return {
        role: "\n".join(m["content"] for m in messages if m["role"] == role)
        for role in ("system", "user")
    }
