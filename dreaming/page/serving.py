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


def listen(port: int) -> socket.socket:
    """A socket that listens on a port, 0 for any that is free; raises `UsageError` where it cannot
    be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        taken = error.errno == errno.EADDRINUSE
        raise UsageError(
            f"Port {port} of {HOST} "
            f"{'is in use' if taken else f'cannot be had: {error.strerror}'}. "
            "End what serves there, or choose another: dreaming page --port "
            f"{port + 1 if 1024 <= port < 65_535 else 3010}"
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Where a browser finds what is served there."""
    return f"http://{HOST}:{listening.getsockname()[1]}"


def serve(settings: Settings, listening: socket.socket) -> None:
    """Serve the page over the home of the settings until interrupted."""
    application = make_application(lambda: open_home(settings))
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, server_header=False, lifespan="off"
    )
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
