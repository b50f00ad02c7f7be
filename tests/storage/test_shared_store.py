"""Partitions on S3: the same files, and errors that say what could not be reached."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from dreaming.errors import StorageError
from dreaming.home import open_home
from dreaming.storage.partitions import ASSETS, PartitionStore
from dreaming.testing import FixedClock, make_conversation, make_settings

DAY = date(2026, 3, 1)
NEXT = date(2026, 3, 2)


@pytest.fixture
def shared(tmp_path, postgres_url, s3_url):
    """Settings of a home whose partitions are on S3."""
    return replace(make_settings(tmp_path / "shared", database_url=postgres_url), store_url=s3_url)


def fill(home):
    talks = [
        make_conversation(
            [f"Where is the harbour of day {n}?", "At the sea."],
            conversation_id=f"test:{n}",
            at=datetime(2026, 3, n, 9, tzinfo=UTC),
        )
        for n in (1, 2)
    ]
    home.archive.add(talks)


def test_the_files_are_those_of_a_local_store(shared, tmp_path):
    """Byte for byte, of every asset; nothing is left in the staging folder, nor between the
    partitions.
    """
    found = []
    for settings in (make_settings(tmp_path / "local"), shared):
        with open_home(settings, clock=FixedClock()) as home:
            fill(home)
            for day in (DAY, NEXT, DAY):
                home.pipeline.run_day(day)
            found.append(
                {(a, d): home.store.hash_of(a, d) for a in ASSETS for d in home.store.days(a)}
            )
            assert len(home.memory.search("harbour")) == 2
    assert found[0] == found[1]
    assert len(found[0]) == 6
    assert not list((shared.home / "staged").iterdir())


def test_what_another_machine_wrote_is_seen_at_once(s3_url, tmp_path):
    """Although this one has listed the folder before."""
    here, there = (PartitionStore(s3_url, staging=tmp_path / name) for name in ("here", "there"))
    assert here.days("raw_conversations") == []
    there.write_conversations(DAY, [], notes={})
    assert here.days("raw_conversations") == [DAY]
    assert here.hash_of("raw_conversations", DAY) == there.hash_of("raw_conversations", DAY)


def test_a_store_that_is_not_there_is_a_clear_error(s3_url, tmp_path, monkeypatch):
    """Not damage, and nothing of a half-read file stays on this machine."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    # It is patient by itself, for half a minute.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    store = PartitionStore(s3_url, staging=tmp_path / "staged")
    with pytest.raises(StorageError, match=r"partitions/raw_conversations.* cannot be reached"):
        store.days("raw_conversations")
    with pytest.raises(StorageError, match="cannot be reached"), store.open_conversations(DAY):
        pass
    with pytest.raises(StorageError, match="cannot be reached"):
        store.write_conversations(DAY, [], notes={})
    assert not list((tmp_path / "staged").iterdir())
    s3fs.S3FileSystem.clear_instance_cache()
