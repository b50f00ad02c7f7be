"""The page in a real browser."""

import html
import re
import shutil
import subprocess
from contextlib import nullcontext

import pytest
from starlette.responses import HTMLResponse

from dreaming.page.application import make_application
from tests.page.builders import DAY, add_compared_talk, add_hostile_talk, served

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--window-size=1500,900",
        "--dump-dom",
    ),
]
HOSTILE = "/conversation?id=test%3A%22%3E%3Cb%3E%26%2F%3F%23"
PATHS = (
    HOSTILE,
    "/conversation?id=test:village",
    "/?q=lighthouse+invoice&label=",
    "/?q=+",
    "/overview",
    f"/day/{DAY}",
)
WIDTHS = (320, 390, 900, 1400)
PROBE = b"<script>document.documentElement.dataset.probed = 'yes'</script></body>"
MEASURE = "const seen = contentDocument.documentElement; Object.assign(dataset, seen.dataset); "
MEASURE += "dataset.wide = seen.scrollWidth; dataset.window = seen.clientWidth"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not on PATH: the page was not opened in a browser"
)


def with_probe(app, *, keeping_policy):
    """The pages with a script of the test's own at their end; at /frames all of them, at every
    width.
    """

    async def probed(scope, receive, send):
        async def send_probed(message):
            if message["type"] == "http.response.start":
                dropped = {b"content-length"} | (
                    set() if keeping_policy else {b"content-security-policy"}
                )
                headers = [
                    (name, value) for name, value in message["headers"] if name not in dropped
                ]
                await send(message | {"headers": headers})
            else:
                await send(message | {"body": message.get("body", b"").replace(b"</body>", PROBE)})

        if scope.get("path") == "/frames":
            await HTMLResponse(frames())(scope, receive, send)
        else:
            await app(scope, receive, send_probed)

    return probed


def frames():
    shown = [
        f'<iframe id="{number}-{width}" src="{html.escape(path)}" '
        f'width="{width}" onload="{MEASURE}"></iframe>'
        for number, path in enumerate(PATHS)
        for width in WIDTHS
    ]
    return "<!doctype html>" + "".join(shown)


def look(address, tmp_path):
    """The document as the browser has it after its scripts have run."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'chromium'}", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def application(home):
    """The page over a home with hostile and with upgraded talk."""
    add_compared_talk(home)
    add_hostile_talk(home)
    return make_application(lambda: nullcontext(home))


def test_hostile_talk_runs_nothing_and_fits_the_window_even_where_scripts_may_run(
    application, tmp_path
):
    """Escaping alone holds: the policy that forbids scripts is taken off, and a script of the
    test's own does run.
    """
    with served(with_probe(application, keeping_policy=False)) as address:
        seen = look(f"{address}/frames", tmp_path)
    told = re.findall(r"<iframe id=\"(\d+)-(\d+)\"[^>]*>", seen)
    assert len(told) == len(PATHS) * len(WIDTHS)
    for frame in re.findall(r"<iframe [^>]*>", seen):
        measured = dict(re.findall(r'data-(\w+)="(\w+)"', frame))
        assert measured["probed"] == "yes", frame
        assert "owned" not in measured, frame
        assert int(measured["wide"]) <= int(measured["window"]), frame


def test_the_policy_alone_holds_too(application, tmp_path):
    """A script that is in the page itself does not run."""
    with served(with_probe(application, keeping_policy=True)) as address:
        seen = look(address + HOSTILE, tmp_path)
    assert "dataset.probed" in seen
    assert "data-probed" not in seen
