"""Which requests get a reply, and what a browser may do with it.

Text on the page may come from anyone: no script runs, nothing is fetched from other sites, and no
other site may frame the page, read it, or send requests to it.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
"""Host names that a browser of this machine uses. With any other, an attacker's site could read the
page by pointing its own name to this machine (DNS rebinding).
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
    """The application for this machine's browser alone, its replies with `HEADERS`."""
    same_site = _SameSiteOnly(app)
    trusted = TrustedHostMiddleware(same_site, allowed_hosts=list(HOSTS), www_redirect=False)
    # Outermost, so that refusals have the headers too.
    return _WithHeaders(trusted)


class _WithHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_guarded)


class _SameSiteOnly:
    """Refuses requests that another site makes a browser send, but for following a link."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_fetched_elsewhere(Headers(scope=scope)):
            await PlainTextResponse("Another site asked for this.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_fetched_elsewhere(headers: Headers) -> bool:
    # "same-site" is refused too: another port of this machine counts as the same site.
    is_other_site = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    is_navigation = headers.get("sec-fetch-dest") == "document"
    return is_other_site and not is_navigation
