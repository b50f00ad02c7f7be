"""Searching on the page."""

import re
from datetime import timedelta

import pytest

from dreaming.home import open_home
from dreaming.page.asking import SearchForm
from dreaming.page.highlighting import mark_words
from dreaming.testing import FixedClock, make_settings
from tests.builders import TOPICS, talk
from tests.page.builders import NOON, add_compared_talk, add_talk, client_of


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser before a home with some talk, for tests that do not change it."""
    with open_home(make_settings(tmp_path_factory.mktemp("page")), clock=FixedClock()) as home:
        add_compared_talk(home)
        said = ["我最近在学习绘画。", "绘画需要耐心。"]
        add_talk(home, said, conversation_id="test:zh", at=NOON + timedelta(days=1))
        with client_of(home) as client:
            yield client


def test_hits_tell_what_was_said_by_whom_and_when_and_where_it_stands(browser):
    """With the query's words marked, and a link to the chunk in
    its conversation, which is there.
    """
    shown = browser.get("/", params={"q": "invoice"}).text
    assert "<mark>invoice</mark>" in shown
    for told in (
        "The village",
        "2026-03-01",
        "premium",
        "test:village",
        "<bdi>user</bdi>",
        '<li lang="en" dir="auto">paid',
    ):
        assert told in shown
    assert '<dd lang="zh" dir="auto">' in browser.get("/", params={"q": "绘画"}).text
    link = re.search(r'href="(/conversation\?id=test%3Avillage[^"#]*)#(chunk-[0-9a-f]{32})"', shown)
    conversation = browser.get(link[1].replace("&amp;", "&")).text
    assert conversation.count(f'id="{link[2]}"') == 1


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"q": "绘画"}, {"test:zh"}),
        ({"q": "绘画 invoice"}, {"test:zh", "test:village"}),
        ({"q": "绘画 invoice", "language": "zh"}, {"test:zh"}),
        ({"q": "绘画 invoice", "from": "2026-03-02"}, {"test:zh"}),
        ({"q": "绘画 invoice", "to": "2026-03-01"}, {"test:village"}),
        ({"q": "绘画 invoice", "quality": ["good", "premium"]}, {"test:village"}),
        ({"q": "绘画 tents", "label": "tents, nothing"}, {"test:village"}),
        ({"q": "绘画 invoice", "kind": "thinking"}, set()),
        ({"q": "绘画 invoice", "words": "20"}, {"test:zh"}),
    ],
)
def test_filters_narrow_what_is_found(browser, params, found):
    """Each alone; what is filled in stays filled in."""
    answer = browser.get("/", params=params)
    assert answer.status_code == 200
    assert set(re.findall(r'class="id">([^<]+)<', answer.text)) >= found
    if len(params) > 1:
        assert set(re.findall(r'class="id">([^<]+)<', answer.text)) == found or "words" in params
        assert '<details class="filters" open>' in answer.text
        filled = list(params.values())[1]
        assert all(
            f'value="{value}"' in answer.text
            for value in ([filled] if isinstance(filled, str) else filled)
        )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"q": " "}, "no word to look for"),
        ({"q": "?!"}, "no word to look for"),
        ({"q": "a\0\ud7ff", "from": "soon"}, "is no day"),
        (
            {"q": "tents", "from": "2026-03-02", "to": "2026-03-01"},
            "The range from 2026-03-02 to 2026-03-01 is empty",
        ),
        ({"q": "tents", "quality": "best"}, "none of the quality levels"),
        ({"q": "tents", "kind": "x\0"}, "none of the kinds"),
        ({"q": "tents", "words": "3"}, "too little"),
        ({"q": "tents", "words": "-3"}, "expected a whole number"),
        ({"q": "tents", "limit": "0"}, "out of range"),
        ({"q": "tents", "limit": "9" * 5_000}, "expected a whole number"),
    ],
)
def test_what_cannot_be_searched_is_a_message_above_the_form(browser, params, message):
    """As it was filled in, and with the status of a wrong request."""
    answer = browser.get("/", params=params)
    assert answer.status_code == 400
    assert message in re.search(r'role="alert">(.*?)</p>', answer.text)[1]
    assert "Traceback" not in answer.text
    assert 'name="q"' in answer.text


def test_more_hits_are_a_link_away_until_there_are_no_more(home):
    """It asks for ten more of the same search, at the first new one."""
    for number in range(12):
        add_talk(home, [f"The lighthouse {number} is north."], conversation_id=f"test:{number}")
    with client_of(home) as browser:
        shown = browser.get("/", params={"q": "lighthouse", "to": "2026-03-01"}).text
        more = re.search(r'href="([^"]+)">More hits', shown)[1].replace("&amp;", "&")
        assert more == "/?q=lighthouse&to=2026-03-01&kind=text&limit=20#hit-11"
        shown = browser.get(more).text
        assert shown.count('<li id="hit-') == 12
        assert "More hits" not in shown


def test_searches_are_remembered_as_those_of_the_command_are(home):
    """And offered again; only to look is no search."""
    add_talk(home, talk())
    with client_of(home) as browser:
        browser.get("/")
        assert not home.memory.importance()
        browser.get("/", params={"q": TOPICS[0]})
        assert home.memory.importance()
        assert "tents and music" in browser.get("/").text


def test_marked_parts_join_to_the_text_whatever_folds_in_it():
    """Ligatures, full-width letters, and terms that overlap."""
    for text, terms, marked in (
        ("ﬁne ﬁsh", {"fish"}, ["ﬁsh"]),
        ("Ｔｅｎｔ or tents", {"tent"}, ["Ｔｅｎｔ", "tents"]),
        ("学习绘画课", {"习绘", "绘画"}, ["习绘画"]),
        ("", {"x"}, []),
    ):
        parts = mark_words(text, terms)
        assert "".join(part for part, _ in parts) == text
        assert [part for part, is_word in parts if is_word] == marked


def test_a_form_with_nothing_filled_in_asks_for_talk_of_all_days():
    """As the command does."""
    assert not SearchForm().is_narrowed
    assert SearchForm().chunk_filter().kinds == ("text",)
