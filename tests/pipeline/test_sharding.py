"""A day in shards: the same bytes as in one piece, whatever happens between the cutting and the
joining.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.home import open_home
from dreaming.pipeline.sharding import Shards, cut_shard, join_shards, plan_shards, split
from dreaming.settings import Settings
from dreaming.storage import partitions
from dreaming.storage.partitions import SHARDS
from dreaming.testing import make_conversation, make_settings
from tests.pipeline.test_pipeline import CountingChunker

DAY = date(2026, 3, 1)
THREE = Shards("run", 3)


def talks(count=16, *, said="the harbour"):
    """Conversations of which a row group holds five."""
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    line = "a line of what a tool printed\n"
    printed = ("tool", line * (partitions.ROW_GROUP_CHARACTERS // 5 // len(line)), "tool_result")
    return [
        make_conversation(
            [
                *(
                    f"Part {n}.{k}: what about {said}, {'and the old town ' * 5}? 港の話。"
                    for k in range(20)
                ),
                printed,
            ],
            conversation_id=f"test:{n:03}",
            at=at,
            step=timedelta(seconds=1),
        )
        for n in range(count)
    ]


def hashes(home):
    return [home.store.hash_of(asset, DAY) for asset in ("basic_chunks", "upgraded_chunks")]


def cut(home, shards=THREE, *, numbers=None):
    for number in range(shards.count) if numbers is None else numbers:
        cut_shard(home.pipeline, DAY, shards, number)


def join_and_publish(home, shards=THREE):
    statistics = join_shards(home.pipeline, DAY, shards)
    home.pipeline.publish(DAY)
    return statistics


@pytest.fixture(autouse=True)
def small_row_groups(monkeypatch):
    """They are a tenth of what they are, so that a day of little text has several."""
    monkeypatch.setattr(partitions, "ROW_GROUP_CHARACTERS", partitions.ROW_GROUP_CHARACTERS // 10)


@pytest.fixture
def in_one_piece(tmp_path, clock):
    """The hashes of a day's chunks that were cut in one piece."""
    with open_home(make_settings(tmp_path / "one"), clock=clock) as home:
        home.archive.add(talks())
        home.pipeline.run_day(DAY)
        return hashes(home)


def in_one_piece_here(home):
    """The hashes that the day as it is now has when it is cut anew in one piece."""
    Path(home.store.path("basic_chunks", DAY)).unlink()
    home.pipeline.chunk(DAY)
    home.pipeline.publish(DAY)
    return hashes(home)


@pytest.fixture
def chunker():
    return CountingChunker()


@pytest.fixture
def gathered(tmp_path, clock, chunker):
    """A home whose day is gathered and not yet cut."""
    with open_home(make_settings(tmp_path / "home"), clock=clock, chunker=chunker) as home:
        home.archive.add(talks())
        home.pipeline.gather(DAY)
        yield home


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 70))
def test_shards_follow_one_another_and_are_balanced(sizes, count):
    """Every row group is in one; none is empty; none is larger than its share and one row group."""
    shards = split(sizes, count)
    assert [group for shard in shards for group in shard] == list(range(len(sizes)))
    assert all(shards)
    assert len(shards) <= count
    largest = max(sizes, default=0)
    assert all(
        sum(sizes[group] for group in shard) <= sum(sizes) / count + largest for shard in shards
    )
    assert list(accumulate(map(len, shards)))[-1:] == ([len(sizes)] if sizes else [])


@pytest.mark.parametrize("count", [1, 3, 64])
def test_shards_give_the_bytes_of_one_piece(gathered, in_one_piece, chunker, count):
    """`basic_chunks` and `upgraded_chunks`, to the hash; each conversation is cut once; nothing is
    left behind.
    """
    shards = Shards("run", plan_shards(gathered.pipeline, DAY, count=count))
    assert shards.count == min(count, 4)
    cut(gathered, shards)
    assert gathered.store.days("basic_chunks") == []
    statistics = join_and_publish(gathered, shards)
    assert hashes(gathered) == in_one_piece
    assert sorted(chunker.asked) == [f"test:{n:03}" for n in range(16)]
    assert (statistics.conversations, statistics.conversations_kept) == (16, 0)
    with gathered.store.open_chunks("basic_chunks", DAY) as chunks:
        assert sum(1 for _ in type(statistics)().count(chunks.rows())) == statistics.chunks
    assert not list(Path(gathered.settings.store_url).glob(f"{SHARDS}/*"))


