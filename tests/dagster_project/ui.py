"""`dreaming ui` for tests: started, asked over GraphQL, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(port, query, **variables):
    """A GraphQL query or mutation to the webserver."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer = json.load(reply)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def wait_until(condition, seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(1)
    raise AssertionError("waited in vain")


def is_up(port):
    try:
        return ask(port, "{ version }")["version"]
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


@contextmanager
def serving(log_path, *, python=sys.executable, module="dagster_project"):
    """The port of a running UI with its daemon, and its process; ended by SIGTERM at the end of the
    block.
    """
    port = free_port()
    with log_path.open("w") as log:
        command = [python, "-m", module, "ui", "--port", str(port)]
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
    try:
        wait_until(lambda: is_up(port), 90)
        yield port, server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)
