"""The server over HTTP, on this machine alone and behind a token."""

import hmac
from typing import Any

from mcp.server import MCPServer

HOST = "127.0.0.1"


def serve_http(server: MCPServer[Any], *, port: int, token: str) -> None:
    """Serve on 127.0.0.1, to whoever has the token, until interrupted."""
    import uvicorn

    uvicorn.run(
        guarded(server.streamable_http_app(), token), host=HOST, port=port, log_level="warning"
    )


def guarded(app: Any, token: str) -> Any:
    """The ASGI application for those who send `Authorization: Bearer TOKEN` alone."""
    from starlette.responses import PlainTextResponse

    expected = f"Bearer {token}".encode()

    async def guard(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers") or {})
        authorization = headers.get(b"authorization", b"")
        # Compared in constant time: the time of a refusal says nothing about the token.
        is_authorized = hmac.compare_digest(authorization, expected)
        # A server's start and end are messages without headers.
        if scope["type"] != "lifespan" and not is_authorized:
            refusal = PlainTextResponse("Send the token: Authorization: Bearer ...", 401)
            await refusal(scope, receive, send)
            return
        await app(scope, receive, send)

    return guard
