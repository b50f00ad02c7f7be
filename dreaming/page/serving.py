"""The page on a port of 127.0.0.1."""

import errno
import socket
from contextlib import suppress

import uvicorn

from dreaming.errors import UsageError
from dreaming.home import open_home
from dreaming.page.application import make_application
from dreaming.settings import Settings

HOST = "127.0.0.1"
"""Not "0.0.0.0": the page has no login, so no other machine may connect."""


def listen(port: int) -> socket.socket:
    """A socket that listens on a port, 0 for any free one; raises `UsageError` if it cannot."""
    # Bound before the address is printed and a browser opened, so that both find it.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port that was closed a moment ago is not free for a minute otherwise.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        is_taken = error.errno == errno.EADDRINUSE
        reason = "is in use" if is_taken else f"cannot be had: {error.strerror}"
        # Ports below 1024 need privileges, and 65,535 is the last.
        other_port = port + 1 if 1024 <= port < 65_535 else 3010
        raise UsageError(
            f"Port {port} of {HOST} {reason}. End what serves there, or choose another: dreaming "
            f"page --port {other_port}"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """The address for a browser."""
    port = listening.getsockname()[1]
    return f"http://{HOST}:{port}"


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve the page over the home of the settings until interrupted."""
    application = make_application(lambda: open_home(settings))
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, server_header=False, lifespan="off"
    )
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
