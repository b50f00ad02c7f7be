"""What all days hold and cost, and the conversations of one."""

import re
from datetime import timedelta

from dreaming.page import overview
from dreaming.page.charting import HEIGHT, stack
from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from tests.page.builders import A_DAY, DAY, NOON, add_compared_talk, add_talk, client_of, spend


def cells(shown, day):
    row = re.search(rf'<tr><th scope="row"><a href="/day/{day}">.*?</tr>', shown)[0]
    return dict(re.findall(r'data-name="(\w+)"[^>]*>([^<]*)<', row))


def test_days_tell_their_quality_and_what_was_spent_on_them(any_home):
    """In a table that says what the bars show; with totals, budgets and upgrades."""
    add_compared_talk(any_home)
    spend(any_home)
    any_home.ledger.set_limit("anthropic", "good", "month", Limit(50_000, None))
    with client_of(any_home) as browser:
        shown = browser.get("/overview").text
    told = cells(shown, DAY)
    assert (told["good"], told["premium"], told["tokens"], told["USD"]) == (
        "1",
        "1",
        "1,234",
        "$0.0012",
    )
    assert int(told["chunks"]) == int(told["basic"]) + 2
    assert "<title>2026-03-01: 1,234 tokens, $0.001234</title>" in shown
    assert "50,000" in shown
    assert "claude-haiku-4-5" in shown


def test_an_empty_home_says_what_to_do(home):
    """On the overview, and a day without conversations is no error."""
    with client_of(home) as browser:
        assert "dreaming import" in browser.get("/overview").text
        assert "No conversation of this day" in browser.get(f"/day/{DAY}").text
        assert browser.get("/").status_code == 200


def test_days_that_wait_are_named_with_what_to_do(home):
    """On every page that would miss them."""
    home.archive.add([make_conversation(["News."])])
    with client_of(home) as browser:
        for path in ("/", "/overview", f"/day/{DAY}"):
            assert "dreaming run" in browser.get(path).text
        assert f'href="/day/{DAY}"' in browser.get("/overview").text


def test_older_days_are_a_link_away(home, monkeypatch):
    """The newest come first."""
    monkeypatch.setattr(overview, "DAYS", 2)
    add_talk(home, ["One.", "Two.", "Three."], step=A_DAY)
    with client_of(home) as browser:
        newest = browser.get("/overview").text
        assert re.findall(r'href="/day/([^"]+)"', newest) == ["2026-03-03", "2026-03-02"]
        older = browser.get(re.search(r'href="([^"]+)">Earlier days', newest)[1]).text
        assert re.findall(r'href="/day/([^"]+)"', older) == ["2026-03-01"]
        assert "The newest days" in older


def test_a_day_lists_its_conversations_with_links_and_neighbours(home):
    """By title where there is one; more than fit are a link away."""
    add_compared_talk(home)
    add_talk(home, ["A second talk."], conversation_id="test:second")
    add_talk(home, ["The next day."], conversation_id="test:next", at=NOON + timedelta(days=1))
    with client_of(home) as browser:
        shown = browser.get(f"/day/{DAY}").text
        for told in (
            "The village",
            "test:second",
            "2 conversations",
            "09:00",
            'href="/day/2026-03-02"',
            "premium",
        ):
            assert told in shown
        fewer = browser.get(f"/day/{DAY}?most=1").text
        assert fewer.count("/conversation?") == 1
        assert "More conversations" in fewer


def test_the_parts_of_bars_stand_on_each_other_and_none_is_too_low_to_be_seen():
    """The highest bar fills the drawing."""
    chart = stack([("a", {"basic": 1, "good": 0, "premium": 3}), ("b", {"basic": 1_000})])
    low, high = (bar.parts for bar in chart.bars)
    assert [(part.name, part.height >= 1) for part in low] == [("basic", True), ("premium", True)]
    assert low[1].y + low[1].height == low[0].y
    assert (high[0].y, high[0].height) == (0, HEIGHT)
    assert stack([]).bars == []
