"""The batch APIs of a fake vendor: calls that are submitted together, and done later.

Only calls that succeed are charged. Batches end as soon as a request asks for them, unless they are
held. `end_next` makes single calls fail.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dreaming.testing.fake_vendor.answers import Reply
from dreaming.testing.fake_vendor.wires import AnthropicWire, FakeRequest, OpenAIWire, Said, Wire

if TYPE_CHECKING:
    from dreaming.testing.fake_vendor.server import FakeVendor

Ending = Literal["succeeded", "bad_request", "server_error", "expired", "canceled", "missing"]
"""How a call in a batch ends; `missing`: it was done and charged, and the results do not have it.
"""

_STATUSES: Mapping[Ending, int] = {"bad_request": 400, "server_error": 500}


@dataclass(slots=True)
class HeldBatch:
    """A batch as the vendor has it."""

    ref: str
    wire: str
    calls: dict[str, Mapping[str, Any]]
    """The bodies, by the ids that they were given with."""
    metadata: Mapping[str, str]
    made_at: datetime
    file_id: str = ""
    results: dict[str, tuple[Ending, Any]] | None = None
    """How each ended, and the body of its reply or error; None while it is under way."""
    is_canceled: bool = False
    is_expired: bool = False

    def count(self, *endings: Ending) -> int:
        """How many calls have ended so."""
        return sum(ending in endings for ending, _ in (self.results or {}).values())


@dataclass(slots=True)
class Batches:
    """All batches of a vendor, and what a test may do to them."""

    vendor: "FakeVendor"
    held: bool = False
    """Whether they stay under way until `finish`."""
    says_each_twice: bool = False
    """Whether the results have each line twice."""
    has_results: bool = True
    """Whether it still has what came of batches that have ended."""
    uploads_fail: bool = False
    """Whether what goes wrong goes wrong with the file, before there is a batch."""
    all: dict[str, HeldBatch] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    """The batches and files that were deleted."""
    _endings: deque[Ending] = field(default_factory=deque)

    def end_next(self, *endings: Ending) -> None:
        """Let the next calls end so, one each."""
        self._endings.extend(endings)

    def finish(self, *, only: Ending | None = None) -> None:
        """End all that are under way; `only`: every call alike."""
        for batch in list(self.all.values()):
            self._end(batch, only)

    def cancel(self) -> None:
        """Call all off that are under way, as a person does at the vendor's console."""
        for batch in self.all.values():
            self._cancel(batch)

    def expire(self) -> None:
        """Let a day go by over all that are under way."""
        for batch in self.all.values():
            if batch.results is None:
                batch.is_expired = True
                self._end(batch, "expired")

    def routes(self) -> list[Route]:
        """Both wires' addresses."""
        anthropic, openai = _Anthropic(self), _OpenAI(self)
        messages, batches = "/v1/messages/batches", "/v1/batches"
        return [
            Route(messages, anthropic.create, methods=["POST"]),
            Route(messages, anthropic.list, methods=["GET"]),
            Route(messages + "/{ref}", anthropic.retrieve, methods=["GET"]),
            Route(messages + "/{ref}", anthropic.delete, methods=["DELETE"]),
            Route(messages + "/{ref}/cancel", anthropic.cancel, methods=["POST"]),
            Route(messages + "/{ref}/results", anthropic.results, methods=["GET"]),
            Route("/v1/files", openai.upload, methods=["POST"]),
            Route("/v1/files/{file_id}/content", openai.content, methods=["GET"]),
            Route("/v1/files/{file_id}", openai.delete_file, methods=["DELETE"]),
            Route(batches, openai.create, methods=["POST"]),
            Route(batches, openai.list, methods=["GET"]),
            Route(batches + "/{ref}", openai.retrieve, methods=["GET"]),
            Route(batches + "/{ref}/cancel", openai.cancel, methods=["POST"]),
        ]

    def add(self, batch: HeldBatch) -> HeldBatch:
        """Take a batch."""
        self.all[batch.ref] = batch
        return batch

    def get(self, ref: str) -> HeldBatch | None:
        """A batch, which has ended unless it is held."""
        if not self.held:
            self.finish()
        return self.all.get(ref)

    def of(self, wire: str) -> list[HeldBatch]:
        """The batches that came over a wire, the newest first."""
        if not self.held:
            self.finish()
        return [batch for batch in reversed(self.all.values()) if batch.wire == wire]

    def _cancel(self, batch: HeldBatch) -> None:
        if batch.results is None:
            batch.is_canceled = True
            self._end(batch, "canceled")

    def _end(self, batch: HeldBatch, only: Ending | None) -> None:
        if batch.results is None:
            wire: Wire = AnthropicWire() if batch.wire == "anthropic" else OpenAIWire()
            endings = {call_id: only or self._next_ending() for call_id in batch.calls}
            batch.results = {
                call_id: (ending, self._serve(wire, batch.calls[call_id], ending))
                for call_id, ending in endings.items()
            }

    def _next_ending(self) -> Ending:
        return self._endings.popleft() if self._endings else "succeeded"

    def _serve(self, wire: Wire, body: Mapping[str, Any], ending: Ending) -> Any:
        """Do a call, and note it."""
        asked = self.vendor.read(wire, body)
        if complaint := wire.complaint(body):
            ending = "bad_request"
        if ending not in ("succeeded", "missing"):
            status = _STATUSES.get(ending, 0)
            self.vendor.note(asked, status, 0, charged=False, delivery="batch")
            return wire.error(status, complaint or "Something is wrong.") if status else None
        said = self._said(asked)
        self.vendor.note(asked, 200, said.output_tokens, delivery="batch")
        return wire.reply(asked, said)

    def _said(self, asked: FakeRequest) -> Said:
        answer = self.vendor.answer(asked)
        return Said.of(answer if isinstance(answer, Reply) else Reply(answer), asked)


