"""Chunks are found, in every language, with the same hits on both dialects."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dreaming.errors import StorageError, UsageError
from dreaming.home import open_home
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.snippet import make_snippet
from dreaming.remembering.words import count_words, query_terms, words
from dreaming.storage import tables
from dreaming.testing import make_conversation, make_settings
from dreaming.upgrading.filtering.printing import print_filter

TALKS = {
    "en": ["I was painting the old harbour.", "Which colours did you use?"],
    "zh": ["我想学习绘画，周末去海边。", "好主意，带上画笔。"],
    "ja": [
        "来週、京都へ旅行に行きます。ホテルと飛行機を予約しました。",
        "楽しい旅行ですね。猫も一緒？",
    ],
    "mixed": ["帮我 debug 这个 Kubernetes 的问题", "Sure, paste the error."],
    "ru": ["Где находится библиотека?", "Рядом с парком."],
    "tools": [
        "Read the file",
        ("tool", "zebra_config = 1", "tool_result"),
        ("assistant", "hm, a zebra", "thinking"),
    ],
}


@pytest.fixture
def memory(any_home):
    """The talks, one a day from 2026-03-01 on, published."""
    for n, (name, said) in enumerate(TALKS.items()):
        at = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=n)
        any_home.archive.add([make_conversation(said, conversation_id=name, at=at)])
        any_home.pipeline.run_day(at.date())
    return any_home.memory


def found(memory, query, **wanted):
    return sorted(hit.chunk.conversation_id for hit in memory.search(query, ChunkFilter(**wanted)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("paintings", ["en"]),
        ("PAINTING", ["en"]),
        ("ｐａｉｎｔｉｎｇ", ["en"]),
        ("绘画", ["zh"]),
        ("海边", ["zh"]),
        ("旅行", ["ja"]),
        ("京都", ["ja"]),
        ("猫", ["ja"]),
        ("kubernetes", ["mixed"]),
        ("библиотека", ["ru"]),
        ("harbour 京都", ["en", "ja"]),
        ("aardvark", []),
    ],
)
def test_words_of_any_language_are_found(memory, query, expected):
    """Stems in English; two-character and single-character words in Chinese and Japanese."""
    assert found(memory, query) == expected


def test_what_tools_said_and_models_thought_is_found_only_when_asked_for(memory):
    """It is marked by kind."""
    assert found(memory, "zebra") == []
    assert found(memory, "zebra", kinds=("tool_result", "thinking")) == ["tools", "tools"]


def test_filters_narrow_a_search(memory):
    """By day, language, quality, conversation and label."""
    assert found(memory, "harbour 京都", first_day=date(2026, 3, 2)) == ["ja"]
    assert found(memory, "harbour 京都", last_day=date(2026, 3, 2)) == ["en"]
    assert found(memory, "harbour 京都", languages=("ja",)) == ["ja"]
    assert found(memory, "harbour 京都", conversations=("en",)) == ["en"]
    assert found(memory, "harbour 京都", quality_levels=("good",)) == []
    assert found(memory, "harbour 京都", labels=("travel",)) == ["ja"]
    assert found(memory, "harbour 京都", labels=("no such label",)) == []


def test_a_hit_is_the_chunk_that_was_published(memory, any_home):
    """With every column as the partition has it."""
    hit = memory.search("京都")[0]
    with any_home.store.open_chunks("upgraded_chunks", hit.chunk.day) as chunks:
        assert [row for row in chunks.rows() if row.chunk_id == hit.chunk.chunk_id] == [hit.chunk]


def test_a_change_is_visible_at_once_and_what_is_gone_is_not_found(any_home):
    """One transaction a day."""
    any_home.archive.add([make_conversation(["old lighthouse"])])
    any_home.pipeline.run_day(date(2026, 3, 1))
    changed = make_conversation(["new windmill"], updated_at=datetime(2026, 4, 1, tzinfo=UTC))
    any_home.archive.add([changed])
    any_home.pipeline.run_day(date(2026, 3, 1))
    assert found(any_home.memory, "lighthouse") == []
    assert found(any_home.memory, "windmill") == ["test:1"]


def test_the_conversation_around_a_hit_is_in_order(any_home):
    """Chunks before and after it, over midnight too."""
    said = [
        f"Topic {n}: " + f"something about number {n} and nothing else. " * 20 for n in range(10)
    ]
    any_home.archive.add(
        [make_conversation(said, at=datetime(2026, 3, 1, 20, tzinfo=UTC), step=timedelta(hours=1))]
    )
    for day in (date(2026, 3, 1), date(2026, 3, 2)):
        any_home.pipeline.run_day(day)
    hit = any_home.memory.search("topic 4")[0]
    around = any_home.memory.around(hit, chunks=2)
    places = [(chunk.day, chunk.ordinal) for chunk in around]
    assert places == sorted(places)
    assert len(around) == 5
    assert around[2].chunk_id == hit.chunk.chunk_id


def said_by(home, *messages, conversation_id="test:1", day=1, title=None):
    """Messages of a day in March, each a (name, text), published."""
    conversation = make_conversation(
        [text for _, text in messages],
        conversation_id=conversation_id,
        at=datetime(2026, 3, day, 9, tzinfo=UTC),
        title=title,
    )
    named = tuple(
        replace(message, name=name)
        for message, (name, _) in zip(conversation.messages, messages, strict=True)
    )
    home.archive.add([replace(conversation, messages=named)])
    home.pipeline.run_day(date(2026, 3, day))
    return named


FILLING = "Something else altogether that goes on for a while about nothing at all. " * 40


def test_a_hit_says_the_messages_that_answer_word_for_word(any_home):
    """Its spans cut just that out of the conversation, and its
    reading says who said it and when.
    """
    messages = said_by(
        any_home, ("Ana", FILLING), ("Bo", "The lighthouse keeper is my aunt."), ("Ana", FILLING)
    )
    [hit] = any_home.memory.search("lighthouse keeper", budget_words=20)
    assert hit.text == "The lighthouse keeper is my aunt."
    contents = {message.id: message.content for message in messages}
    assert [contents[span.message_id][span.start : span.end] for span in hit.spans] == [hit.text]
    assert hit.reading == f"2026-03-01\nBo: {hit.text}"


def test_a_question_about_somebody_is_answered_by_what_that_one_says(any_home):
    """Before what others say in the same words."""
    for day, name in enumerate(("Ana", "Bo", "Cy"), 1):
        said_by(any_home, (name, "I bought a red kite."), conversation_id=f"c:{name}", day=day)
    for name in ("Ana", "Bo", "Cy"):
        [best, *_] = any_home.memory.search(f"What kite did {name} buy?")
        assert [str(said.voice) for said in best.said] == [name]


def test_a_question_with_a_date_finds_what_was_said_then(any_home):
    """The same words on another day come after it; a date alone finds the day."""
    for day in (3, 7, 12):
        said_by(any_home, ("Ana", "We went sailing."), conversation_id=f"c:{day}", day=day)
    for query in ("Who went sailing on 7 March 2026?", "3月7日 sailing"):
        assert any_home.memory.search(query)[0].chunk.day == date(2026, 3, 7)
    assert {hit.chunk.day for hit in any_home.memory.search("2026-03-12")} == {date(2026, 3, 12)}


def test_words_that_stand_beside_the_text_are_found(any_home):
    """The title of its conversation; the hit is the text all the same."""
    said_by(any_home, ("Ana", "It arrived broken."), title="Espresso machine")
    assert any_home.memory.search("espresso")[0].text == "It arrived broken."


@pytest.mark.parametrize("budget", [20, 45, 120, 1000])
def test_a_budget_of_words_is_filled_and_never_exceeded(any_home, budget):
    """By what is read: days, names and messages; in a script without spaces two characters are a
    word.
    """
    for day in range(1, 6):
        said = [
            (("Ana", "小明")[n % 2], f"The harbour number {n} {day} is old. 港口很旧。")
            for n in range(6)
        ]
        said_by(any_home, *said, conversation_id=f"c:{day}", day=day)
    hits = any_home.memory.search("harbour 港口", budget_words=budget)
    words = count_words("\n".join(hit.reading for hit in hits))
    everything = 5 * 3 + 5 * 6 * (1 + 9)
    assert words <= budget
    assert words >= min(budget - 14, everything)


def test_a_message_that_is_longer_than_the_budget_is_cut_to_it(any_home):
    """Nothing at all would help nobody."""
    said_by(any_home, ("Ana", "The harbour is old. " * 50))
    [hit] = any_home.memory.search("harbour", budget_words=20)
    assert count_words(hit.reading) == 20
    assert ("The harbour is old. " * 50).startswith(hit.text)


def test_conversations_may_be_left_out(any_home):
    """Before hits are counted: others come in their place."""
    for day in (1, 2, 3):
        said_by(any_home, ("Ana", "An old harbour."), conversation_id=f"c:{day}", day=day)
    hits = any_home.memory.search("harbour", limit=2, excluded={"c:3"})
    assert [hit.chunk.conversation_id for hit in hits] == ["c:2", "c:1"]


def answers(home):
    """What some questions find, with their scores."""
    questions = [
        "harbour",
        "harbour colours",
        "绘画",
        "旅行 ホテル",
        "Kubernetes error",
        "painting in March",
    ]
    return [
        [
            (hit.chunk.chunk_id, round(hit.score, 9), hit.text)
            for hit in home.memory.search(question)
        ]
        for question in questions
    ]


@pytest.mark.usefixtures("memory")
def test_a_rebuilt_index_answers_identically(any_home):
    """Whatever was indexed and deleted before, and in whatever order the days come."""
    before = answers(any_home)
    assert all(before)
    with any_home.index.database.write() as connection:
        for table in reversed(tables.memory.sorted_tables):
            connection.execute(table.delete())
    assert answers(any_home) == [[]] * len(before)
    for day in reversed(any_home.store.days("upgraded_chunks")):
        any_home.pipeline.remember(day)
    assert answers(any_home) == before


def test_both_dialects_give_the_same_hits(tmp_path, postgres_url, clock):
    """And the same scores."""
    found = []
    for name, url in (("sqlite", None), ("postgresql", postgres_url)):
        with open_home(make_settings(tmp_path / name, database_url=url), clock=clock) as opened:
            for n, (conversation_id, said) in enumerate(TALKS.items(), 1):
                at = datetime(2026, 3, n, 9, tzinfo=UTC)
                opened.archive.add(
                    [make_conversation(said, conversation_id=conversation_id, at=at)]
                )
                opened.pipeline.run_day(at.date())
            found.append(answers(opened))
    assert found[0] == found[1]


def test_queries_are_remembered_with_what_they_found(memory, any_home):
    """Later, they tell what matters."""
    memory.search("绘画")
    with any_home.ledger.database.read() as connection:
        row = connection.execute(sa.select(tables.queries)).one()
    assert (row.query, [hit[0] for hit in row.hits]) == ("绘画", ["zh"])


def test_a_database_that_refuses_does_not_quote_what_was_said(any_home):
    """PostgreSQL's DETAIL shows the whole row."""
    with (
        pytest.raises(StorageError, match=r"(?i)not.null constraint") as error,
        any_home.ledger.database.write() as connection,
    ):
        connection.execute(
            tables.queries.insert().values(asked_at=None, query="my secret", hits=[])
        )
    assert "secret" not in str(error.value)


