"""From the embedded home to PostgreSQL and S3: nothing is lost, and it may be asked for again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from dreaming.buying.executor import DreamingExecutor
from dreaming.errors import StorageError, UsageError
from dreaming.home import open_home
from dreaming.moving import move_home
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit
from dreaming.storage import tables
from dreaming.storage.partitions import ASSETS
from dreaming.testing import FixedClock, make_conversation, make_settings
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(3)]
FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def embedded(tmp_path):
    """The settings of a home on SQLite with three days, of which one was upgraded and searched."""
    settings = make_settings(tmp_path / "home")
    with (
        open_home(settings, clock=FixedClock()) as home,
        FakeVendor(answer=answer_about_topics) as vendor,
    ):
        for n, _ in enumerate(DAYS):
            at = FIRST + timedelta(days=n)
            home.archive.add([make_conversation(talk(n), conversation_id=f"test:{n}", at=at)])
        for day in DAYS:
            home.pipeline.run_day(day)
        provider = ConfiguredProvider(
            "anthropic", ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        )
        work = DreamingExecutor(home, {"anthropic": provider}, run_id="run")
        work.upgrade(
            work.begin("R", UpgradeTerms(target_quality="good", max_tokens=500_000)), DAYS[:1]
        )
        home.memory.search("invoice")
    return settings


@pytest.fixture
def moved_to(embedded, postgres_url, s3_url):
    """Where it is to be moved."""
    return replace(embedded, database_url=postgres_url, store_url=s3_url)


def open_unremembering(settings):
    """Open a home in which a search leaves no trace."""
    return open_home(replace(settings, remember_queries=False), clock=FixedClock())


def held(home):
    """Everything that must be the same at both places."""
    rows = {}
    for database, metadata in (
        (home.archive.database, tables.archive),
        (home.ledger.database, tables.ledger),
    ):
        with database.read() as connection:
            for table in metadata.sorted_tables:
                found = {tuple(map(repr, row)) for row in connection.execute(sa.select(table))}
                rows[table.name] = {
                    row for row in found if not row[0].startswith(("'moved_", "'home_id"))
                }
    files = {
        (asset, day): home.store.hash_of(asset, day)
        for asset in ASSETS
        for day in home.store.days(asset)
    }
    hits = [
        (hit.chunk.chunk_id, hit.score, hit.text)
        for hit in home.memory.search("broken roof in March")
    ]
    return rows, files, hits, home.index.days()


def test_everything_is_at_the_new_place_and_the_old_one_says_where_it_went(embedded, moved_to):
    """Rows, files, hits and scores are the same; asked for again, nothing is done; new rows have
    new numbers.
    """
    with open_unremembering(embedded) as home:
        before = held(home)
    moved = move_home(moved_to)
    assert (moved.files, moved.days) == (9, 3)
    assert moved.rows >= 36 + 3 + 3
    assert move_home(moved_to).rows == 0
    with open_unremembering(moved_to) as home:
        assert held(home) == before
        home.memory.search("roof once more")
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=1000))
        home.archive.add([make_conversation(talk(9), conversation_id="test:9", at=FIRST)])
        assert home.pipeline.run_day(DAYS[0]).chunks > 0
    with (
        pytest.raises(StorageError, match=r"was moved to postgresql://.*DREAMING_DATABASE_URL"),
        open_home(embedded),
    ):
        pass


def test_a_move_that_is_interrupted_goes_on(embedded, moved_to):
    """Meanwhile the old home is the one that is used, and the new place is not."""

    def die(_day):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_home(moved_to, on_day=die)
    with pytest.raises(StorageError, match="not all of it has come"), open_home(moved_to):
        pass
    with open_unremembering(embedded) as home:
        home.archive.add([make_conversation(talk(5), conversation_id="test:5", at=FIRST)])
        home.pipeline.run_day(DAYS[0])
        before = held(home)
    move_home(moved_to)
    with open_unremembering(moved_to) as home:
        assert held(home) == before


def test_nothing_of_somebody_elses_is_overwritten(embedded, moved_to, tmp_path):
    """Not a home that was never moved there, nor another that was."""
    other = replace(moved_to, home=tmp_path / "other")
    with open_home(other) as home:
        home.archive.add([make_conversation(["Mine."], conversation_id="test:mine")])
    with pytest.raises(UsageError, match="holds 1 conversations that are not from this home"):
        move_home(moved_to)
    with open_home(embedded) as home:
        assert home.archive.days_of("test:0")


def test_what_cannot_be_moved_is_said(embedded, tmp_path, postgres_url):
    """No database named, and no home there."""
    with pytest.raises(UsageError, match="DREAMING_DATABASE_URL is not set"):
        move_home(embedded)
    with pytest.raises(UsageError, match="no embedded home"):
        move_home(make_settings(tmp_path / "empty", database_url=postgres_url))
