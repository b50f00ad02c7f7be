"""An S3-compatible server on loopback that can be told to fail, or to be slow."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from time import sleep
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ACCESS = {
    "AWS_ACCESS_KEY_ID": "soak",
    "AWS_SECRET_ACCESS_KEY": "soak",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Moods:
    """How the server answers at the moment."""

    def __init__(self) -> None:
        self.failing_share = 0.0
        """Of requests that get a 503."""
        self.slow_seconds = 0.0
        """How long each write takes."""
        self._chance = Random(1)

    def wrap(self, inner: WSGIApplication) -> WSGIApplication:
        """The server behind these moods."""

        def application(environment: WSGIEnvironment, start_response: StartResponse) -> object:
            if environment["REQUEST_METHOD"] == "PUT":
                sleep(self.slow_seconds)
            if self._chance.random() < self.failing_share:
                environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
                start_response(
                    "503 Service Unavailable",
                    [("Content-Type", "text/plain"), ("Content-Length", "0")],
                )
                return [b""]
            return inner(environment, start_response)

        return application  # type: ignore[return-value] # its iterable is what the inner one gives


@contextmanager
def serve_store(moods: Moods) -> Iterator[str]:
    """The address of a server with moods, for the time of the block."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        "127.0.0.1", 0, moods.wrap(DomainDispatcherApplication(create_backend_app)), threaded=True
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
