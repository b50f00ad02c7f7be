"""A day that is replaced: what is taken over of unchanged chunks is what would be indexed of them
afresh.
"""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from zlib import crc32

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, Span, TopicBoundary
from dreaming.conversation import stable_hash
from dreaming.remembering import posting_blocks as blocks_module
from dreaming.remembering import retrieval as retrieval_module
from dreaming.remembering import segments as segments_module
from dreaming.remembering.binary_embeddings import DIMENSIONS
from dreaming.remembering.encoding import NamedEncoder
from dreaming.remembering.passages import SpokenChunk, Voice
from dreaming.remembering.posting_blocks import read_postings
from dreaming.remembering.segments import make_segments
from dreaming.remembering.stored_segments import EMPTY_SEGMENT, digest_inputs
from dreaming.storage.tables import chunk_labels, indexed_chunks, segments

DAY, NEXT = date(2026, 3, 1), date(2026, 3, 2)
SAID = [
    "The harbour, painted yesterday.",
    "Which colours?",
    "我想学习绘画，周末去海边。",
    "京都へ旅行。Harbour?",
    "x",
]
VOICES = [Voice(None, "user"), Voice("Ana", "user"), Voice("小明", "assistant")]
HASHES = map(str, count())


def make_spoken(said, *, kind="text", labels=(), entities=("Mira",), title=None, voice=VOICES[0]):
    """A chunk of messages of one voice."""
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    chunk = BChunk(
        chunk_id=stable_hash(said, kind),
        conversation_id=f"c:{len(said)}",
        day=DAY,
        ordinal=0,
        content=CONTENT_SEPARATOR.join(said),
        spans=tuple(Span(f"m-{n}", 0, len(text)) for n, text in enumerate(said)),
        topics=(TopicBoundary("m-0", 0, 0.5, "made-up"),),
        kind=kind,
        started_at=at,
        ended_at=None,
        language="zh" if not said[0].isascii() else "en",
        labels=labels,
        entities=entities,
        summary=said[0],
        speaker="user",
        speakers=("user",),
        token_count=len(said),
        confidence=0.5,
        segmenter_version="made-up",
        source_hash="0" * 32,
        created_at=at,
    )
    return SpokenChunk(chunk, title, (voice,) * len(said))


CHUNKS = st.builds(
    make_spoken,
    st.lists(st.sampled_from(SAID), min_size=1, max_size=3),
    kind=st.sampled_from(["text", "text", "thinking"]),
    labels=st.sampled_from([(), ("harbours",), ("harbours", "旅行")]),
    title=st.sampled_from([None, "A harbour", "旅行"]),
    voice=st.sampled_from(VOICES),
)
DAYS = st.lists(CHUNKS, min_size=1, max_size=10).flatmap(
    lambda pool: st.lists(st.lists(st.sampled_from(pool), max_size=10), min_size=2, max_size=3)
)


def encode(texts):
    """Vectors that tell nothing, the same for the same text."""
    return np.array(
        [np.random.default_rng(crc32(text.encode())).standard_normal(DIMENSIONS) for text in texts]
    )


def held_by(index):
    """All that is held, without the numbers of segments and blocks."""
    found = []
    with index.database.read() as connection:
        for segment in connection.execute(
            sa.select(segments).order_by(segments.c.day, segments.c.part)
        ).mappings():
            first = segment["segment_id"] * segments_module.SEGMENT_CHUNKS
            numbers = (first, first + segments_module.SEGMENT_CHUNKS - 1)
            chunks = sa.select(indexed_chunks).where(indexed_chunks.c.row_id.between(*numbers))
            labels = sa.select(chunk_labels).where(chunk_labels.c.row_id.between(*numbers))
            rows = [
                row | {"row_id": row["row_id"] - first}
                for row in map(dict, connection.execute(chunks).mappings())
            ]
            entries = read_postings(connection, segment["segment_id"])
            found.append(
                {
                    **{
                        name: cell
                        for name, cell in segment.items()
                        if name not in ("segment_id", "block_id")
                    },
                    "rows": sorted(rows, key=lambda row: row["row_id"]),
                    "labels": sorted(
                        (row_id - first, label) for label, row_id in connection.execute(labels)
                    ),
                    "entries": [
                        part.tolist() for part in (entries.terms, entries.counts, entries.packed)
                    ],
                }
            )
        for table, name in ((indexed_chunks, "rows"), (chunk_labels, "labels")):
            counted = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()
            assert counted == sum(len(segment[name]) for segment in found)
    return found


def answers(home):
    """What questions find, with their scores."""
    questions = ["harbour", "Ana harbours yesterday", "绘画", "旅行 京都", "x"]
    return [
        [(hit.chunk, hit.score, hit.text) for hit in home.memory.search(question, limit=50)]
        for question in questions
    ]


@pytest.fixture
def small(monkeypatch):
    """Segments of a few chunks, merged after a few."""
    monkeypatch.setattr(blocks_module, "MAX_SINGLE_BLOCKS", 6)
    monkeypatch.setattr(blocks_module, "BLOCKS_PER_MERGE", 4)
    for module in (segments_module, retrieval_module):
        monkeypatch.setattr(module, "SEGMENT_CHUNKS", 4)


