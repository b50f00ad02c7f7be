"""The steps of a day: what is written, when, and what stands when something fails."""

import multiprocessing
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from dreaming.chunking.rules import RulesChunker
from dreaming.errors import StorageError, VerbatimError
from dreaming.home import open_home
from dreaming.measuring.checking import check_nothing_lost, check_sizes, check_verbatim
from dreaming.storage import tables
from dreaming.testing import make_conversation, make_day, make_settings
from tests.upgrading.test_overlay import buy

DAY = date(2026, 3, 1)
DAY_START = datetime(2026, 3, 1, tzinfo=UTC)
LONG = [
    "Tell me about the old harbour of the town. " * 6,
    "It was built by fishermen long ago. " * 8,
] * 3


def rows(home, asset="upgraded_chunks", day=DAY):
    with home.store.open_chunks(asset, day) as chunks:
        return list(chunks.rows())


VERSION = RulesChunker().version


class CountingChunker:
    """The rules, counting how often they are asked; of any version."""

    def __init__(self, version=VERSION):
        self.version = version
        self.asked = []

    def may_keep(self, chunks):
        """Those of this version."""
        return all(chunk.segmenter_version == self.version for chunk in chunks)

    def prepare(self, _days):
        """Nothing."""

    def chunk(self, day, *, created_at):
        """Count, and cut."""
        self.asked.append(day.conversation_id)
        chunks = RulesChunker().chunk(day, created_at=created_at)
        return [replace(chunk, segmenter_version=self.version) for chunk in chunks]


class ForgetfulChunker:
    """Loses the last chunk."""

    def may_keep(self, _chunks):
        """None."""
        return False

    def prepare(self, _days):
        """Nothing."""

    def chunk(self, day, *, created_at):
        """Cut, and lose."""
        return RulesChunker().chunk(day, created_at=created_at)[:-1]


def test_a_day_becomes_chunks_that_are_searchable(any_home):
    """All steps, on both dialects, and every check passes."""
    any_home.archive.add([make_conversation(["Where is the lighthouse?", "North of the harbour."])])
    statistics = any_home.pipeline.run_day(DAY)
    assert (statistics.conversations, statistics.chunks) == (1, 1)
    assert [hit.chunk.conversation_id for hit in any_home.memory.search("lighthouse")] == ["test:1"]
    for asset in ("basic_chunks", "upgraded_chunks"):
        assert check_verbatim(any_home.store, asset, DAY).passed
    assert check_sizes(any_home.store, DAY).passed
    assert check_nothing_lost(any_home.store, any_home.index, DAY).passed
    assert any_home.archive.pending_days() == []


def test_an_empty_day_is_a_valid_day(home):
    """It has partitions, without rows."""
    assert home.pipeline.run_day(DAY).chunks == 0
    assert home.store.days("upgraded_chunks") == [DAY]
    assert check_nothing_lost(home.store, home.index, DAY).passed


def test_only_conversations_that_changed_are_chunked_again(tmp_path, clock):
    """And what did not change keeps its time of creation."""
    chunker = CountingChunker()
    with open_home(make_settings(tmp_path), chunker=chunker, clock=clock) as home:
        home.archive.add(
            [make_conversation(LONG), make_conversation(["short"], conversation_id="test:2")]
        )
        home.pipeline.run_day(DAY)
        before = {chunk.chunk_id: chunk for chunk in rows(home)}
        clock.move(timedelta(days=1))
        home.archive.add([make_conversation([*LONG, "One more thing."])])
        home.pipeline.run_day(DAY)
        assert sorted(chunker.asked) == ["test:1", "test:1", "test:2"]
        kept = [chunk for chunk in rows(home) if chunk.chunk_id in before]
        assert "test:2" in {chunk.conversation_id for chunk in kept}
        assert all(chunk.created_at == before[chunk.chunk_id].created_at for chunk in kept)


def test_a_new_segmenter_rechunks_a_day_only_when_the_day_is_asked_for(tmp_path, clock):
    """A late message must not rewrite its whole day; an explicit backfill does."""
    with open_home(make_settings(tmp_path), clock=clock) as home:
        home.archive.add([make_conversation(LONG)])
        home.pipeline.run_day(DAY)
    with open_home(make_settings(tmp_path), clock=clock, chunker=CountingChunker("newer")) as home:
        home.archive.add([make_conversation(["late"], conversation_id="test:2")])
        home.pipeline.run_day(DAY, rechunk="changed")
        assert {c.conversation_id: c.segmenter_version for c in rows(home)} == {
            "test:1": VERSION,
            "test:2": "newer",
        }
        home.pipeline.run_day(DAY)
        assert {c.segmenter_version for c in rows(home)} == {"newer"}


