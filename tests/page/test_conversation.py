"""A conversation on the page, beside its chunks."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from dreaming.page import conversation as conversation_page
from dreaming.page.aligning import align, is_compared
from dreaming.page.conversation import read_conversation
from tests.page.builders import DAY, add_compared_talk, add_talk, client_of


def read_cuts(home, conversation_id="test:village"):
    with home.store.open_conversations(DAY) as raw:
        (conversation,) = raw.only(conversation_id)
    cuts = []
    for asset in ("basic_chunks", "upgraded_chunks"):
        with home.store.open_chunks(asset, DAY) as chunks:
            cuts.append(chunks.only(conversation_id))
    return conversation, *cuts


def test_rows_hold_every_character_once_each_beside_its_chunks(home):
    """And the cells of a column cover all rows without overlapping."""
    add_compared_talk(home)
    conversation, basic, current = read_cuts(home)
    rows = align(conversation, basic, current)
    said = "".join(row.piece.text for row in rows)
    assert said == "".join(message.content for message in conversation.messages)
    for column in ("basic", "current"):
        free = 0
        for number, row in enumerate(rows):
            cell = getattr(row, column) or (
                row.current if row.current and row.current.columns == 2 else None
            )
            assert (cell is None) == (number < free), number
            free = number + cell.rows if cell else free
        assert free == len(rows)
    for row in rows:
        texts = [span for span in row.of.spans if span.message_id == row.piece.message.id]
        assert any(span.start <= row.piece.start and row.piece.end <= span.end for span in texts)
    assert is_compared(basic, current)


def test_a_basic_chunk_that_is_still_current_is_one_cell_over_both_columns(home):
    """Where nothing was upgraded all are."""
    add_compared_talk(home)
    conversation, basic, _ = read_cuts(home)
    cells = [row.current for row in align(conversation, basic, basic) if row.current]
    assert {cell.columns for cell in cells} == {2}
    assert not is_compared(basic, basic)


def test_talk_goes_on_after_what_a_tool_printed(home):
    """In the same chunk, which is told to be continued; the tool's output has one of its own."""
    said = ["List the barn.", ("tool", "hay\nstraw", "tool_result"), "There is hay and straw."]
    add_talk(home, said, conversation_id="test:tool")
    conversation, basic, current = read_cuts(home, "test:tool")
    rows = align(conversation, basic, current)
    assert [row.current.is_continued for row in rows] == [False, False, True]
    assert rows[0].of == rows[2].of != rows[1].of
    with client_of(home) as browser:
        shown = browser.get("/conversation", params={"id": "test:tool"}).text
    assert "Chunk 1, continued" in shown
    assert "tool result" in shown


def test_chunks_that_do_not_fit_their_messages_are_left_out_not_an_error(home):
    """Another process may write a day while it is read."""
    add_compared_talk(home)
    conversation, basic, current = read_cuts(home)
    shorter = replace(conversation, messages=(replace(conversation.messages[5], content="New."),))
    rows = align(shorter, basic, current)
    assert "".join(row.piece.text for row in rows) == "New."
    assert align(replace(conversation, messages=()), basic, current) == []


def test_a_conversation_is_shown_with_both_cuts_and_what_is_known_of_each_chunk(home):
    """Summary, labels, quality level, confidence, model and cost; where topics start; the wanted
    chunk marked.
    """
    add_compared_talk(home)
    chunk = read_cuts(home)[2][1]
    with client_of(home) as browser:
        params = {"id": "test:village", "chunk": chunk.chunk_id, "q": "invoice"}
        shown = browser.get("/conversation", params=params).text
    told = (
        "An invoice.",
        "Basic chunk",
        "Current chunk",
        "confidence 90%",
        "claude-haiku-4-5",
        "$0.0012",
        "free",
    )
    for each in (
        *told,
        "Topic starts",
        "Sunday, 1 March 2026",
        "<mark>invoice</mark>",
        "12 messages in",
    ):
        assert each in shown
    cell = re.search(rf'<td class="([^"]+)" id="chunk-{chunk.chunk_id}"', shown)
    assert "wanted" in cell[1]
    assert len(re.findall(r'<td class="piece [^"]*wanted"', shown)) >= 4
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids))


def test_a_chunk_that_was_replaced_since_it_was_found_is_told(home):
    """The conversation is shown all the same."""
    add_compared_talk(home)
    with client_of(home) as browser:
        shown = browser.get("/conversation", params={"id": "test:village", "chunk": "0" * 32})
    assert shown.status_code == 200
    assert "is not current any more" in shown.text


def test_days_of_a_conversation_follow_each_other_and_a_long_one_is_shown_by_day(home, monkeypatch):
    """With links to the days before and after."""
    add_talk(home, ["One.", "Two.", "Three."], conversation_id="test:days", step=timedelta(days=1))
    with client_of(home) as browser:
        shown = browser.get("/conversation", params={"id": "test:days"}).text
        assert re.findall(r'<section id="day-([^"]+)"', shown) == [
            "2026-03-01",
            "2026-03-02",
            "2026-03-03",
        ]
        monkeypatch.setattr(conversation_page, "MOST_MESSAGES", 2)
        shown = browser.get("/conversation", params={"id": "test:days", "day": "2026-03-02"}).text
        assert re.findall(r'<section id="day-([^"]+)"', shown) == ["2026-03-02"]
        assert "What was said before" in shown
        assert "What was said after" in shown


def test_what_is_not_held_and_what_waits_is_told(home):
    """With the status that fits, and what to do next."""
    with client_of(home) as browser:
        missing = browser.get("/conversation", params={"id": "test:none\0"})
        assert missing.status_code == 404
        assert "is held" in missing.text
        add_talk(home, ["Done."], conversation_id="test:later")
        home.index.replace_day(DAY, [], partition_hash="")
        waiting = browser.get("/conversation", params={"id": "test:later"})
        assert waiting.status_code == 200
        assert "waits for a run" in waiting.text


def test_a_damaged_day_is_named_and_the_others_are_shown(home):
    """Not an error page."""
    add_talk(home, ["One.", "Two."], conversation_id="test:days", step=timedelta(days=1))
    path = home.settings.home / "partitions" / "upgraded_chunks" / "2026-03-01.parquet"
    path.write_bytes(b"no parquet")
    talk = read_conversation(home, "test:days", day=None)
    assert [each.day.day for each in talk.shown] == [2]
    assert "is damaged" in talk.damaged[0]
    with client_of(home) as browser:
        assert "is damaged" in browser.get("/conversation", params={"id": "test:days"}).text
        assert browser.get("/day/2026-03-01").status_code == 500


@pytest.mark.parametrize("day", ["2026-02-30", "soon"])
def test_a_day_that_is_none_is_a_wrong_request(home, day):
    """With a message."""
    with client_of(home) as browser:
        for answer in (
            browser.get("/conversation", params={"id": "x", "day": day}),
            browser.get(f"/day/{day}"),
        ):
            assert answer.status_code == 400
            assert "is no day" in answer.text
