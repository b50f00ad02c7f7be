"""Clocks that are set, and days that are shorter or longer than others."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dagster_project.building import daily_partitions
from dreaming.buying.executor import DreamingExecutor
from dreaming.home import open_home
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import request_scope
from dreaming.testing import FixedClock, make_conversation, make_settings
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim
from tests.builders import answer_about_topics, talk

DAY = date(2026, 3, 1)
STEPS = [
    timedelta(0),
    timedelta(0),
    timedelta(hours=-1),
    timedelta(hours=1),
    timedelta(days=-2),
    timedelta(days=2),
]
SHORT_AND_LONG_DAYS = [
    ("Europe/Berlin", date(2026, 3, 29), 23.0),
    ("Europe/Berlin", date(2026, 10, 25), 25.0),
    ("America/New_York", date(2026, 3, 8), 23.0),
    ("America/New_York", date(2025, 11, 2), 25.0),
    ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ("Australia/Lord_Howe", date(2025, 10, 5), 23.5),
    # At midnight: the day begins at one.
    ("America/Santiago", date(2025, 9, 7), 23.0),
    ("America/Santiago", date(2026, 4, 4), 25.0),
    ("Africa/Cairo", date(2026, 4, 24), 23.0),
    ("Asia/Tokyo", date(2026, 3, 29), 24.0),
]


@pytest.mark.parametrize(("zone", "day", "hours"), SHORT_AND_LONG_DAYS)
def test_a_day_of_any_length_has_all_that_was_said_in_it_and_nothing_else(
    tmp_path, zone, day, hours
):
    """A message every ten minutes over three days; Dagster's
    partition is the same stretch of time.
    """
    calendar_zone = ZoneInfo(zone)
    first = datetime.combine(
        day - timedelta(days=1), datetime.min.time(), calendar_zone
    ).astimezone(UTC)
    said = [f"Minute {10 * n} of it." for n in range(6 * 73)]
    settings = make_settings(tmp_path, time_zone=zone)
    with open_home(settings, clock=FixedClock()) as home:
        home.archive.add([make_conversation(said, at=first, step=timedelta(minutes=10))])
        found = {}
        for n in (-1, 0, 1):
            of = day + timedelta(days=n)
            home.pipeline.run_day(of)
            with home.store.open_conversations(of) as raw:
                found[n] = [message for row in raw.rows() for message in row.messages]
        window = daily_partitions(home.archive.calendar).time_window_for_partition_key(
            day.isoformat()
        )
    assert len(found[0]) == hours * 6
    assert {message.timestamp.astimezone(calendar_zone).date() for message in found[0]} == {day}
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600
    assert [message.content for n in (-1, 0, 1) for message in found[n]] == said[
        : sum(map(len, found.values()))
    ]


class SteppedClock:
    """A clock that somebody sets while work goes on."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.off = timedelta(0)

    def __call__(self):
        """The time that it shows."""
        if self.chance.random() < 0.02:
            self.off += self.chance.choice(STEPS)
        return datetime.now(UTC) + self.off


@pytest.mark.parametrize("seed", range(10))
def test_a_clock_that_is_set_during_an_upgrade_spends_nothing_over_and_loses_nothing(
    tmp_path, seed
):
    """Forward and back, by hours and days; asked for again, it is finished, and nothing was bought
    twice.
    """
    budget = 40_000
    with (
        FakeVendor(answer=answer_about_topics, latency_seconds=0.01) as vendor,
        open_home(make_settings(tmp_path), clock=SteppedClock(seed)) as home,
    ):
        home.archive.add(
            [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(20)]
        )
        home.pipeline.run_day(DAY)
        provider = ConfiguredProvider(
            "anthropic", ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        )
        for run_id in ("one", "two"):
            work = DreamingExecutor(home, {"anthropic": provider}, run_id=run_id)
            work.upgrade(
                work.begin("R", UpgradeTerms(target_quality="good", max_tokens=budget)), [DAY]
            )
        assert (
            vendor.books.charged_tokens
            <= home.ledger.balance(request_scope("R")).used.tokens
            <= budget
        )
        asked = [one.content for one in vendor.books.served]
        assert len(asked) == len(set(asked))
        with (
            home.store.open_conversations(DAY) as raw,
            home.store.open_chunks("upgraded_chunks", DAY) as chunks,
        ):
            for conversation in raw.rows():
                prove_verbatim(conversation, chunks.of_conversation(conversation.conversation_id))
        bought = {chunk_id for (chunk_id, _) in bought_chunks(home)}
        assert len(bought) > 0


def bought_chunks(home):
    with home.store.open_chunks("upgraded_chunks", DAY) as chunks:
        return [
            (c, level) for c, level in chunks.cells("chunk_id", "quality_level") if level == "good"
        ]