def test_queries_are_not_remembered_when_switched_off(tmp_path):
    """One environment variable."""
    with open_home(replace(make_settings(tmp_path), remember_queries=False)) as home:
        home.memory.search("anything")
        with home.ledger.database.read() as connection:
            assert connection.execute(sa.select(tables.queries)).all() == []


def test_a_query_with_characters_that_cannot_be_stored_is_asked_and_remembered(memory, any_home):
    """A terminal gives lone surrogates for bytes that are no UTF-8."""
    assert [hit.chunk.conversation_id for hit in memory.search("harbour\udcff\0")] == ["en"]
    with any_home.ledger.database.read() as connection:
        assert (
            connection.execute(sa.select(tables.queries.c.query)).scalar_one()
            == "harbour\ufffd\ufffd"
        )


@pytest.mark.parametrize(
    ("query", "limit", "message"), [("?!", 10, "no word"), ("word", 0, "limit=0")]
)
def test_a_query_or_a_limit_without_sense_is_refused(home, query, limit, message):
    """The message names the value."""
    with pytest.raises(UsageError, match=message):
        home.memory.search(query, limit=limit)


@pytest.mark.parametrize(
    "query", ['"', "a AND", "NEAR(", "col:x", "*", "a*b", "-x", "(((", "'; DROP TABLE x", "NOT"]
)
def test_no_query_breaks_the_query_language_of_the_database(any_home, query):
    """What people type is words, never syntax."""
    any_home.archive.add([make_conversation(["a b x col near not drop table"])])
    any_home.pipeline.run_day(date(2026, 3, 1))
    if query_terms(query):
        assert found(any_home.memory, query) == ["test:1"]


