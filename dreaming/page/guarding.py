"""Who is answered, and what a browser may do with the answer.

What is on the page was said by anyone: no script runs, nothing is fetched from elsewhere, and no
other site may frame the page, read it, or ask it anything.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
"""The names that a browser of this machine knows the page by: any other was made to lead here (DNS
rebinding).
"""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action "
    "'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def guarded(app: ASGIApp) -> ASGIApp:
    """The application for this machine's browser alone, its answers with `HEADERS`."""
    return _WithHeaders(
        TrustedHostMiddleware(_Own(app), allowed_hosts=list(HOSTS), www_redirect=False)
    )


class _WithHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_guarded)


class _Own:
    """Refuses what another site makes a browser fetch; a link from there may be followed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_fetched_elsewhere(Headers(scope=scope)):
            await PlainTextResponse("Another site asked for this.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_fetched_elsewhere(headers: Headers) -> bool:
    from_elsewhere = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    return from_elsewhere and headers.get("sec-fetch-dest") != "document"
