"""The filter language: what it says, what it refuses and where, and that its text and its meaning
are one.
"""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.chunk import BChunk
from dreaming.conversation import ConversationId
from dreaming.errors import FilterError
from dreaming.storage.columns import chunk_batch
from dreaming.upgrading.filtering.columns import COLUMNS
from dreaming.upgrading.filtering.expression import (
    And,
    Comparison,
    Contains,
    Expression,
    IsNull,
    Membership,
    Not,
    Or,
    matches,
)
from dreaming.upgrading.filtering.parsing import parse_filter
from dreaming.upgrading.filtering.printing import print_filter
from dreaming.upgrading.filtering.selecting import select_rows


def make_chunk(**cells):
    usual = {
        "chunk_id": "id",
        "conversation_id": ConversationId("talk"),
        "day": date(2026, 3, 1),
        "ordinal": 0,
        "content": "The Invoice of March",
        "spans": (),
        "topics": (),
        "kind": "text",
        "started_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "ended_at": None,
        "language": "en",
        "labels": ("billing", "ＡＰＩ"),
        "entities": (),
        "summary": "An invoice.",
        "speaker": "user",
        "speakers": ("user", "assistant"),
        "token_count": 120,
        "confidence": 0.5,
        "segmenter_version": "rules-1",
        "source_hash": "hash",
        "created_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    return BChunk(**(usual | cells))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quality_level=basic AND needs_upgrade=true", True),
        ("labels CONTAINS 'billing' AND quality_level != 'premium'", True),
        ("labels contains Billing or labels contains 'architecture'", True),
        ('labels CONTAINS "bill"', False),
        ("labels CONTAINS 'api'", True),
        ("text CONTAINS 'invoice of'", True),
        ("content NOT CONTAINS 'invoice'", False),
        ("quality_level < good", True),
        ("quality_level >= 'good'", False),
        ("NOT (language IN ('zh', ja)) AND day >= 2026-02-01 AND token_count < 400", True),
        ("language NOT IN (en)", False),
        ("day == 2026-03-01 AND day <> '2026-03-02'", True),
        ("started_at > 2026-03-01", True),
        ("started_at = 2026-03-01T13:00:00+01:00", True),
        ("ended_at > 2000-01-01", False),
        ("ended_at != 2000-01-01", True),
        ("ended_at IS NULL AND entities IS NULL AND llm_used IS NULL", True),
        ("labels IS NOT NULL AND speakers CONTAINS assistant", True),
        ("confidence <= 0.5 AND cost_usd = 0", True),
        ("kind = text AND speaker = user OR kind = thinking AND ordinal = 7", True),
        ("kind = thinking AND (speaker = user OR ordinal = 0)", False),
        ("not not kind = text", True),
        ("conversation_id = 'talk' AND summary = 'An invoice.'", True),
        (
            "conversation_id IN (007, 1.50, true, 2026-03-01T00:00:00Z) OR labels CONTAINS 007",
            False,
        ),
    ],
)
def test_a_filter_asks_for_what_it_says(text, expected):
    """On one chunk."""
    assert matches(parse_filter(text), make_chunk()) is expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("label = 'x'", 1, "There is no column 'label'. Did you mean labels?"),
        ("spans = 1", 1, "There is no column 'spans'."),
        ("labels = 'x'", 8, "labels is a list. Write labels CONTAINS 'x'."),
        ("labels IN ('x')", 1, "labels is a list."),
        ("day CONTAINS 'x'", 1, "day is no text and no list."),
        (
            "quality_level = bsic",
            17,
            "bsic is no value of quality_level. Expected one of basic, good, premium.",
        ),
        ("token_count < many", 15, "Expected a whole number."),
        ("token_count < 1.5", 15, "Expected a whole number."),
        ("needs_upgrade = yes", 17, "Expected true or false."),
        ("day = 2026-02-31", 7, "Expected a day as YYYY-MM-DD."),
        ("started_at < soon", 14, "Expected an instant"),
        ("confidence < .5", 14, "Expected a number."),
        ("llm_used = null", 12, "write llm_used IS NULL."),
        ("summary = 'abc", 11, "a second ' is missing."),
        ("quality_level = basic AND", 26, "and it ends."),
        ("(quality_level = basic", 23, "Here ) was expected, and it ends."),
        ("quality_level = basic)", 22, "Here the end was expected."),
        ("kind = text\nAND language ? en", 14, "'?' has no meaning here."),
        ("language = '中文' AND x", 22, "was expected"),
        ("token_count < " + "9" * 5_000, 15, "Expected a whole number."),
        ("started_at < 0001-01-01T00:00:00+05:00", 14, "Expected an instant"),
        ("(" * 200 + "kind = text", 101, "More than 100"),
        ("NOT " * 200 + "kind = text", 401, "More than 100"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_place_and_what_to_do(text, column, message):
    """The line is shown, and a caret stands below the place."""
    with pytest.raises(FilterError) as error:
        parse_filter(text)
    said = str(error.value)
    assert said.startswith(f"Filter, column {column}: ")
    assert message in said
    assert said.endswith("^")


def test_the_caret_stands_below_the_place_on_a_terminal():
    """Where Chinese characters are two columns wide."""
    with pytest.raises(FilterError) as error:
        parse_filter("language = '中文' ?")
    shown, caret = str(error.value).splitlines()[1:]
    assert shown == "  language = '中文' ?"
    assert caret == " " * (2 + 11 + 6 + 1) + "^"


@pytest.mark.parametrize(
    "word", ["007", "00123", "1.50", "True", "2026-03-01T00:00:00Z", "1" * 5_000]
)
def test_words_for_texts_are_taken_as_they_are_written(word):
    """Whatever they look like."""
    assert matches(
        parse_filter(f"conversation_id = {word}"), make_chunk(conversation_id=ConversationId(word))
    )
    assert matches(parse_filter(f"labels CONTAINS {word}"), make_chunk(labels=(word,)))


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "The filter is empty."), (" \n", "is empty"), ("a" * 200_001, "200,001")],
)
def test_nothing_and_far_too_much_are_refused(text, message):
    """With an example of what to write."""
    with pytest.raises(FilterError, match=message):
        parse_filter(text)


