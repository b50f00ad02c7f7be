"""What was paid for, laid over what is free: law 1 and law 4 in any state of both."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dreaming.chunk import QUALITY_LEVELS, Span, hash_chunk, lanes, merge_spans, slice_content
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.tokens import count_tokens
from dreaming.testing import make_conversation, make_day
from dreaming.upgrading.overlay import overlay
from dreaming.verbatim import prove_verbatim
from tests.builders import make_paid_chunk

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
RANK = list(QUALITY_LEVELS)
TALK = [
    "Where is the station?",
    "Two streets on.",
    "Thanks! 另外，哪里可以吃饭？",
    "车站旁边。" * 3,
    "好。",
    "再见",
]


def buy(day, start, end, *, quality="good", minute=0, kind="text"):
    """A paid chunk over a range of a lane's code points."""
    spans, offset, contents = [], 0, {m.id: m.content for m in day.messages}
    for message in lanes(day.messages)[kind]:
        first, last = max(start - offset, 0), min(end - offset, len(message.content))
        if first < last:
            spans.append(Span(message.id, first, last))
        offset += len(message.content)
    spans = merge_spans(spans)
    call = f"call:{quality}:{minute}:{start}:{end}"
    return make_paid_chunk(
        day,
        [(s.message_id, s.start, s.end) for s in spans],
        paid_chunk_id=hash_chunk(day.conversation_id, spans, slice_content(spans, contents), call),
        request_id=f"request:{minute}",
        call_id=call,
        quality_level=quality,
        bought_at=NOW + timedelta(minutes=minute),
    )


def current(day, paid):
    basic = RulesChunker().chunk(day, created_at=NOW)
    chunks = overlay(day, basic, paid, count_tokens=count_tokens)
    prove_verbatim(day, chunks)
    return chunks


def quality_by_character(chunks):
    """The quality of every character of the day."""
    rank = {}
    for chunk in chunks:
        for span in chunk.spans:
            for at in range(span.start, span.end):
                rank[span.message_id, at] = RANK.index(chunk.quality_level)
    return rank


def test_without_purchases_the_basic_chunks_are_current():
    """Unchanged, to the object."""
    day = make_day(make_conversation(TALK))
    basic = RulesChunker().chunk(day, created_at=NOW)
    assert overlay(day, basic, [], count_tokens=count_tokens) == basic


def test_a_purchase_takes_the_place_of_what_it_covers_and_says_so():
    """The rest of a basic chunk that is partly covered stays."""
    day = make_day(make_conversation(TALK))
    basic = RulesChunker().chunk(day, created_at=NOW)
    length = len("".join(TALK[:2]))
    chunks = current(day, [buy(day, 0, length)])
    assert [c.quality_level for c in chunks] == ["good", "basic"]
    assert chunks[0].content == "\n\n".join(TALK[:2])
    assert chunks[0].supersedes == (basic[0].chunk_id,)
    assert not chunks[0].needs_upgrade
    assert chunks[1].content == "\n\n".join(TALK[2:])
    assert [c.ordinal for c in chunks] == [0, 1]


def test_a_purchase_whose_text_changed_is_left_out_and_the_others_stay():
    """Only what an edit touches is invalid."""
    day = make_day(make_conversation(TALK))
    first, second = (
        buy(day, 0, len(TALK[0])),
        buy(day, len(TALK[0]), len(TALK[0] + TALK[1]), minute=1),
    )
    edited = replace(
        day, messages=(replace(day.messages[0], content="Where is the harbour?"), *day.messages[1:])
    )
    chunks = current(edited, [first, second])
    assert [c.request_id for c in chunks if c.request_id] == ["request:1"]


