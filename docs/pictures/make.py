"""The pictures of the README, made from the sample conversations; needs Chromium on PATH.

    .venv/bin/python docs/pictures/make.py

page.png is the page, dagster.png an asset with its plot, terminal.svg the command.
"""

import base64
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.text import Text
from websockets.sync.client import ClientConnection, connect

import dreaming.samples

HERE = Path(__file__).parent
LAST_SAMPLE_DAY = date(2023, 4, 30)
BROWSER = [
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-sync", "--disable-background-networking"),
    *("--disable-component-update", "--hide-scrollbars"),
]


def main() -> None:
    """Make all of them."""
    if shutil.which("chromium") is None:
        sys.exit("chromium is not on PATH, and makes the pictures.")
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DREAMING_HOME": f"{folder}/home", "DREAMING_TIMEZONE": "UTC"}
        os.environ |= {"COLUMNS": "92", "FORCE_COLOR": "1", "DREAMING_REMEMBER_QUERIES": "0"}
        days_ago = (datetime.now(UTC).date() - LAST_SAMPLE_DAY).days - 1
        files = [shifted(file, days_ago, Path(folder)) for file in dreaming.samples.FILES]
        command("import", *files)
        command("run")
        draw_terminal()
        with serving("page") as address:
            photograph(f"{address}/?q=painting", "page.png", (1000, 640))
        with serving("ui") as address:
            photograph(f"{address}/assets/basic_chunks", "dagster.png", (1300, 800), click="Plots")


def shifted(file: Path, days: int, folder: Path) -> Path:
    """A copy whose days are later: Dagster plots the last 120 days."""

    def later(found: re.Match[str]) -> str:
        return str(date.fromisoformat(found[0]) + timedelta(days=days))

    copy = folder / file.name
    copy.write_text(re.sub(r"2023-\d\d-\d\d", later, file.read_text("utf-8")), "utf-8")
    return copy


def command(*arguments: object) -> str:
    """What the command prints."""
    asked = [sys.executable, "-m", "dagster_project", *map(str, arguments)]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout


def draw_terminal() -> None:
    """A search in two languages and the status, as a picture of text."""
    console = Console(record=True, width=92, file=io.StringIO())
    for asked in (
        ("search", "painting", "--limit", "1"),
        ("search", "绘画", "--limit", "1"),
        ("status",),
    ):
        console.print(Text(f"$ dreaming {' '.join(asked)}", style="bold green"))
        shown = command(*asked).replace(os.environ["DREAMING_HOME"], "~/.local/share/dreaming")
        console.print(Text.from_ansi(shown))
    drawn = console.export_svg(title="dreaming")
    # Without the fonts that it would fetch from elsewhere.
    drawn = re.sub(r"@font-face \{[^}]*\}", "", drawn)
    (HERE / "terminal.svg").write_text(drawn, "utf-8")


@contextmanager
def serving(what: str) -> Iterator[str]:
    """The address of `dreaming page` or `dreaming ui`, ended at the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    asked = [sys.executable, "-m", "dagster_project", what, "--port", str(port)]
    server = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait(60)


def photograph(address: str, name: str, size: tuple[int, int], *, click: str = "") -> None:
    """A screenshot of a page, after a click on the button with a text."""
    with tempfile.TemporaryDirectory() as profile:
        width, height = size
        options = [f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        browser = subprocess.Popen(
            [*BROWSER, *options, "--remote-debugging-port=0", address],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert browser.stderr is not None
            port = next(
                found[1]
                for line in browser.stderr
                if (found := re.search(r"DevTools listening on ws://127.0.0.1:(\d+)/", line))
            )
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=10) as tabs:
                tab = next(tab for tab in json.load(tabs) if tab["type"] == "page")
            with connect(tab["webSocketDebuggerUrl"], max_size=None) as socket_to_tab:
                time.sleep(12)
                if click:
                    script = (
                        "[...document.querySelectorAll('button')]"
                        f".find(each => each.innerText.trim() == {click!r}).click()"
                    )
                    ask(socket_to_tab, "Runtime.evaluate", expression=script)
                    time.sleep(5)
                shot = ask(socket_to_tab, "Page.captureScreenshot", format="png")
            (HERE / name).write_bytes(base64.b64decode(shot["data"]))
        finally:
            browser.terminate()
            browser.wait(30)


def ask(tab: ClientConnection, method: str, **params: object) -> dict[str, str]:
    """The result of a command of the browser's DevTools protocol."""
    tab.send(json.dumps({"id": 1, "method": method, "params": params}))
    while (answer := json.loads(tab.recv())).get("id") != 1:
        pass
    result: dict[str, str] = answer["result"]
    return result


if __name__ == "__main__":
    main()
