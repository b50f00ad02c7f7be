"""Blocks of segments: merging changes no answer."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from dreaming.remembering import posting_blocks as blocks_module
from dreaming.remembering.posting_blocks import bucket_of
from dreaming.remembering.postings import TERM, hash_term
from dreaming.storage import tables
from dreaming.testing import make_conversation

DAYS = 12


@pytest.fixture(autouse=True)
def few_blocks(monkeypatch):
    """Merge after a few days, not after months."""
    monkeypatch.setattr(blocks_module, "MAX_SINGLE_BLOCKS", 3)
    monkeypatch.setattr(blocks_module, "BLOCKS_PER_MERGE", 4)


def publish(home, day, said, *, updated_at=None):
    at = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(days=day)
    conversation = make_conversation(
        [said], conversation_id=f"c:{day}", at=at, updated_at=updated_at
    )
    home.archive.add([conversation])
    home.pipeline.run_day(at.date())


def blocks_of(home):
    with home.index.database.read() as connection:
        return sorted(connection.execute(sa.select(tables.blocks.c.segment_count)).scalars())


def words_held(home, word):
    """How often a word stands in the postings, live or dead."""
    bucket, rest = hash_term(word)
    with home.index.database.read() as connection:
        rows = connection.execute(sa.select(tables.postings.c.place, tables.postings.c.terms)).all()
    held = [np.frombuffer(terms, TERM) for place, terms in rows if bucket_of(place) == bucket]
    return sum(int((terms["hash"] == rest).sum()) for terms in held)


def found(home, word):
    return [hit.chunk.day for hit in home.memory.search(word, limit=50)]


@pytest.fixture
def grown(any_home):
    """A home of some days, most of them merged."""
    for day in range(DAYS):
        publish(any_home, day, f"The harbour, seen on a walk of {day} hours.")
    return any_home


def test_old_days_are_merged_and_found_as_before(grown):
    """The newer before the older where they are as good; the few newest stay by themselves."""
    assert max(blocks_of(grown)) == 4
    assert blocks_of(grown).count(1) <= 4
    assert found(grown, "harbour") == [date(2026, 3, DAYS - n) for n in range(DAYS)]


def test_a_day_of_a_merged_block_is_replaced(grown):
    """At once; what was there before is passed over."""
    publish(grown, 1, "The windmill.", updated_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert found(grown, "windmill") == [date(2026, 3, 2)]
    assert date(2026, 3, 2) not in found(grown, "harbour")
    assert len(found(grown, "harbour")) == DAYS - 1


def test_a_block_that_is_half_dead_is_written_again(grown):
    """So that what is passed over stays little."""
    for day in range(4):
        publish(grown, day, "The windmill.", updated_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert words_held(grown, "harbour") <= DAYS - 2
    assert len(found(grown, "harbour")) == DAYS - 4


def test_nothing_of_what_is_deleted_stays_when_it_must_be_erased(grown):
    """Its words could be told from what is left."""
    publish(grown, 1, "The windmill.", updated_at=datetime(2026, 5, 1, tzinfo=UTC))
    assert words_held(grown, "harbour") == DAYS
    grown.index.erase_deleted()
    assert words_held(grown, "harbour") == DAYS - 1
    assert len(found(grown, "harbour")) == DAYS - 1