def test_the_statistics_of_shards_are_those_of_one_piece(gathered, tmp_path, clock):
    """All of them, and in the same order."""
    with open_home(make_settings(tmp_path / "one"), clock=clock) as home:
        home.archive.add(talks())
        home.pipeline.gather(DAY)
        expected = home.pipeline.chunk(DAY)
    cut(gathered)
    found = join_shards(gathered.pipeline, DAY, THREE)
    assert found == expected
    assert found.labels.most_common() == expected.labels.most_common()


def test_a_shard_that_is_cut_twice_or_not_at_all_changes_nothing(gathered, in_one_piece, chunker):
    """What is missing is cut when the day is put together."""
    cut(gathered, numbers=[0, 0, 2])
    chunker.asked.clear()
    join_and_publish(gathered)
    assert hashes(gathered) == in_one_piece
    assert 0 < len(chunker.asked) < 16


def test_a_damaged_shard_is_cut_again(gathered, in_one_piece):
    """Torn in its middle, where its end still tells what it holds."""
    cut(gathered)
    [shard] = Path(gathered.settings.store_url).glob(f"{SHARDS}/{DAY}/run/0001.parquet")
    content = bytearray(shard.read_bytes())
    content[100:4000] = bytes(3900)
    shard.write_bytes(content)
    join_and_publish(gathered)
    assert hashes(gathered) == in_one_piece


def test_conversations_that_have_not_changed_keep_their_chunks_in_a_shard(gathered, chunker, clock):
    """As in one piece: with the time at which they were made."""
    cut(gathered)
    join_and_publish(gathered)
    before = hashes(gathered)
    chunker.asked.clear()
    clock.move(timedelta(hours=1))
    cut(gathered)
    assert join_and_publish(gathered).conversations_kept == 16
    assert (hashes(gathered), chunker.asked) == (before, [])


def test_what_changed_between_cutting_and_joining_is_cut_again_and_the_rest_is_not(
    gathered, chunker
):
    """A conversation more and one that reads otherwise: the file
    is that of the day as it is now.
    """
    cut(gathered)
    chunker.asked.clear()
    later = datetime(2026, 3, 2, tzinfo=UTC)
    changed = replace(talks(1, said="the market")[0], updated_at=later)
    [more] = talks(17)[16:]
    gathered.archive.add([changed, more])
    gathered.pipeline.gather(DAY)
    join_and_publish(gathered)
    assert sorted(set(chunker.asked)) == ["test:000", "test:016"]
    assert hashes(gathered) == in_one_piece_here(gathered)


def test_a_day_that_shrank_meanwhile_has_no_work_for_its_last_shards(gathered):
    """And what was cut of the conversations that are gone is not used."""
    for conversation in talks()[1:]:
        gathered.archive.forget(conversation.id)
    gathered.pipeline.gather(DAY)
    cut(gathered)
    join_and_publish(gathered)
    assert hashes(gathered) == in_one_piece_here(gathered)


def test_what_was_forgotten_does_not_wait_in_shards(gathered):
    """A day that is cut in one piece leaves none."""
    cut(gathered)
    gathered.pipeline.run_day(DAY)
    assert not list(Path(gathered.settings.store_url).glob(f"{SHARDS}/*/*"))


def test_an_empty_day_is_one_shard(home):
    """With nothing to cut."""
    home.pipeline.gather(DAY)
    assert plan_shards(home.pipeline, DAY) == plan_shards(home.pipeline, DAY, count=8) == 1
    cut(home, Shards("run", 1))
    assert join_and_publish(home, Shards("run", 1)).chunks == 0


def test_shards_wait_in_any_store(tmp_path, clock, postgres_url, in_one_piece):
    """Not only on disk."""
    environment = {"DREAMING_HOME": str(tmp_path / "home"), "DREAMING_TIMEZONE": "UTC"}
    environment |= {
        "DREAMING_STORE": f"memory://{tmp_path.name}",
        "DREAMING_DATABASE_URL": postgres_url,
    }
    with open_home(Settings.from_environment(environment), clock=clock) as home:
        home.archive.add(talks())
        home.pipeline.gather(DAY)
        cut(home)
        assert home.store.days("raw_conversations") == [DAY]
        join_and_publish(home)
        assert hashes(home) == in_one_piece
