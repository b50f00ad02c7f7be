"""Whom the page answers, and that what was said stays text."""

import html
import re

import pytest
from starlette.testclient import TestClient

from dreaming.home import open_home
from dreaming.page.application import make_application
from dreaming.page.rendering import harmless
from dreaming.testing import FixedClock, make_settings
from tests.page.builders import DAY, HOSTILE, add_hostile_talk, client_of

CONVERSATION = '/conversation?id=test%3A"><b>%26%2F%3F%23'
PAGES = (
    "/",
    "/?q=lighthouse",
    "/?q=",
    "/overview",
    f"/day/{DAY}",
    CONVERSATION,
    "/nowhere",
    "/static/style.css",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser before a home with hostile talk."""
    with open_home(make_settings(tmp_path_factory.mktemp("page")), clock=FixedClock()) as home:
        add_hostile_talk(home)
        with client_of(home) as client:
            yield client


def test_another_host_is_refused(home):
    """A name that was made to lead here (DNS rebinding) reads nothing, on no page."""
    with client_of(home) as browser:
        for host in (
            "evil.example",
            "127.0.0.1.evil.example",
            "evil.example:3010",
            "127.0.0.1@evil.example",
            "",
        ):
            for path in PAGES:
                answer = browser.get(path, headers={"host": host})
                assert answer.status_code == 400, (host, path)
                assert "dreaming" not in answer.text


def test_this_machine_is_answered(home):
    """By number and by name, on any port: it may be forwarded."""
    with client_of(home) as browser:
        for host in ("127.0.0.1", "127.0.0.1:3010", "localhost", "localhost:9"):
            assert browser.get("/", headers={"host": host}).status_code == 200, host


def test_other_sites_may_link_to_a_page_and_no_more(home):
    """What they make a browser fetch is refused, and remembers no search."""
    with client_of(home) as browser:
        for site in ("cross-site", "same-site"):
            for destination, status in (
                ("image", 403),
                ("empty", 403),
                ("iframe", 403),
                ("document", 200),
            ):
                told = {"sec-fetch-site": site, "sec-fetch-dest": destination}
                assert browser.get("/overview", headers=told).status_code == status


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_forbids_scripts_frames_and_other_sites(browser, path):
    """Errors and files too."""
    headers = browser.get(path).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["style-src"] == policy["form-action"] == policy["img-src"] == "'self'"
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_an_unforeseen_error_is_a_page_without_what_was_said():
    """With the same headers."""

    def broken():
        raise RuntimeError("secret words of a chat")

    application = make_application(broken)
    with TestClient(
        application, base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as browser:
        answer = browser.get("/overview")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("path", PAGES[:-1])
def test_what_was_said_is_shown_as_text(browser, path):
    """In every place of every page: no tag, no attribute, no control character, nothing that turns
    its reading.
    """
    browser.get("/", params={"q": HOSTILE})
    shown = browser.get(path).text
    tags = set(re.findall(r"<([a-z]+)", shown))
    assert not tags & {"script", "img", "b", "iframe", "style", "object"}
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', shown))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    if path == CONVERSATION:
        assert HOSTILE in html.unescape(shown)


def test_nothing_is_asked_of_elsewhere_and_nothing_can_be_changed(browser):
    """No address of another host, no script, no inline style; only GET."""
    for path in PAGES[:-1]:
        shown = browser.get(path).text
        assert not re.search(r'(?:src|href|action)="(?!/|#)', shown), path
        assert " style=" not in shown
    for path in ("/", "/overview", "/conversation"):
        assert browser.post(path).status_code == 405
        assert browser.delete(path).status_code == 405


def test_the_files_beside_the_page_are_served_and_none_else(home):
    """No way leads out of their folder."""
    with client_of(home) as browser:
        assert browser.get("/static/style.css").headers["content-type"].startswith("text/css")
        assert browser.get("/static/icon.svg").headers["content-type"].startswith("image/svg")
        for path in ("/static/../templates/base.html", "/static/%2e%2e/application.py", "/static/"):
            assert browser.get(path).status_code == 404


def test_line_ends_tabs_and_joined_emoji_stay_as_they_are():
    """Only what steers is replaced."""
    assert harmless("a\r\n\tb 👩\u200d👩\u200d👧") == "a\n\tb 👩\u200d👩\u200d👧"
    assert harmless("\x1b[0m\u202e") == "\ufffd[0m\ufffd"
    assert harmless(3) == 3


def test_pages_are_landmarks_headings_and_labelled_fields(browser):
    """A skip link first, one main, one h1, and a label for every field."""
    for path in PAGES[:-1]:
        shown = browser.get(path).text
        assert shown.index('class="skip" href="#main"') < shown.index("<nav")
        assert (shown.count("<main"), shown.count("<h1")) == (1, 1)
        assert '<html lang="en">' in shown
        for field in re.findall(r'<input id="([^"]+)"', shown):
            assert f'<label for="{field}"' in shown
