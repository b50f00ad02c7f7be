"""Units: what may not be cut."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreaming.chunking.cutting import splits_character
from dreaming.chunking.tokens import count_tokens
from dreaming.chunking.units import split_sentences, split_units

LONG = "This sentence is here to make the message a long one, so that it has to be divided. "


RUNS = [character * 2_000_000 for character in "a .=字\u0301"]
RUNS += ['."' * 500_000, "```\n" + "x = 1\n" * 200_000]


def texts(content: str) -> list[str]:
    return [content[start:end] for start, end in split_units(content)]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.integers(1, 12))
def test_units_tile_any_message(text, times):
    """No character is lost, doubled or moved, and no unit is empty."""
    content = text * times
    units = texts(content)
    assert "".join(units) == content
    assert all(units)
    assert "".join(split_sentences(content)) == content


def test_a_short_message_is_one_unit():
    """Sentences and paragraphs divide long messages only."""
    assert split_units("One. Two.\n\nThree.") == [(0, 17)]
    assert split_units("") == []


def test_code_and_tables_stay_whole_in_a_long_message():
    """A fence of either kind and a table are units, blank lines within and all."""
    code = "```python\na = 1\n\n\nb = 2\n```\n"
    tildes = "~~~~\n```\nstill code\n~~~~\n"
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    units = texts(LONG * 8 + "\n\n" + code + tildes + table + LONG * 8)
    assert code in units
    assert tildes in units
    assert table in units


def test_list_items_and_paragraphs_are_units_and_keep_the_space_after_them():
    """White space belongs to the unit before it; a heading stays with its paragraph."""
    items = ["1. First point.\n   goes on\n", "2. Second point.\n\n", "- third\n", "（4）第四点\n"]
    heading = "## Title\n\nA paragraph of two. Sentences.\n\n"
    units = texts(LONG * 12 + "\n\n" + heading + "".join(items))
    assert units[-5:] == [heading, *items]
    assert units[-6].endswith("\n\n")


def test_sentences_are_found_in_chinese_and_japanese_too():
    """Full-width marks end a sentence without a space, closing quotes included; abbreviations and
    numbers do not.
    """
    assert split_sentences("他说：“好。”我们走吧！真的？") == [
        "他说：“好。”",
        "我们走吧！",
        "真的？",
    ]
    assert split_sentences("Dr. No paid 3.5 dollars. Fine!") == [
        "Dr. No paid 3.5 dollars. ",
        "Fine!",
    ]


@pytest.mark.parametrize(
    "piece",
    ["e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "🇯🇵🇫🇷!", "\r\n", "กำ", "क्षि"],
    ids=lambda piece: repr(piece),
)
def test_no_cut_falls_inside_what_reads_as_one_character(piece):
    """Even the last resort leaves letters with their marks, joined emoji, flags and CRLF whole."""
    content = piece * 20_000
    assert len(split_units(content)) > 1
    starts = [start for start, _ in split_units(content)][1:]
    assert not [start for start in starts if splits_character(content, start)]


@pytest.mark.parametrize(
    "content",
    RUNS,
    ids=lambda content: repr(content[:4]),
)
def test_long_runs_take_linear_time(content):
    """Neither the expressions nor the tokenizer have a quadratic case (each would take minutes
    here).
    """
    started = time.process_time()
    units = texts(content)
    assert time.process_time() - started < 10
    assert "".join(units) == content
    assert max(count_tokens(unit) for unit in units[:50]) <= 800


def test_text_that_looks_like_a_special_token_is_counted_as_text():
    """What a user pastes is data."""
    assert count_tokens("<|endoftext|>") > 1
    assert count_tokens("") == 0
