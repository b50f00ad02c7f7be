"""Ids and hashes that users' stores depend on: frozen."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dreaming.chunk import Span, hash_chunk, hash_slice, merge_spans
from dreaming.conversation import content_message_ids, hash_messages, stable_hash
from dreaming.testing import make_conversation

SAID = [("user", "text", "hello 你好"), ("assistant", "text", "hi"), ("user", "text", "hello 你好")]


def test_hashes_are_frozen():
    """A change here would orphan every chunk and every purchase that users have."""
    assert stable_hash("a", 1, None, ["ü"]) == "fdda08ecce732044af01aa76f786bfdb"
    assert hash_slice("hello 你好") == "62a0ba9bcfc24d3f07c4c7643765d4bd"
    assert (
        hash_chunk("test:1", [Span("m-1", 0, 5)], "hello", "rules-1")
        == "b8de8e2d04cb198875abe0217710abf8"
    )
    assert (
        hash_messages(make_conversation(["a", "b"]).messages) == "d53ec306d5371c383576f67ac2fb8985"
    )


def test_ids_of_messages_without_one_are_frozen():
    """From what is said; a repeat has an id of its own."""
    assert content_message_ids(SAID) == [
        "m-12702dfd6d4735c5f221eff9",
        "m-22751c82feff36b8dab80062",
        "m-8ac70918274971c29edcff60",
    ]


@given(
    st.lists(
        st.tuples(st.just("user"), st.just("text"), st.text(st.characters(codec="utf-8"))),
        max_size=8,
    ),
    st.integers(0, 8),
)
def test_an_inserted_message_leaves_the_ids_of_the_others(said, place):
    """Ids do not come from positions; only repeats of the same text may change among themselves."""
    before = content_message_ids(said)
    new = ("assistant", "text", "something nobody said before")
    grown = [*said[:place], new, *said[place:]]
    after = content_message_ids(grown)
    assert [i for i, one in zip(after, grown, strict=True) if one != new] == before
    assert len(set(after)) == len(after)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 5)), max_size=12)
)
def test_merged_spans_cover_the_same_text(pieces):
    """And none of them continues the one before."""
    spans = [Span(message, start, start + length) for message, start, length in pieces]
    merged = merge_spans(spans)

    def places(some):
        return [(s.message_id, at) for s in some for at in range(s.start, s.end)]

    assert places(merged) == places(spans)
    assert not any(a.message_id == b.message_id and a.end == b.start for a, b in pairwise(merged))