@pytest.mark.long
@pytest.mark.usefixtures("small")
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(editions=DAYS, has_meaning=st.booleans())
def test_a_day_that_is_replaced_again_and_again_is_held_as_if_it_were_indexed_afresh(
    any_home, editions, has_meaning
):
    """All rows and postings, hits and scores; chunks may come, go, change their order and what
    stands beside them.
    """
    index = any_home.index
    index.encoder = NamedEncoder("made up", encode) if has_meaning else None
    for edition in editions:
        for day in (DAY, NEXT):
            index.replace_day(day, edition, partition_hash=next(HASHES))
    found = held_by(index), answers(any_home)
    for edition in [[], editions[-1]]:
        for day in (DAY, NEXT):
            index.replace_day(day, edition, partition_hash=next(HASHES))
        assert edition or held_by(index) == []
    assert (held_by(index), answers(any_home)) == found


def test_chunks_without_a_word_are_taken_over_too(any_home):
    """Their segment has no postings at all."""
    mute = [make_spoken([mark], entities=()) for mark in ("!", "…")]
    any_home.index.replace_day(DAY, mute, partition_hash=next(HASHES))
    any_home.index.replace_day(
        DAY, [*reversed(mute), make_spoken(SAID)], partition_hash=next(HASHES)
    )
    found = held_by(any_home.index)
    assert [row["content"] for row in found[0]["rows"]] == ["…", "!", CONTENT_SEPARATOR.join(SAID)]


def test_what_is_unchanged_is_taken_over_from_where_it_was():
    """It is not analysed again, and its row moves."""
    one, two, new = (
        make_spoken(["The harbour."]),
        make_spoken(["京都", "Which?"]),
        make_spoken(["A windmill."]),
    )
    [before] = make_segments([one, two], {}, [], lambda _: pytest.fail("nothing is held"))
    held = EMPTY_SEGMENT._replace(segment_id=7, facts=before.facts, digests=before.digests)
    [after] = make_segments([new, two], {}, [held], {7: before.postings}.__getitem__)
    assert after.rows.keys() == {0}
    assert after.stored_rows == {1: 7 * segments_module.SEGMENT_CHUNKS + 1}


SPOKEN = make_spoken(["The harbour."])
CHANGES = {
    "chunk_id": "another",
    "conversation_id": "another",
    "day": NEXT,
    "ordinal": 1,
    "content": "The windmill.",
    "spans": (Span("m-1", 0, 12),),
    "topics": (),
    "kind": "thinking",
    "started_at": None,
    "ended_at": datetime(2026, 3, 1, 9, tzinfo=UTC),
    "language": "de",
    "labels": ("harbours",),
    "entities": (),
    "summary": "",
    "speaker": "assistant",
    "speakers": ("user", "assistant"),
    "token_count": 4,
    "quality_level": "good",
    "needs_upgrade": False,
    "confidence": 0.6,
    "segmenter_version": "another",
    "llm_provider": "anthropic",
    "llm_used": "claude-haiku-4-5",
    "request_id": "request",
    "prompt_version": "indices-1",
    "tokens_used": 1,
    "input_tokens": 1,
    "output_tokens": 1,
    "cost_usd": Decimal("0.01"),
    "processing_time_ms": 1,
    "source_hash": "1" * 32,
    "supersedes": ("another",),
    "created_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
}


@pytest.mark.parametrize("name", [field.name for field in fields(BChunk)])
def test_nothing_of_a_chunk_changes_unseen(name):
    """Whatever is told of it is held in its row."""
    changed = replace(SPOKEN, chunk=replace(SPOKEN.chunk, **{name: CHANGES[name]}))
    assert digest_inputs(changed, None) != digest_inputs(SPOKEN, None)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SPOKEN, title="A harbour"),
        *(replace(SPOKEN, voices=(voice,)) for voice in VOICES[1:]),
    ],
)
def test_nothing_that_is_indexed_with_a_chunk_changes_unseen(changed):
    """The title of its conversation, and who speaks."""
    assert digest_inputs(changed, None) != digest_inputs(SPOKEN, None)


def test_the_meaning_of_a_chunk_does_not_change_unseen():
    """A memory that was indexed by words alone is indexed by meaning later."""
    assert digest_inputs(SPOKEN, b"codes") != digest_inputs(SPOKEN, None)


def test_a_day_that_another_process_replaces_meanwhile_is_held_as_it_was_said_last(any_home):
    """What was to be taken over is gone by then."""
    index = any_home.index
    first, second = (
        [make_spoken(["The harbour."]), make_spoken(["A windmill."])],
        [make_spoken(["京都"])],
    )

    class Interrupted(list):
        """Chunks that are read while another process replaces the day."""

        def __iter__(self):
            if index.chunk_count(DAY) == len(first):
                index.replace_day(DAY, second, partition_hash=next(HASHES))
            return super().__iter__()

    index.replace_day(DAY, first, partition_hash=next(HASHES))
    index.replace_day(DAY, Interrupted(first[:1]), partition_hash=next(HASHES))
    found = held_by(index)
    assert [row["content"] for row in found[0]["rows"]] == ["The harbour."]
    index.replace_day(DAY, [], partition_hash=next(HASHES))
    index.replace_day(DAY, first[:1], partition_hash=next(HASHES))
    assert held_by(index) == found
