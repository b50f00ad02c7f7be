"""The server: in a thread of its own, on a port that is free."""

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dreaming.model_call import Delivery
from dreaming.testing.fake_vendor.answers import Reply, topics_of
from dreaming.testing.fake_vendor.batches import Batches
from dreaming.testing.fake_vendor.books import Books, Served, UsedElsewhere
from dreaming.testing.fake_vendor.broken import Broken
from dreaming.testing.fake_vendor.faults import Fault
from dreaming.testing.fake_vendor.wires import (
    AnthropicWire,
    CountTokens,
    FakeRequest,
    OllamaWire,
    OpenAIWire,
    Said,
    Wire,
    count_by_bytes,
)

Answering = Callable[[FakeRequest], str | Reply]


class FakeVendor:
    """A fake vendor, serving while it is entered.

    Its `url` is Anthropic's base URL and Ollama's host; OpenAI's base URL is `url + "/v1"`.

    Args:
        answer: what the model says to a request; by default a topic every six units.
        latency_seconds: how long it takes.
        keys: the keys that it takes; None takes any, and none.
        models: the models that it has; None has any, and lists one.
        at_once: how many requests it serves at once; further ones get a 429 with `retry-after:
            0.05`.
        own_server: whether OpenAI's wire is that of a server of one's own, which takes any schema
            and needs no key.
        count_tokens: how it counts what it charges for.

    """

    def __init__(
        self,
        *,
        answer: Answering = topics_of,
        latency_seconds: float = 0.0,
        keys: Iterable[str] | None = None,
        models: Iterable[str] | None = None,
        at_once: int | None = None,
        own_server: bool = False,
        count_tokens: CountTokens = count_by_bytes,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self.books = Books()
        self.batches = Batches(self)
        self.answer = answer
        self.latency_seconds = latency_seconds
        self._keys = None if keys is None else frozenset(keys)
        self._models = None if models is None else tuple(models)
        self._at_once = at_once
        self._count_tokens = count_tokens
        self._faults: deque[Fault] = deque()
        self._stopping = asyncio.Event()
        wires: tuple[Wire, ...] = (AnthropicWire(), OpenAIWire(own_server=own_server), OllamaWire())
        routes = [Route(wire.path, _endpoint(self, wire), methods=["POST"]) for wire in wires]
        counting = [(wire.counting_path, wire) for wire in wires if wire.counting_path]
        routes += [Route(path, _counter(self, wire), methods=["POST"]) for path, wire in counting]
        routes += [Route("/v1/models", self._list_openai), Route("/api/tags", self._list_ollama)]
        routes += [
            Route(wire.usage_path, _reporter(self, wire)) for wire in wires if wire.usage_path
        ]
        routes += [Route("/_books", self._tell_books), *self.batches.routes()]
        config = uvicorn.Config(
            _WithTransport(Starlette(routes=routes)),
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # With the protocol named: else asyncio leaves Nagle's algorithm on, which adds 40 ms to
        # each answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.listen(1024)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def serve(self) -> None:
        """Serve until it is stopped."""
        try:
            asyncio.run(self._serve())
        finally:
            self._socket.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        watching = asyncio.create_task(self._watch())
        await self._server.serve(sockets=[self._socket])
        watching.cancel()

    async def _watch(self) -> None:
        """Let go of requests that hang, when the server is to end."""
        while not self._server.should_exit:  # uvicorn has no event for it
            await asyncio.sleep(0.02)
        self._stopping.set()

    def break_next(self, *faults: Fault) -> None:
        """Let the next requests go wrong, one fault each."""
        self._faults.extend(faults)

    async def handle(self, wire: Wire, request: Request) -> Response:
        """Answer a request."""
        self.books.begin()
        try:
            return await self._handle(wire, request)
        finally:
            self.books.end()

    async def _handle(self, wire: Wire, request: Request) -> Response:
        body = json.loads(await request.body())
        asked = self.read(wire, body)
        fault = self._refusal(wire, request, body, asked) or (
            self._faults.popleft() if self._faults else None
        )
        if fault is not None and fault.kind == "status":
            self.note(
                asked, fault.status, asked.max_output_tokens or 0, charged=fault.status >= 500
            )
            error = wire.error(fault.status, fault.says)
            return JSONResponse(error, fault.status, headers=wire.headers() | dict(fault.headers))
        if fault is not None and fault.kind in ("hang", "reset"):
            self.note(asked, 0, asked.max_output_tokens or 0)
            if fault.kind == "hang":
                await self._stopping.wait()
            return Broken(b"")
        await asyncio.sleep(self.latency_seconds)
        return self._reply(wire, asked, fault)

    def read(self, wire: Wire, body: Mapping[str, Any]) -> FakeRequest:
        """A request, to be counted in the vendor's way."""
        return replace(wire.read(body), count=self._count_tokens)

    def _refusal(
        self, wire: Wire, request: Request, body: Mapping[str, Any], asked: FakeRequest
    ) -> Fault | None:
        key = wire.key(request.headers)
        if self._keys is not None and key is not None and key not in self._keys:
            return Fault.of_status(401, f"Incorrect API key provided: {key}.")
        if self._models is not None and asked.model not in self._models:
            return Fault.of_status(404, f'model "{asked.model}" not found, try pulling it first')
        if complaint := wire.complaint(body):
            return Fault.of_status(400, complaint)
        if self._at_once is not None and self.books.in_flight > self._at_once:
            return Fault.of_status(429, "Too many requests.", retry_after="0.05")
        return None

    def _reply(self, wire: Wire, asked: FakeRequest, fault: Fault | None) -> Response:
        kind = fault.kind if fault is not None else None
        answer = (
            fault.says
            if fault is not None and kind in ("says", "refusal", "empty")
            else self.answer(asked)
        )
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        if kind == "max_tokens":
            reply = Reply(reply.text[: len(reply.text) // 2])
        said = Said.of(reply, asked, stop=kind if kind in ("refusal", "max_tokens") else "end")
        self.note(asked, 200, said.output_tokens)
        body = wire.reply(asked, said)
        if kind == "no_usage":
            body = {
                name: value for name, value in body.items() if name not in ("usage", "eval_count")
            }
        content = json.dumps(body, ensure_ascii=False).encode()
        headers = wire.headers() | {"content-type": "application/json"}
        if kind == "cut":
            return Broken(content, headers=headers)
        if kind in ("invalid_body", "empty_body"):
            return Response(
                content[: len(content) // 2] if kind == "invalid_body" else b"", headers=headers
            )
        if kind == "html":
            return Response("<html><body>A proxy says hello.</body></html>", media_type="text/html")
        return Response(content, headers=headers)

    def refuse(self, wire: Wire, request: Request) -> Response | None:
        """How a request about batches is refused, or its connection
        broken before anything is done.
        """
        key = wire.key(request.headers)
        if self._keys is not None and key not in self._keys:
            return JSONResponse(
                wire.error(401, "Incorrect API key provided."), 401, headers=wire.headers()
            )
        if not self._faults or self._faults[0].kind not in ("status", "reset"):
            return None
        fault = self._faults.popleft()
        if fault.kind == "reset":
            return Broken(b"")
        error = wire.error(fault.status, fault.says)
        return JSONResponse(error, fault.status, headers=wire.headers() | dict(fault.headers))

    def cut_off(self) -> Response | None:
        """How the answer to a request about batches breaks off that was done."""
        if not self._faults or self._faults[0].kind != "cut":
            return None
        self._faults.popleft()
        return Broken(b"{}", headers={"content-type": "application/json"})

    def note(
        self,
        asked: FakeRequest,
        status: int,
        output_tokens: int,
        *,
        charged: bool = True,
        delivery: Delivery = "now",
    ) -> None:
        """Note what was served."""
        self.books.served.append(
            Served(
                wire=asked.wire,
                model=asked.model,
                instructions=asked.instructions,
                content=asked.content,
                schema=asked.schema,
                max_output_tokens=asked.max_output_tokens,
                caches=asked.caches,
                status=status,
                input_tokens=asked.input_tokens if charged else 0,
                output_tokens=output_tokens if charged else 0,
                delivery=delivery,
            )
        )

    async def _list_openai(self, _request: Request) -> Response:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "fake"}
            for name in self._listed()
        ]
        return JSONResponse({"object": "list", "data": models})

    async def _list_ollama(self, _request: Request) -> Response:
        return JSONResponse({"models": [{"model": name, "name": name} for name in self._listed()]})

    async def _tell_books(self, _request: Request) -> Response:
        books = self.books
        told = {"served": len(books.served), "charged_tokens": books.charged_tokens}
        return JSONResponse(told | {"most_in_flight": books.most_in_flight})

    def _listed(self) -> tuple[str, ...]:
        return ("fake-model",) if self._models is None else self._models


class _WithTransport:
    """Lets an endpoint break its connection, which ASGI has no word for: uvicorn's own transport is
    handed on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["transport"] = send.__self__.transport  # type: ignore[attr-defined] # a method of uvicorn's cycle
        await self._app(scope, receive, send)


def _endpoint(vendor: FakeVendor, wire: Wire) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await vendor.handle(wire, request)

    return endpoint


def _reporter(vendor: FakeVendor, wire: Wire) -> Callable[[Request], Any]:
    async def report(request: Request) -> Response:
        used: dict[tuple[str, Delivery | None], list[int]] = {}
        by_delivery = wire.delivery_group in request.query_params.getlist("group_by[]")
        everybody: list[Served | UsedElsewhere] = [*vendor.books.served, *vendor.books.elsewhere]
        for one in everybody:
            tokens = used.setdefault((one.model, one.delivery if by_delivery else None), [0, 0])
            tokens[0] += one.input_tokens
            tokens[1] += one.output_tokens
        return JSONResponse(wire.usage_report(used))

    return report


def _counter(vendor: FakeVendor, wire: Wire) -> Callable[[Request], Any]:
    async def count(request: Request) -> Response:
        asked = vendor.read(wire, wire.as_counted(json.loads(await request.body())))
        return JSONResponse({"object": "response.input_tokens", "input_tokens": asked.input_tokens})

    return count
