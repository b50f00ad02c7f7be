"""Upgrades that are killed, terminated or interrupted: what was
bought is kept, and paid for once.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from dagster_project.instance import open_instance
from dreaming.home import open_home
from dreaming.measuring.checking import check_nothing_lost, check_verbatim
from dreaming.settings import Settings
from dreaming.spending.budgets import request_scope
from dreaming.testing import make_conversation, make_settings
from dreaming.testing.fake_vendor import FakeVendor
from tests.builders import answer_about_topics, talk

KILLS = int(os.environ.get("DREAMING_TEST_KILLS", "2"))
DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(4)]
CONVERSATIONS_A_DAY = max(90, 40 * KILLS)
ALL = len(DAYS) * CONVERSATIONS_A_DAY
AT_ONCE = 64

UPGRADE = """
import sys
from dagster_project.building import build_definitions
from dagster_project.instance import open_instance
from dagster_project.owners import signed_for
from dreaming.home import open_home
from dreaming.settings import Settings
from resources import AnthropicResource
from uuid import uuid4

url, at_once, budget, request = sys.argv[1:]
settings = Settings.from_environment()
anthropic = AnthropicResource(api_key="sk-fake", base_url=url, max_concurrency=int(at_once))
with open_home(settings) as home, open_instance(settings) as instance:
    providers = {"anthropic": anthropic}
    job = build_definitions(settings, home=home, providers=providers).resolve_job_def("upgrade")
    run_id = str(uuid4())
    config = {"target_quality": "good", "budget": {"max_tokens": int(budget)}}
    with signed_for(run_id, instance, home.ledger.database):
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            run_config={"ops": {"upgrade_chunks": {"config": config}}},
            tags={"dreaming/request": request},
            raise_on_error=False,
        )
print(run_id)
"""


@pytest.fixture(scope="module")
def basic_home(tmp_path_factory) -> Path:
    """Four days of conversations, basic; to be copied."""
    folder = tmp_path_factory.mktemp("basic") / "home"
    with open_home(make_settings(folder)) as home:
        for n, day in enumerate(DAYS):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            talks = [talk(f"{n}-{c}") for c in range(CONVERSATIONS_A_DAY)]
            home.archive.add(
                make_conversation(said, conversation_id=f"test:{n}:{c}", at=at)
                for c, said in enumerate(talks)
            )
            home.pipeline.run_day(day)
    return folder


@pytest.fixture
def settings(tmp_path, monkeypatch, basic_home) -> Settings:
    """A copy of that home, for this process and its children."""
    shutil.copytree(basic_home, tmp_path / "home")
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return Settings.from_environment()


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer_about_topics, latency_seconds=0.3) as running:
        yield running


def start(vendor, *, budget=10**9, request="R"):
    """An upgrade of all days, 64 calls at once."""
    command = [sys.executable, "-c", UPGRADE, vendor.url, str(AT_ONCE), str(budget), request]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors[-3000:]
    return output.strip()


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def assert_valid(settings):
    """Every day is whole, proved and searchable."""
    with open_home(settings) as home:
        for day in DAYS:
            assert check_verbatim(home.store, "upgraded_chunks", day).passed
            assert check_nothing_lost(home.store, home.index, day).passed


def levels(settings):
    found = Counter()
    with open_home(settings) as home:
        for day in DAYS:
            with home.store.open_chunks("upgraded_chunks", day) as chunks:
                found.update(level for (level,) in chunks.cells("quality_level"))
    return found


@pytest.mark.long
def test_an_upgrade_that_is_killed_keeps_its_budget_and_pays_again_for_no_more_than_was_under_way(
    settings, vendor
):
    """kill -9 at random moments, again and again; then the request is finished."""
    chance = random.Random(7)
    for _ in range(KILLS):
        process = start(vendor)
        wait_for(lambda: vendor.books.in_flight > 20)
        time.sleep(chance.random() * 0.6)
        assert process.poll() is None
        process.kill()
        process.communicate()
        assert_valid(settings)
    finish(start(vendor))
    assert_valid(settings)
    assert levels(settings).keys() == {"good"}
    asked = Counter(one.content for one in vendor.books.served)
    assert len(asked) == ALL
    with open_home(settings) as home:
        lost = [call for call in home.ledger.unknown_calls() if call["failure"] == "lost"]
        assert len(vendor.books.served) - ALL <= len(lost)
        assert home.ledger.balance(request_scope("R")).used.tokens >= vendor.books.charged_tokens
    # In flight is what is sent and not settled; what had its place in a budget already counts with
    # it.
    assert len(lost) <= 2 * AT_ONCE * KILLS


@pytest.mark.long
def test_a_budget_holds_through_kills(settings, vendor):
    """What may have been charged stays counted: the vendor's books are never above the budget."""
    budget = 100_000
    for _ in range(2):
        process = start(vendor, budget=budget)
        wait_for(lambda process=process: vendor.books.in_flight > 20 or process.poll() is not None)
        time.sleep(0.2)
        process.kill()
        process.communicate()
    finish(start(vendor, budget=budget))
    assert 0 < vendor.books.charged_tokens <= budget
    assert_valid(settings)