def test_a_rerun_writes_the_same_bytes(home, clock):
    """Whenever it is made."""
    home.archive.add([make_conversation(LONG)])
    home.pipeline.run_day(DAY)
    before = [
        home.store.hash_of(asset, DAY)
        for asset in ("raw_conversations", "basic_chunks", "upgraded_chunks")
    ]
    clock.move(timedelta(days=1))
    home.pipeline.run_day(DAY)
    after = [
        home.store.hash_of(asset, DAY)
        for asset in ("raw_conversations", "basic_chunks", "upgraded_chunks")
    ]
    assert after == before


def test_chunks_that_lose_text_are_never_published(tmp_path, clock):
    """What was published before stays, and is still found."""
    with open_home(make_settings(tmp_path), clock=clock) as home:
        home.archive.add([make_conversation(LONG)])
        home.pipeline.run_day(DAY)
        before = rows(home)
    with open_home(make_settings(tmp_path), chunker=ForgetfulChunker(), clock=clock) as home:
        home.pipeline.gather(DAY)
        with pytest.raises(VerbatimError, match="do not tile its messages"):
            home.pipeline.chunk(DAY)
        assert rows(home) == before
        assert rows(home, "basic_chunks") == before
        assert home.memory.search("fishermen")


def test_publishing_chunks_first_what_another_run_gathered_since(home):
    """So a run that was overtaken ends in the newer state, not in an error."""
    home.archive.add([make_conversation(["old"])])
    home.pipeline.gather(DAY)
    home.pipeline.chunk(DAY)
    home.archive.add([make_conversation(["old", "new"])])
    home.pipeline.gather(DAY)
    home.pipeline.publish(DAY)
    assert [chunk.content for chunk in rows(home)] == ["old\n\nnew"]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_chunk_partition_is_made_anew(home, damage):
    """Nobody has to delete a file."""
    home.archive.add([make_conversation(LONG)])
    home.pipeline.run_day(DAY)
    before = rows(home)
    for asset in ("basic_chunks", "upgraded_chunks"):
        path = home.settings.home / "partitions" / asset / f"{DAY}.parquet"
        data = path.read_bytes()
        path.write_bytes(data[:-20] if damage == "cut" else data[:4] + bytes(200) + data[204:])
    home.pipeline.run_day(DAY)
    assert [chunk.chunk_id for chunk in rows(home)] == [chunk.chunk_id for chunk in before]
    assert home.memory.search("fishermen")


def test_chunks_of_a_day_that_was_never_gathered_are_refused(home):
    """An empty day would be published over a good one."""
    home.archive.add([make_conversation(LONG)])
    home.pipeline.run_day(DAY)
    (home.settings.home / "partitions" / "raw_conversations" / f"{DAY}.parquet").unlink()
    for step in (home.pipeline.chunk, home.pipeline.publish):
        with pytest.raises(StorageError, match="no raw_conversations of 2026-03-01"):
            step(DAY)
    assert rows(home)


@pytest.mark.parametrize("lost", ["memory.sqlite", "partitions"])
def test_a_lost_index_or_lost_partitions_wait_for_the_next_run(tmp_path, clock, lost):
    """Law 3: both are projections, and a rerun gives the same again."""
    with open_home(make_settings(tmp_path), clock=clock) as home:
        home.archive.add([make_conversation(LONG)])
        home.pipeline.run_day(DAY)
        before = rows(home)
        assert home.pipeline.waiting_days() == []
    for path in tmp_path.glob(f"{lost}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with open_home(make_settings(tmp_path), clock=clock) as home:
        assert home.pipeline.waiting_days() == [DAY]
        home.pipeline.run_day(DAY)
        assert rows(home) == before
        assert home.memory.search("fishermen")


def test_an_index_that_is_no_database_is_set_aside(tmp_path, clock):
    """It can always be rebuilt; the archive and the ledger cannot, and stop everything."""
    with open_home(make_settings(tmp_path), clock=clock) as home:
        home.archive.add([make_conversation(LONG)])
        home.pipeline.run_day(DAY)
    (tmp_path / "memory.sqlite").write_bytes(b"not a database" * 1000)
    with open_home(make_settings(tmp_path), clock=clock) as home:
        assert home.pipeline.waiting_days() == [DAY]
        home.pipeline.run_day(DAY)
        assert home.memory.search("fishermen")
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 1000)
    with (
        pytest.raises(StorageError, match="not a database"),
        open_home(make_settings(tmp_path), clock=clock),
    ):
        pass


