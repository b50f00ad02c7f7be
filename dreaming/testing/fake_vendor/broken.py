"""Replies whose connection breaks."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Broken(Response):
    """A reply whose connection breaks after half of it, or before it where it is empty."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Promise all, send half, and break."""
        if self.body:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            half = bytes(self.body)[: len(self.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            # Else the half may be dropped with the connection, before the client has read it.
            await asyncio.sleep(0.02)
        scope["transport"].abort()
