"""A disk that is full in the middle of an upgrade: clear errors, nothing lost, and it goes on when
there is room.
"""

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dreaming.buying.executor import DreamingExecutor
from dreaming.home import open_home
from dreaming.measuring.checking import check_verbatim
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import request_scope
from dreaming.testing import make_conversation, make_settings
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import answer_about_topics, talk

DAY = date(2026, 3, 1)

UPGRADE = """
import resource, sys
from datetime import date
from pathlib import Path
from dreaming.testing import make_settings
from dreaming.home import open_home
from tests.test_full_disk import upgrade

home, url, limit = sys.argv[1:]
with open_home(make_settings(Path(home))) as opened:
    # No file may grow beyond so much: writing more fails as on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    result = upgrade(opened, url)
    print(result.failed_days)
"""


def upgrade(home, url, request_id="R", run_id="run"):
    settings = ProviderSettings(api_key="sk-fake", base_url=url, max_concurrency=4)
    providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
    executor = DreamingExecutor(home, providers, run_id=run_id)
    terms = UpgradeTerms(target_quality="good", max_tokens=10**8)
    return executor.upgrade(executor.begin(request_id, terms), [DAY])


@pytest.fixture
def settings(tmp_path):
    """A day of forty conversations, basic."""
    settings = make_settings(tmp_path / "home")
    with open_home(settings) as home:
        at = datetime(2026, 3, 1, 9, tzinfo=UTC)
        home.archive.add(
            make_conversation(talk(n), conversation_id=f"test:{n}", at=at) for n in range(40)
        )
        home.pipeline.run_day(DAY)
    return settings


def on_a_full_disk(settings, vendor, limit):
    command = [sys.executable, "-c", UPGRADE, str(settings.home), vendor.url, str(limit)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def assert_it_goes_on(settings, vendor, *, asked_again):
    """Valid as it is, and finished when there is room; what was charged and not written down is
    asked for again.
    """
    with open_home(settings) as home:
        assert check_verbatim(home.store, "upgraded_chunks", DAY).passed
        home.ledger.give_up_dead()
        result = upgrade(home, vendor.url, run_id="again")
        assert result.stopped is None
        assert check_verbatim(home.store, "upgraded_chunks", DAY).passed
        assert result.quality_counts["basic"] == 0
        assert home.ledger.balance(request_scope("R")).used.tokens >= vendor.books.charged_tokens
    assert len(vendor.books.served) - 40 <= asked_again


@pytest.mark.long
def test_where_the_ledger_cannot_be_written_nothing_more_is_sent(settings):
    """What could not be counted is not spent: only calls that were under way may be lost."""
    with FakeVendor(answer=answer_about_topics, latency_seconds=0.05) as vendor:
        ended = on_a_full_disk(settings, vendor, 400_000)
        assert ended.returncode == 1
        assert "StorageError: The ledger database at" in ended.stderr
        assert 0 < len(vendor.books.served) < 40
        # Four at once, and as many that were answered and not yet written down.
        assert_it_goes_on(settings, vendor, asked_again=8)


def test_a_day_that_cannot_be_written_is_named_and_published_later(settings):
    """What was bought for it is in the ledger, and costs nothing more."""
    with FakeVendor(answer=answer_about_topics) as vendor, open_home(settings) as home:
        in_the_way = Path(home.store.path("upgraded_chunks", DAY)).parent / f".{DAY}.staged"
        in_the_way.mkdir()
        result = upgrade(home, vendor.url)
        assert set(result.failed_days) == {"2026-03-01"}
        assert "cannot be written" in result.failed_days["2026-03-01"]
        assert len(vendor.books.served) == 40
        in_the_way.rmdir()
        again = upgrade(home, vendor.url, run_id="again")
        assert (again.days_published, again.tokens_consumed, len(vendor.books.served)) == (
            ["2026-03-01"],
            0,
            40,
        )
        assert again.quality_counts["basic"] == 0