def test_a_message_that_comes_between_invalidates_what_spans_it():
    """The slices are all there, but no longer follow one another."""
    day = make_day(make_conversation(TALK))
    paid = buy(day, 0, len(TALK[0] + TALK[1]))
    late = replace(day.messages[0], id="late", content="Excuse me!")
    chunks = current(replace(day, messages=(day.messages[0], late, *day.messages[1:])), [paid])
    assert {c.quality_level for c in chunks} == {"basic"}


def test_the_cost_of_a_purchase_that_is_shown_in_two_pieces_adds_up():
    """To the token and the pico-dollar."""
    day = make_day(make_conversation(TALK))
    total = len("".join(TALK))
    outer, inner = buy(day, 0, total), buy(day, 10, 30, quality="premium", minute=1)
    pieces = [c for c in current(day, [outer, inner]) if c.request_id == "request:0"]
    assert len(pieces) == 2
    assert sum(c.tokens_used for c in pieces) == outer.tokens_used
    assert sum(c.cost_usd for c in pieces) == outer.cost_usd
    assert sum(c.processing_time_ms for c in pieces) == outer.processing_time_ms


PURCHASES = st.lists(
    st.tuples(
        st.integers(0, 80),
        st.integers(1, 60),
        st.sampled_from(["good", "premium"]),
        st.sampled_from(["text", "thinking"]),
    ),
    max_size=8,
)


def bought(day, purchases):
    paid = []
    for minute, (start, length, quality, kind) in enumerate(purchases):
        total = sum(len(m.content) for m in lanes(day.messages)[kind])
        if start < total:
            paid.append(
                buy(
                    day,
                    start,
                    min(start + length, total),
                    quality=quality,
                    minute=minute,
                    kind=kind,
                )
            )
    return paid


@given(PURCHASES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_any_purchases_tile_the_day_and_never_lower_its_quality(purchases, random):
    """Law 1 and law 4: each one raises some characters and lowers none; the order of buying does
    not matter.
    """
    day = make_day(
        make_conversation(
            [*TALK[:3], ("assistant", "Hm. Let me think about it.", "thinking"), *TALK[3:]]
        )
    )
    paid = bought(day, purchases)
    before = quality_by_character(current(day, []))
    for count in range(1, len(paid) + 1):
        chunks = current(day, paid[:count])
        after = quality_by_character(chunks)
        assert all(after[at] >= rank for at, rank in before.items())
        before = after
    shuffled = paid[:]
    random.shuffle(shuffled)
    assert current(day, shuffled) == current(day, paid)


@given(PURCHASES, st.integers(0, 7), st.booleans())
@settings(deadline=None, max_examples=200)
def test_after_any_edit_the_day_is_tiled_and_untouched_text_keeps_its_quality(
    purchases, index, insert
):
    """Law 4: a purchase that lies wholly in other messages stays."""
    day = make_day(
        make_conversation(
            [*TALK[:3], ("assistant", "Hm. Let me think about it.", "thinking"), *TALK[3:]]
        )
    )
    paid = bought(day, purchases)
    messages = list(day.messages)
    index = min(index, len(messages) - 1)
    if insert:
        messages.insert(index, replace(messages[index], id="late", content="One moment, please."))
    else:
        messages[index] = replace(messages[index], content=messages[index].content + " (edited)")
    edited = replace(day, messages=tuple(messages))
    rank = quality_by_character(current(edited, paid))
    touched = {day.messages[index].id} | ({day.messages[max(index - 1, 0)].id} if insert else set())
    for chunk in paid:
        if not insert and touched.isdisjoint(s.message_id for s in chunk.slices):
            for piece in chunk.slices:
                for at in range(piece.start, piece.end):
                    assert rank[piece.message_id, at] >= RANK.index(chunk.quality_level)


def test_the_day_of_a_paid_chunk_is_the_day_it_is_shown_on():
    """Purchases are keyed by conversation, not by day."""
    day = make_day(make_conversation(TALK), day=date(2026, 3, 2))
    assert {c.day for c in current(day, [buy(day, 0, 10)])} == {date(2026, 3, 2)}