def test_a_filter_with_an_impossible_value_is_refused():
    """The message names what is possible."""
    with pytest.raises(
        UsageError, match="'best' is none of the quality levels basic, good, premium"
    ):
        ChunkFilter(quality_levels=("best",))
    with pytest.raises(UsageError, match="write \\('food',\\)"):
        ChunkFilter(labels="food")


def test_a_filter_whose_days_are_the_wrong_way_round_is_refused():
    """It would find nothing, and say nothing; one day is a range."""
    with pytest.raises(UsageError, match="from 2026-03-02 to 2026-03-01 is empty"):
        ChunkFilter(first_day=date(2026, 3, 2), last_day=date(2026, 3, 1))
    assert print_filter(ChunkFilter(last_day=date(2026, 3, 1), labels=("a", "b")).expression()) == (
        "day <= 2026-03-01 AND kind IN ('text') AND (labels CONTAINS 'a' OR labels CONTAINS 'b')"
    )


@given(st.text(), st.text())
def test_a_word_of_a_text_is_among_what_is_looked_for(before, after):
    """Index and query are analysed alike, whatever stands around."""
    for word in ("painting", "旅行"):
        terms = query_terms(word)
        assert set(terms) <= set(words(f"{before} {word} {after}"))


@given(st.text(min_size=1, max_size=400), st.text(max_size=10))
def test_a_snippet_is_a_slice_with_its_matches_in_place(content, query):
    """Of any text and query."""
    snippet = make_snippet(content, query_terms(query), width=50)
    assert len(snippet.text) <= 52
    assert "\n" not in snippet.text
    assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.matches)


def test_a_snippet_shows_where_the_query_stands():
    """Not the beginning of a long chunk."""
    content = "Nothing here. " * 40 + "The lighthouse stands on a rock. " + "Nothing there. " * 40
    snippet = make_snippet(content, query_terms("lighthouse"))
    assert snippet.marked("[", "]").count("[lighthouse]") == 1
