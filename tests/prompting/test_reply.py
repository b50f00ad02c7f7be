"""Replies are read, validated and repaired; whatever they say, topics tile what was shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.prompting.reply import Cut, Unusable, read_reply
from tests.prompting.builders import describe, excerpt, numbered, repeated

SIX = excerpt("one apple", "two pears", "three plums", "four figs", "five dates", "six limes")


def ranges(text, shown=SIX, shape="indices"):
    cut = read_reply(text, shown, 0, len(shown.units), shape=shape)
    assert isinstance(cut, Cut), cut
    return [(topic.first, topic.last) for topic in cut.topics], cut.repairs


def test_a_sound_reply_is_taken_as_it_is():
    """Numbers from 1 become positions from 0, ends excluded; nothing is repaired."""
    assert ranges(numbered((1, 2), (3, 6))) == ([(0, 2), (2, 6)], ())


@pytest.mark.parametrize(
    ("reply", "expected", "repair"),
    [
        (numbered((1, 2), (4, 6)), [(0, 3), (3, 6)], "gap"),
        (numbered((2, 3), (4, 6)), [(0, 3), (3, 6)], "gap"),
        (numbered((1, 3), (4, 5)), [(0, 3), (3, 6)], "gap"),
        (numbered((1, 4), (4, 6)), [(0, 3), (3, 6)], "overlap"),
        (numbered((1, 3), (1, 3), (4, 6)), [(0, 3), (3, 6)], "overlap"),
        (numbered((4, 6), (1, 3)), [(0, 3), (3, 6)], "order"),
        (numbered((1, 3), (4, 9)), [(0, 3), (3, 6)], "outside"),
        (numbered((1, 3), (4, 6), (99, 120)), [(0, 3), (3, 6)], "outside"),
        (numbered((0, 1), (1, 3), (4, 6)), [(0, 3), (3, 6)], "outside"),
    ],
)
def test_what_can_be_repaired_is_and_is_said(reply, expected, repair):
    """A gap joins its neighbour, an overlap is cut, what is outside is left out."""
    found, repairs = ranges(reply)
    assert found == expected
    assert repair in repairs


@pytest.mark.parametrize(
    ("reply", "is_json"),
    [
        ("", False),
        ("I would rather not.", False),
        ('{"chunks": [{"first": 1, "last": 6, "lang', False),
        ("null", False),
        ('{"chunks": 7}', False),
        ("[" * 100_000, False),
        ('{"chunks": []}', True),
        ('{"chunks": [{"first": "all"}]}', True),
        (numbered((1, 2)), True),
        (numbered((40, 60)), True),
        (numbered((1, 6), (1, 6), (2, 6)), True),
    ],
)
def test_what_cannot_be_repaired_is_unusable_and_says_why(reply, is_json):
    """The error can be told to a model, and holds nothing of the reply."""
    read = read_reply(reply, SIX, 0, 6, shape="indices")
    assert isinstance(read, Unusable)
    assert read.is_json == is_json
    assert read.error.endswith(".")
    assert "rather" not in read.error


@pytest.mark.parametrize(
    "wrapping",
    ["```json\n{}\n```", "Here it is:\n\n{}\n\nI hope that helps.", "```\n{}```", "{}\n"],
)
def test_json_is_found_in_fences_and_among_words(wrapping):
    """Servers that ignore the schema answer in fences."""
    assert ranges(wrapping.replace("{}", numbered((1, 2), (3, 6))))[0] == [(0, 2), (2, 6)]


def test_a_bare_list_of_chunks_is_read():
    """Small models leave the outer object away."""
    assert ranges(json.dumps(json.loads(numbered((1, 6)))["chunks"]))[0] == [(0, 6)]


def test_fields_of_a_wrong_type_cost_only_themselves():
    """The boundaries still count."""
    reply = json.dumps(
        {
            "chunks": [
                {"first": "1", "last": 6.0, "labels": "billing", "entities": None, "summary": 7}
            ]
        }
    )
    cut = read_reply(reply, SIX, 0, 6, shape="indices")
    assert isinstance(cut, Cut)
    [topic] = cut.topics
    assert topic.labels == ("billing",)
    assert topic.entities == ()
    assert topic.summary == ""


def test_repeated_text_is_anchored_to_its_units():
    """White space, quotation marks and case may differ; numbers and roles may be repeated."""
    shown = excerpt(
        "What is 'Dagster'?", "An orchestrator.", "And pandas?", "A library for tables."
    )
    reply = repeated(
        "what is  “dagster”? An orchestrator",
        "[3] user: And pandas?\nassistant: A library for tables.",
    )
    assert ranges(reply, shown, "verbatim") == ([(0, 2), (2, 4)], ())


def test_repeated_text_of_chinese_is_anchored():
    """By letters, in any script."""
    shown = excerpt("我想学画画。", "很好，从素描开始。", "晚饭吃什么？", "面条。")
    assert ranges(repeated("我想学画画 很好，从素描开始", "晚饭吃什么？面条。"), shown, "verbatim")[
        0
    ] == [
        (0, 2),
        (2, 4),
    ]


def test_text_that_was_never_said_has_no_place():
    """It is left out, and said to be; alone it makes the reply unusable."""
    reply = repeated(
        "one apple two pears three plums", "Buy bitcoin now!", "four figs five dates six limes"
    )
    found, repairs = ranges(reply, SIX, "verbatim")
    assert found == [(0, 3), (3, 6)]
    assert repairs == ("unanchored",)
    assert isinstance(
        read_reply(repeated("Buy bitcoin now!"), SIX, 0, 6, shape="verbatim"), Unusable
    )


texts = st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=8)
replies = st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), max_size=8)


@given(texts, replies)
def test_topics_of_any_usable_reply_tile_the_units(said, numbers):
    """Whatever the numbers are."""
    shown = excerpt(*said)
    read = read_reply(numbered(*numbers), shown, 0, len(shown.units), shape="indices")
    assert_tiles(read, len(shown.units))


@given(texts, st.lists(st.text(max_size=40), max_size=8))
def test_topics_of_any_usable_repetition_tile_the_units(said, contents):
    """Whatever is repeated: what was said, in part or not at all."""
    shown = excerpt(*said)
    read = read_reply(repeated(*contents, *said[1:]), shown, 0, len(shown.units), shape="verbatim")
    assert_tiles(read, len(shown.units))


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=8)
    | st.text()
)
def test_any_json_and_any_text_is_read_or_refused(value):
    """Never an exception."""
    for text in (
        str(value),
        json.dumps(value),
        json.dumps({"chunks": value}),
        json.dumps({"chunks": [value]}),
    ):
        for shape in ("indices", "verbatim"):
            assert_tiles(read_reply(text, SIX, 0, 6, shape=shape), 6)


def assert_tiles(read, count):
    if isinstance(read, Cut):
        assert [topic.first for topic in read.topics] == [
            0,
            *(topic.last for topic in read.topics[:-1]),
        ]
        assert read.topics[-1].last == count
        assert all(topic.first < topic.last for topic in read.topics)


def test_a_name_of_a_speaker_counts_as_said():
    """An entity must be in the text, or be who speaks it."""
    shown = excerpt("I met Anna.", "Nice.")
    reply = numbered((1, 2), **describe(entities=["Anna", "Elon Musk"]))
    cut = read_reply(reply, shown, 0, 2, shape="indices")
    assert isinstance(cut, Cut)
    assert cut.topics[0].entities == ("Anna",)