VALUES = {
    "text": st.text(),
    "list": st.text(),
    "whole": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "money": st.decimals(allow_nan=False, allow_infinity=False, places=12),
    "truth": st.booleans(),
    "day": st.dates(),
    "instant": st.datetimes(timezones=st.just(UTC)),
}
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@st.composite
def leaves(draw):
    column = draw(st.sampled_from(list(COLUMNS.values())))
    value = st.sampled_from(column.choices) if column.choices else VALUES[column.kind]
    if draw(st.booleans()):
        return IsNull(column.name)
    if column.kind == "list" or (column.kind == "text" and draw(st.booleans())):
        return Contains(column.name, draw(st.text()))
    if draw(st.booleans()):
        return Membership(column.name, tuple(draw(st.lists(value, min_size=1, max_size=3))))
    return Comparison(column.name, draw(SIGNS), draw(value))


def joined(kind):
    return lambda parts: kind(
        tuple(x for part in parts for x in (part.operands if isinstance(part, kind) else [part]))
    )


EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(joined(And)),
        st.lists(inner, min_size=2, max_size=3).map(joined(Or)),
    ),
    max_leaves=6,
)
CHUNKS = st.builds(
    make_chunk,
    token_count=st.integers(0, 3),
    labels=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    quality_level=st.sampled_from(["basic", "good", "premium"]),
    llm_used=st.none() | st.text(max_size=2),
    cost_usd=st.just(Decimal(0)),
)


@given(EXPRESSIONS)
def test_a_filter_that_is_printed_and_parsed_is_itself(expression):
    """Whatever is in its texts."""
    assert parse_filter(print_filter(expression)) == expression


@given(EXPRESSIONS, EXPRESSIONS, CHUNKS)
def test_filters_obey_the_laws_of_logic(one, other, chunk):
    """Excluded middle, and De Morgan's."""
    assert matches(Not(one), chunk) is not matches(one, chunk)
    assert matches(Not(And((one, other))), chunk) is matches(Or((Not(one), Not(other))), chunk)


@given(EXPRESSIONS, st.lists(CHUNKS, max_size=6))
def test_a_filter_asks_the_same_of_a_table_as_of_its_chunks(expression, chunks):
    """A column at a time, or a chunk at a time."""
    table = pa.Table.from_batches([chunk_batch(chunks)])
    assert [chunks[row] for row in select_rows(expression, table)] == [
        c for c in chunks if matches(expression, c)
    ]


@given(st.text() | st.text(alphabet="()'\" andornotkind=text<>!,1", max_size=60))
def test_no_text_does_anything_but_parse_or_be_refused(text):
    """Never another error."""
    with contextlib.suppress(FilterError):
        assert parse_filter(text) is not None