class _Api:
    """One vendor's words for batches."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def _missing(self, wire: Wire) -> Response:
        return JSONResponse(wire.error(404, "There is no such batch."), 404)


class _Anthropic(_Api):
    _wire = AnthropicWire()

    async def create(self, request: Request) -> Response:
        body = json.loads(await request.body())
        if (refusal := self._batches.vendor.refuse(self._wire, request)) is not None:
            return refusal
        made = HeldBatch(
            ref=f"msgbatch_{uuid4().hex[:24]}",
            wire="anthropic",
            calls={each["custom_id"]: each["params"] for each in body["requests"]},
            metadata={},
            made_at=datetime.now(UTC),
        )
        self._batches.add(made)
        return self._batches.vendor.cut_off() or JSONResponse(self._told(made))

    async def list(self, _request: Request) -> Response:
        found = [self._told(each) for each in self._batches.of("anthropic")]
        return JSONResponse({"data": found, "has_more": False, "first_id": None, "last_id": None})

    async def retrieve(self, request: Request) -> Response:
        batch = self._batches.get(request.path_params["ref"])
        return self._missing(self._wire) if batch is None else JSONResponse(self._told(batch))

    async def delete(self, request: Request) -> Response:
        ref = request.path_params["ref"]
        self._batches.all.pop(ref, None)
        self._batches.deleted.append(ref)
        return JSONResponse({"id": ref, "type": "message_batch_deleted"})

    async def cancel(self, request: Request) -> Response:
        batch = self._batches.all[request.path_params["ref"]]
        if batch.results is not None:
            return JSONResponse(self._wire.error(400, "It has ended."), 400)
        self._batches._cancel(batch)  # the same module
        return JSONResponse(self._told(batch))

    async def results(self, request: Request) -> Response:
        batch = self._batches.get(request.path_params["ref"])
        if batch is None or batch.results is None or not self._batches.has_results:
            return self._missing(self._wire)
        lines = [
            json.dumps(
                {"custom_id": call_id, "result": self._result(ending, body)}, ensure_ascii=False
            )
            for call_id, (ending, body) in reversed(batch.results.items())
            if ending != "missing"
        ]
        return _lines(lines, twice=self._batches.says_each_twice)

    def _result(self, ending: Ending, body: Any) -> dict[str, Any]:
        if ending == "succeeded" and body.get("type") == "message":
            return {"type": "succeeded", "message": body}
        if ending in ("expired", "canceled"):
            return {"type": ending}
        return {"type": "errored", "error": body}

    def _told(self, batch: HeldBatch) -> dict[str, Any]:
        ended, left = (
            batch.results is not None,
            0 if batch.results is not None else len(batch.calls),
        )
        return {
            "id": batch.ref,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": {
                "processing": left,
                "succeeded": batch.count("succeeded", "missing"),
                "errored": batch.count("bad_request", "server_error"),
                "canceled": batch.count("canceled"),
                "expired": batch.count("expired"),
            },
            "created_at": batch.made_at.isoformat(),
            "expires_at": (batch.made_at + timedelta(days=1)).isoformat(),
            "ended_at": datetime.now(UTC).isoformat() if ended else None,
            "archived_at": None,
            "cancel_initiated_at": batch.made_at.isoformat() if batch.is_canceled else None,
            "results_url": f"{self._batches.vendor.url}/v1/messages/batches/{batch.ref}/results"
            if ended
            else None,
        }


class _OpenAI(_Api):
    _wire = OpenAIWire()

    async def upload(self, request: Request) -> Response:
        async with request.form() as form:
            file: Any = form["file"]
            content = (await file.read()).decode()
        if (
            self._batches.uploads_fail
            and (refusal := self._batches.vendor.refuse(self._wire, request)) is not None
        ):
            return refusal
        file_id = f"file-{uuid4().hex[:24]}"
        self._batches.files[file_id] = content
        told = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": file.filename,
        }
        return JSONResponse(told | {"purpose": "batch", "status": "processed"})

    async def content(self, request: Request) -> Response:
        content = self._batches.files.get(request.path_params["file_id"])
        gone = content is None or not self._batches.has_results
        return (
            self._missing(self._wire) if gone else Response(content, media_type="application/jsonl")
        )

    async def delete_file(self, request: Request) -> Response:
        file_id = request.path_params["file_id"]
        self._batches.files.pop(file_id, None)
        self._batches.deleted.append(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    async def create(self, request: Request) -> Response:
        body = json.loads(await request.body())
        if (refusal := self._batches.vendor.refuse(self._wire, request)) is not None:
            return refusal
        lines = [
            json.loads(line) for line in self._batches.files[body["input_file_id"]].splitlines()
        ]
        made = HeldBatch(
            ref=f"batch_{uuid4().hex[:24]}",
            wire="openai",
            calls={line["custom_id"]: line["body"] for line in lines},
            metadata=body.get("metadata") or {},
            made_at=datetime.now(UTC),
            file_id=body["input_file_id"],
        )
        self._batches.add(made)
        return self._batches.vendor.cut_off() or JSONResponse(self._told(made))

    async def list(self, _request: Request) -> Response:
        found = [self._told(each) for each in self._batches.of("openai")]
        return JSONResponse({"object": "list", "data": found, "has_more": False})

    async def retrieve(self, request: Request) -> Response:
        batch = self._batches.get(request.path_params["ref"])
        return self._missing(self._wire) if batch is None else JSONResponse(self._told(batch))

    async def cancel(self, request: Request) -> Response:
        batch = self._batches.all[request.path_params["ref"]]
        if batch.results is not None:
            return JSONResponse(self._wire.error(400, "It has ended."), 400)
        self._batches._cancel(batch)  # the same module
        return JSONResponse(self._told(batch))

    def _told(self, batch: HeldBatch) -> dict[str, Any]:
        files = {} if batch.results is None else self._write(batch)
        canceled = batch.is_canceled or batch.count("canceled") > 0
        status = "expired" if batch.is_expired else "cancelled" if canceled else "completed"
        return {
            "id": batch.ref,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "errors": None,
            "input_file_id": batch.file_id,
            "completion_window": "24h",
            "status": status if files else "in_progress",
            "output_file_id": files.get("output"),
            "error_file_id": files.get("error"),
            "created_at": int(batch.made_at.timestamp()),
            "request_counts": {
                "total": len(batch.calls),
                "completed": batch.count("succeeded", "missing"),
                "failed": batch.count("bad_request", "server_error", "expired"),
            },
            "metadata": dict(batch.metadata),
        }

    def _write(self, batch: HeldBatch) -> dict[str, str]:
        """The files of what has come of a batch: canceled calls are in neither."""
        written: dict[str, str] = {}
        for name, endings in (
            ("output", ("succeeded",)),
            ("error", ("bad_request", "server_error", "expired")),
        ):
            lines = [
                json.dumps(self._line(call_id, ending, body), ensure_ascii=False)
                for call_id, (ending, body) in reversed((batch.results or {}).items())
                if ending in endings
            ]
            written[name] = f"file-{name}-{batch.ref}"
            self._batches.files.setdefault(
                written[name], _repeat(lines, twice=self._batches.says_each_twice)
            )
        return written

    def _line(self, call_id: str, ending: Ending, body: Any) -> dict[str, Any]:
        line: dict[str, Any] = {
            "id": f"batch_req_{uuid4().hex[:12]}",
            "custom_id": call_id,
            "error": None,
        }
        if ending == "expired":
            error = {
                "code": "batch_expired",
                "message": "This request could not be executed before the batch expired.",
            }
            return line | {"response": None, "error": error}
        status = _STATUSES.get(ending, 400 if "error" in body else 200)
        return line | {
            "response": {
                "status_code": status,
                "request_id": f"req_{uuid4().hex[:12]}",
                "body": body,
            }
        }


def _lines(lines: list[str], *, twice: bool) -> Response:
    return Response(_repeat(lines, twice=twice), media_type="application/x-jsonl")


def _repeat(lines: list[str], *, twice: bool) -> str:
    return "\n".join(lines * 2 if twice else lines)