@pytest.mark.long
def test_what_a_killed_run_had_bought_is_published_by_the_next_run_without_being_asked(
    settings, vendor
):
    """`dreaming run` finds the days, also when nobody resumes the upgrade."""
    process = start(vendor)
    with open_home(settings) as home:
        wait_for(home.purchases.unpublished_days)
    process.kill()
    process.communicate()
    later = lambda: datetime.now(UTC) + timedelta(minutes=11)  # noqa: E731
    with open_home(settings, clock=later) as home:
        waiting = home.pipeline.waiting_days()
        assert waiting
        for day in waiting:
            home.pipeline.run_day(day)
        assert home.pipeline.waiting_days() == []
    assert levels(settings)["good"] > 0
    assert_valid(settings)


@pytest.mark.long
@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_upgrade_ends_canceled_with_what_was_bought_published(
    settings, vendor, wanted
):
    """Calls under way are waited for: nothing that was paid for is lost."""
    process = start(vendor)
    wait_for(lambda: len(vendor.books.served) > 70)
    process.send_signal(wanted)
    process.communicate(timeout=60)
    assert runs(settings) == [DagsterRunStatus.CANCELED]
    assert_canceled_well(settings, vendor)


@pytest.mark.long
def test_the_uis_terminate_ends_an_upgrade_canceled_with_what_was_bought_published(
    settings, vendor
):
    """It sets the run canceling; the process learns of it from its heartbeat."""
    vendor.latency_seconds = 1.0
    process = start(vendor)
    wait_for(lambda: vendor.books.in_flight > 20)
    with open_instance(settings) as instance:
        [run] = instance.get_runs()
        instance.report_run_canceling(run)
    process.communicate(timeout=60)
    assert runs(settings) == [DagsterRunStatus.CANCELED]
    assert_canceled_well(settings, vendor)


def runs(settings):
    with open_instance(settings) as instance:
        return [run.status for run in instance.get_runs()]


def assert_canceled_well(settings, vendor):
    assert_valid(settings)
    charged = vendor.books.charged_tokens
    with open_home(settings) as home:
        assert home.ledger.balance(request_scope("R")).used.tokens == charged
        rows = []
        for day in DAYS:
            with home.store.open_chunks("upgraded_chunks", day) as chunks:
                rows += [(c.quality_level, c.tokens_used) for c in chunks.rows()]
        # All that was charged is in the rows: nothing that was paid for is without its chunks.
        assert sum(tokens for _, tokens in rows) == charged
    with open_instance(settings) as instance:
        [run] = instance.get_runs()
        logged = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        ).records
        assert logged
    with open_home(settings) as home:
        told = home.requests.result(run.run_id)
    assert json.loads(json.dumps(told))["tokens_consumed"] == charged
