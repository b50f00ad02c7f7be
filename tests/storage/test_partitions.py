"""Parquet files that are whole or not there."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreaming.chunking.rules import RulesChunker
from dreaming.errors import StorageError
from dreaming.storage.columns import chunk_batch, chunk_rows, raw_batch, raw_rows
from dreaming.storage.partitions import PartitionStore
from dreaming.testing import make_conversation, make_day

DAY = date(2026, 3, 1)
NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def some_days(count=3):
    return [
        make_day(make_conversation([f"hello {n}", "hi"], conversation_id=f"test:{n}"))
        for n in range(count)
    ]


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(deadline=None)
def test_records_come_back_from_columns_as_they_went_in(texts):
    """Any text, both schemas."""
    day = make_day(make_conversation(texts))
    chunks = RulesChunker().chunk(day, created_at=NOW)
    assert raw_rows(raw_batch([day])) == [day]
    assert chunk_rows(chunk_batch(chunks)) == chunks


def test_a_partition_gives_its_rows_and_those_of_a_conversation(tmp_path):
    """In the order they were written, with what their writer noted."""
    store, days = PartitionStore(str(tmp_path), staging=tmp_path), some_days()
    store.write_conversations(DAY, days, notes={"revision": "7"})
    with store.open_conversations(DAY) as partition:
        assert list(partition.rows()) == days
        assert partition.of_conversation("test:1") == [days[1]]
        assert partition.of_conversation("test:9") == []
        assert partition.notes == {"revision": "7"}
        assert partition.row_count == 3


def test_big_days_are_written_in_row_groups(tmp_path, monkeypatch):
    """So that memory stays flat; a conversation is found across groups."""
    monkeypatch.setattr("dreaming.storage.partitions.ROW_GROUP_CHARACTERS", 10)
    store, days = PartitionStore(str(tmp_path), staging=tmp_path), some_days(7)
    store.write_conversations(DAY, days, notes={})
    with store.open_conversations(DAY) as partition:
        assert list(partition.rows()) == days
        assert [partition.of_conversation(f"test:{n}") for n in range(7)] == [[day] for day in days]


def test_a_day_without_a_partition_is_empty(tmp_path):
    """Reading it is no error."""
    with PartitionStore(str(tmp_path), staging=tmp_path).open_chunks(
        "basic_chunks", DAY
    ) as partition:
        assert list(partition.rows()) == []
        assert partition.notes == {}


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    """And no rest of itself."""
    store, days = PartitionStore(str(tmp_path), staging=tmp_path), some_days()
    before = store.write_conversations(DAY, days, notes={})

    def broken():
        yield days[0]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        store.write_conversations(DAY, broken(), notes={})
    assert store.hash_of("raw_conversations", DAY) == before
    assert [path.name for path in (tmp_path / "raw_conversations").iterdir()] == [
        "2026-03-01.parquet"
    ]
    assert store.days("raw_conversations") == [DAY]


def test_a_damaged_partition_is_named(tmp_path):
    """With what to do about it."""
    store = PartitionStore(str(tmp_path), staging=tmp_path)
    store.write_conversations(DAY, some_days(), notes={})
    path = tmp_path / "raw_conversations" / "2026-03-01.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with (
        pytest.raises(StorageError, match=r"2026-03-01.parquet is damaged"),
        store.open_conversations(DAY),
    ):
        pass


def test_the_same_rows_give_the_same_bytes(tmp_path):
    """Whoever writes them."""
    one = PartitionStore(str(tmp_path / "a"), staging=tmp_path).write_conversations(
        DAY, some_days(), notes={}
    )
    two = PartitionStore(str(tmp_path / "b"), staging=tmp_path).write_conversations(
        DAY, some_days(), notes={}
    )
    assert one == two


def test_partitions_live_on_any_fsspec_file_system(tmp_path):
    """Here in memory, elsewhere in an object store."""
    store, days = PartitionStore("memory://dreams", staging=tmp_path), some_days()
    store.write_conversations(DAY, days, notes={"revision": "1"})
    with store.open_conversations(DAY) as partition:
        assert list(partition.rows()) == days
    assert store.days("raw_conversations") == [DAY]
    assert store.hash_of("raw_conversations", DAY)
