"""`dreaming page`, the command."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

from click.testing import CliRunner

from dreaming.cli import cli
from dreaming.page.serving import address_of, listen


def start(tmp_path, *arguments):
    environment = os.environ | {"DREAMING_HOME": str(tmp_path / "home"), "DREAMING_TIMEZONE": "UTC"}
    command = [sys.executable, "-m", "dagster_project", "page", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_says_where_it_is_serves_there_and_ends_by_ctrl_c(tmp_path):
    """With nothing on standard error, and as done."""
    with start(tmp_path, "--port", "0") as process:
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        with urllib.request.urlopen(address) as answer:
            assert b"What did we say?" in answer.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_a_port_in_use_is_a_clear_error(tmp_path, monkeypatch):
    """It names the port, and what to do, and is a wrong use."""
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    with listen(0) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(cli, ["page", "--port", str(port)])
    assert result.exit_code == 2
    assert f"Port {port} of 127.0.0.1 is in use." in result.stderr
    assert "dreaming page --port" in result.stderr


def test_it_is_reached_from_this_machine_alone():
    """It listens on the loopback address."""
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert address_of(listening).startswith("http://127.0.0.1:")