def test_days_that_cannot_be_run_do_not_wait(home):
    """A message of tomorrow, or of before the start day after that was moved."""
    home.archive.add([make_conversation(["soon"], at=datetime(2026, 11, 24, 9, tzinfo=UTC))])
    assert home.archive.pending_days() == [date(2026, 11, 24)]
    assert home.pipeline.waiting_days() == []


def test_what_was_paid_for_survives_the_loss_of_every_partition_and_the_index(home):
    """Law 3 and law 4: partitions are a projection of the ledger."""
    talk = make_conversation(LONG)
    home.archive.add([talk])
    paid = buy(make_day(talk), 0, len(LONG[0]))
    _store(home, paid)
    home.pipeline.run_day(DAY)
    before = rows(home)
    assert [chunk.quality_level for chunk in before].count("good") == 1
    for asset in ("raw_conversations", "basic_chunks", "upgraded_chunks"):
        (home.settings.home / "partitions" / asset / f"{DAY}.parquet").unlink()
    home.pipeline.run_day(DAY)
    assert [replace(c, created_at=before[0].created_at) for c in rows(home)] == [
        replace(c, created_at=before[0].created_at) for c in before
    ]


def test_an_undone_request_is_no_longer_shown(home):
    """The basic chunks beneath come back."""
    talk = make_conversation(LONG)
    home.archive.add([talk])
    _store(home, buy(make_day(talk), 0, len(LONG[0])))
    with home.ledger.database.write() as connection:
        connection.execute(
            tables.undone.insert().values(request_id="request:0", undone_at=datetime.now(UTC))
        )
    home.pipeline.run_day(DAY)
    assert {chunk.quality_level for chunk in rows(home)} == {"basic"}


def _store(home, paid):
    with home.ledger.database.write() as connection:
        connection.execute(
            tables.paid_chunks.insert().values(
                **{
                    name: getattr(paid, name)
                    for name in vars(type(paid))["__slots__"]
                    if name in tables.paid_chunks.c
                }
                | {
                    "slices": [[s.message_id, s.start, s.end, s.text_hash] for s in paid.slices],
                    "topics": [],
                    "labels": list(paid.labels),
                    "entities": [],
                    "cost_picodollars": int(paid.cost_usd.scaleb(12)),
                }
            )
        )


def _run_days(home_path, days):
    with open_home(make_settings(home_path)) as home:
        for day in days:
            home.pipeline.run_day(day)


@pytest.mark.long
def test_two_writers_of_one_day_leave_the_bytes_of_one(tmp_path):
    """Four processes on the same days at once, on SQLite: no error, and nothing differs but the
    time of creation.
    """
    days = [DAY + timedelta(days=n) for n in range(3)]
    for place in ("one", "many"):
        with open_home(make_settings(tmp_path / place)) as home:
            for n, day in enumerate(days):
                at = datetime.combine(day, datetime.min.time(), UTC)
                home.archive.add(
                    [
                        make_conversation(LONG, conversation_id=f"test:{n}:{k}", at=at)
                        for k in range(5)
                    ]
                )
    _run_days(tmp_path / "one", days)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_run_days, args=(tmp_path / "many", days)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * 4
    with (
        open_home(make_settings(tmp_path / "one")) as one,
        open_home(make_settings(tmp_path / "many")) as many,
    ):
        for day in days:
            # Which process came last is in the time alone.
            expected, found = (
                [replace(chunk, created_at=DAY_START) for chunk in rows(home, day=day)]
                for home in (one, many)
            )
            assert found == expected
            assert check_nothing_lost(many.store, many.index, day).passed


def test_forgetting_leaves_no_trace_of_the_text(home):
    """Not in partitions, not in the files of the databases; what others said stays."""
    secret = "the zanzibar password is swordfish"
    home.archive.add(
        [make_conversation([secret]), make_conversation(["harmless"], conversation_id="test:2")]
    )
    home.pipeline.run_day(DAY)
    home.memory.search("zanzibar")
    for day in home.forget("test:1"):
        home.pipeline.run_day(day, rechunk="changed")
    home.erase_deleted()
    assert [chunk.conversation_id for chunk in rows(home)] == ["test:2"]
    for path in home.settings.home.rglob("*"):
        if path.is_file():
            assert b"zanzibar" not in path.read_bytes(), path
    with home.ledger.database.read() as connection:
        assert connection.execute(sa.select(tables.queries)).all() == []
