"""The rules tier as a whole: law 1, determinism, sizes, and every column of a chunk."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dreaming.chunk import LANES, BChunk, hash_chunk, lanes, merge_spans, slice_content
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.segmenter import shipped_segmenter
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import MESSAGE_KINDS, ROLES, ConversationDay, Message, MessageId

from .builders import CREATED_AT, build_day, build_message, build_talk, named_day

ODD = [
    "\r\n",
    "\n\n",
    " ",
    "\u3000",
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "🇯🇵",
    "👍🏽",
    "\u200d",
    "\ufe0f",
    "مرحبا ",
]
PLAIN = [
    "```\nx = 1\n```\n",
    "~~~",
    "| a | b |\n",
    "- item\n",
    "# Head\n",
    "Hello there. ",
    "你好。",
    "ありがとう！",
    "word ",
]
LONG = ["a" * 900, "字" * 900]
FRAGMENTS = st.sampled_from([*ODD, *PLAIN, *LONG])
CONTENTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80),
    st.lists(FRAGMENTS, max_size=60).map("".join),
)
DAY_START = datetime(2026, 3, 1, tzinfo=UTC)
MOMENTS = st.none() | st.integers(0, 86_399).map(
    lambda second: DAY_START + timedelta(seconds=second)
)
SAID = st.lists(
    st.tuples(st.sampled_from(ROLES), st.sampled_from(MESSAGE_KINDS), CONTENTS, MOMENTS),
    max_size=25,
)


GOLDEN = [("b80b10cb39639bb25646be30fc1ead2e", 166), ("330112db4205761c3cdd2cc36dd314c6", 244)]

VERSION = shipped_segmenter().version


def chunk(day: ConversationDay) -> list[BChunk]:
    return RulesChunker().chunk(day, created_at=CREATED_AT)


def assert_law_1(day: ConversationDay, chunks: list[BChunk]) -> None:
    contents = {message.id: message.content for message in day.messages}
    for kind, messages in lanes(day.messages).items():
        spans = [span for one in chunks if one.kind == kind for span in one.spans]
        whole = [(message.id, 0, len(message.content)) for message in messages]
        assert [(s.message_id, s.start, s.end) for s in merge_spans(spans)] == whole
    assert {one.kind for one in chunks} == set(lanes(day.messages))
    for one in chunks:
        assert one.content == slice_content(one.spans, contents)


@settings(deadline=None, max_examples=150)
@given(SAID)
def test_chunks_tile_every_message_whatever_it_holds(said):
    """Law 1 holds for any text, kind, role and time, and a second run gives the same chunks."""
    day = build_day(
        [
            Message(MessageId(f"m{i}"), role, text, kind, None, at)
            for i, (role, kind, text, at) in enumerate(said)
        ]
    )
    chunks = chunk(day)
    assert_law_1(day, chunks)
    assert chunks == chunk(day)
    for ordinal, one in enumerate(chunks):
        assert one.ordinal == ordinal
        assert one.token_count == count_tokens(one.content) <= 800
        assert 0 <= one.confidence <= 1
        assert "\n" not in one.summary
        assert len(one.summary) <= 200
        assert len(one.labels) <= 5
        assert len(one.entities) <= 10


def test_a_talk_of_a_hundred_tokens_or_more_has_no_smaller_chunk():
    """Small talk in plenty is packed to 100 tokens and more."""
    day = build_talk(
        *(f"Message number {i} says a little about subject {i // 7}." for i in range(200))
    )
    sizes = [one.token_count for one in chunk(day)]
    assert len(sizes) > 3
    assert all(100 <= size <= 800 for size in sizes)


def test_a_short_talk_is_one_chunk():
    """Under 100 tokens there is nothing to divide, whatever it is about."""
    chunks = chunk(
        build_talk(
            "Thanks, bye!", "Bye!", "Hello, which pasta is best for carbonara?", "Spaghetti."
        )
    )
    assert len(chunks) == 1
    assert chunks[0].confidence == 1


def test_tool_results_and_thinking_have_chunks_of_their_own():
    """What a tool prints does not cut the talk around it, and chunks are in the order in which each
    begins.
    """
    day = build_day(
        [
            build_message(0, "Please list the files.", role="user"),
            build_message(1, "I should call ls.", role="assistant", kind="thinking"),
            build_message(2, '{"command": "ls"}', role="assistant", kind="tool_call", name="shell"),
            build_message(3, "a.py b.py", role="tool", kind="tool_result", name="shell"),
            build_message(4, "There are two files.", role="assistant"),
        ]
    )
    chunks = chunk(day)
    assert [one.kind for one in chunks] == ["text", "thinking", "tool_result"]
    assert [span.message_id for span in chunks[0].spans] == ["m0", "m2", "m4"]
    assert [one.speaker for one in chunks] == ["assistant", "assistant", "system"]
    assert chunks[0].speakers == ("user", "assistant")
    assert all(LANES[message.kind] for message in day.messages)


def test_every_column_of_a_basic_chunk_is_filled():
    """A chunk says who, when, where from, in which language and about what."""
    started = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    said = [
        "Which vaccine does my dog need? The vet in Boston asked about our puppy.",
        "Rabies first; ask your vet.",
    ]
    messages = [
        build_message(
            i, text, timestamp=started + timedelta(minutes=i), name="Emily" if i == 0 else None
        )
        for i, text in enumerate(said)
    ]
    day = build_day(messages)
    (one,) = chunk(day)
    assert one.chunk_id == hash_chunk(day.conversation_id, one.spans, one.content, VERSION)
    assert (one.started_at, one.ended_at) == (started, started + timedelta(minutes=1))
    assert one.content == "\n\n".join(said)
    assert one.language == "en"
    assert one.labels == ("pets",)
    assert one.entities == ("Emily", "Boston")
    assert one.summary in said[0]
    assert one.speaker == "user"
    assert one.source_hash == day.content_hash
    assert (one.quality_level, one.needs_upgrade, one.llm_used) == ("basic", True, None)
    assert (one.processing_time_ms, one.supersedes, one.created_at) == (0, (), CREATED_AT)


def test_empty_messages_have_no_spans_and_empty_days_no_chunks():
    """Nothing said, nothing kept; white space is said."""
    assert chunk(build_day([])) == []
    assert chunk(build_talk("", "")) == []
    day = build_talk("", " \n", "")
    (one,) = chunk(day)
    assert one.content == " \n"
    assert one.language == "und"
    assert one.summary == ""


def test_a_message_of_five_megabytes_on_one_line_is_cut_to_size():
    """The last resort is linear, and loses nothing."""
    day = build_talk("What is this?", "0123456789abcdef" * 320_000)
    chunks = chunk(day)
    assert_law_1(day, chunks)
    assert all(100 <= one.token_count <= 800 for one in chunks)


def test_topics_are_told_where_they_start():
    """A boundary is a record with a place and a probability; the first topic of a day is no
    boundary.
    """
    travel = [
        "I want to book a flight to Rome.",
        "The cheapest flight to Rome leaves on Friday from your airport.",
    ] * 4
    bread = [
        "By the way, how do I bake sourdough bread at home?",
        "Feed the starter, then bake the bread slowly.",
    ] * 4
    filler = " There is more to say about it, and it is said here at some length." * 2
    day = build_talk(*(text + filler for text in travel + bread))
    topics = [topic for one in chunk(day) for topic in one.topics]
    assert "m8" in {topic.message_id for topic in topics}
    assert "m0" not in {topic.message_id for topic in topics}
    assert all(
        topic.origin == VERSION and topic.start == 0 and 0 < topic.score < 1 for topic in topics
    )


def test_the_ids_of_chunks_are_frozen():
    """Stored chunks keep their ids: whoever changes these must change the segmenter's version with
    them.
    """
    day = named_day(
        "chatgpt:golden",
        [
            ("user", "How do I reverse a list in Python?"),
            (
                "assistant",
                "Use `items[::-1]` for a copy.\n\n```python\nitems.reverse()\n```\nreverses it in "
                "place. " * 6,
            ),
            ("user", "谢谢！另外，北京明天的天气怎么样？"),
            ("assistant", "明天北京多云，气温八到十五度，傍晚可能下雨，出门请带伞。" * 8),
            ("user", "好的，那后天呢？"),
            ("assistant", "后天北京晴，气温十到十八度。"),
        ],
    )
    assert VERSION == "rules-2"
    assert [(one.chunk_id, one.token_count) for one in chunk(day)] == GOLDEN
