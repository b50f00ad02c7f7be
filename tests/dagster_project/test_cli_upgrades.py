"""Upgrades as people type them: what the command says, its exit codes, and what is refused with
what to do.
"""

import asyncio
import json
import re
import shlex
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from assets.config import DayConfig
from dagster_project.cli import cli
from dreaming import read_chunks
from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import Fault
from dreaming.upgrading.filtering.parsing import parse_filter
from tests.builders import served_now, talk

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(2)]
BILLING = "labels CONTAINS 'billing' AND quality_level != 'premium'"


@pytest.fixture
def command(tmp_path, monkeypatch, vendor):
    """Calls the command in a home with two days, and a key for a fake vendor."""
    for name, value in {
        "DREAMING_HOME": str(tmp_path / "home"),
        "DAGSTER_HOME": str(tmp_path / "home" / "dagster"),
        "DREAMING_TIMEZONE": "UTC",
        "ANTHROPIC_API_KEY": "sk-fake",
        "ANTHROPIC_BASE_URL": vendor.url,
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    with open_home(Settings.from_environment()) as home:
        for n, day in enumerate(DAYS):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            home.archive.add([make_conversation(talk(n), conversation_id=f"test:{n}", at=at)])
            home.pipeline.run_day(day)

    def call(*arguments, exit_code=0):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == exit_code, (result.output, result.stderr)
        return result

    return call


def upgrade(command, *arguments, **options):
    return json.loads(command("upgrade", "--json", *arguments, **options).stdout)["result"]


def test_a_dry_run_says_what_it_would_take_by_day_and_label_and_spends_nothing(command, vendor):
    """Expected and at worst; the real thing lies between nothing and the worst."""
    told = json.loads(command("upgrade", "--quality", "good", "--dry-run", "--json").stdout)
    assert (told["candidates"], told["chunks"], told["calls"], told["model"]) == (
        6,
        6,
        2,
        served_now("claude-haiku-3-5"),
    )
    assert set(told["by_day"]) == {str(day) for day in DAYS}
    assert sum(day["chunks"] for day in told["by_day"].values()) == 6
    assert "billing" in told["by_label"]
    assert not vendor.books.served
    shown = command("upgrade", "--quality", "good", "--dry-run").stdout
    assert "would upgrade" in shown
    assert "expected" in shown
    result = upgrade(command, "--quality", "good", "--max-tokens", 100_000)
    assert told["expected_tokens"] * 0.5 < result["tokens_consumed"] < told["worst_tokens"]
    limited = json.loads(
        command("upgrade", "--quality", "premium", "--limit", 4, "--dry-run", "--json").stdout
    )
    assert limited["chunks"] == 4


def test_an_upgrade_is_done_or_stopped_by_its_budget_and_gone_on_with(command):
    """0 and 3; the request keeps its budget, a new one goes on."""
    stopped = upgrade(command, "--quality", "good", "--max-tokens", 4_000, exit_code=3)
    assert (stopped["stopped"], stopped["skipped"]) == ("budget", {"left": 3})
    resumed = upgrade(command, "--resume", stopped["request_id"], exit_code=3)
    assert (resumed["tokens_consumed"], resumed["budget"]["limit_tokens"]) == (0, 4_000)
    done = command("upgrade", "--quality", "good", "--max-tokens", 100_000)
    assert "stopped by" in done.stdout
    assert "nothing: the plan is done" in done.stdout
    assert set(read_chunks(filter="quality_level = good")["llm_used"]) == {
        served_now("claude-haiku-3-5")
    }


def test_what_was_spent_on_what_and_what_is_left(command, vendor):
    """`ledger`, `budget` and `status` say the vendor's figures."""
    command("budget", "set", "--max-tokens", 50_000, "--max-cost-usd", 1)
    result = upgrade(command, "--quality", "good")
    spent = vendor.books.charged_tokens
    [record] = json.loads(command("budget", "show", "--json").stdout)
    assert (record["used_tokens"], record["left_tokens"], record["limit_usd"]) == (
        spent,
        50_000 - spent,
        "1",
    )
    told = json.loads(command("ledger", "--json").stdout)
    assert [(each["key"], each["tokens"], each["calls"]) for each in told["spending"]] == [
        (result["request_id"], spent, 2)
    ]
    by_day = json.loads(command("ledger", "--by", "day", "--json").stdout)["spending"]
    assert sum(each["tokens"] for each in by_day) == spent
    assert f"{spent:,} tokens" in command("status").stdout
    assert "month/anthropic/good" in command("status").stdout
    command("budget", "elsewhere", "--tokens", 1_000)
    command("budget", "elsewhere", "--cost-usd", "0.1")
    assert "Give --tokens, --cost-usd or both" in command("budget", "elsewhere", exit_code=2).stderr
    assert (
        "is not an amount" in command("budget", "set", "--max-cost-usd", "inf", exit_code=2).stderr
    )
    [record] = json.loads(command("budget", "show", "--json").stdout)
    assert record["left_tokens"] == 49_000 - spent


def test_a_plan_says_what_would_be_best_and_an_upgrade_follows_it(command, vendor):
    """Without a budget of its own it is today's share of the month's."""
    nothing = command("plan").stdout
    assert "nothing now" in nothing or "planned by" in nothing
    command("budget", "set", "--max-tokens", 2_000_000)
    told = json.loads(command("plan", "--json").stdout)
    assert told["chosen"]["planner"] == "rules"
    assert 2_000_000 // 31 <= told["chosen"]["terms"]["max_tokens"] <= 2_000_000
    shown = command("plan", "--max-tokens", 20_000, "--filter", "labels CONTAINS billing").stdout
    assert "20,000 tokens" in shown
    assert "because" in shown
    assert not vendor.books.served
    done = upgrade(command, "--quality", "good", "--planner", "rules")
    assert done["chunks_upgraded"] > 0
    assert done["budget"]["limit_tokens"] >= 2_000_000 // 31
    assert (
        "There is no column 'quality'"
        in command("plan", "--filter", "quality = 1", exit_code=2).stderr
    )


def test_an_upgrade_that_is_planned_to_save_says_so(command, vendor):
    """And is no failure."""
    command("budget", "set", "--max-tokens", 100)
    assert (
        "Nothing was upgraded."
        in command("upgrade", "--quality", "good", "--planner", "rules").stdout
    )
    assert not vendor.books.served


def test_an_unknown_call_is_listed_and_can_be_resolved(command, vendor):
    """By what the vendor's bill says."""
    vendor.break_next(Fault.of_status(500))
    upgrade(command, "--quality", "good", "--max-tokens", 100_000)
    [call] = json.loads(command("ledger", "--json").stdout)["unknown_calls"]
    assert "dreaming ledger resolve" in command("ledger").stdout
    command("ledger", "resolve", call["call_id"], "not-charged")
    assert json.loads(command("ledger", "--json").stdout)["unknown_calls"] == []
    again = command("ledger", "resolve", call["call_id"], "charged", exit_code=2)
    assert "only one whose cost is unknown can be resolved" in again.stderr


def test_premium_by_filter_and_undo(command):
    """What lies beneath comes back, in the partitions and in search."""
    upgrade(command, "--quality", "good", "--max-tokens", 100_000)
    premium = upgrade(command, "--quality", "premium", "--filter", BILLING, "--max-tokens", 100_000)
    assert premium["quality_counts"]["premium"] == 2
    assert premium["llm_model"] == served_now("claude-sonnet-4-5")
    undone = json.loads(command("undo", premium["request_id"], "--json").stdout)
    assert undone["days"] == [str(day) for day in DAYS]
    assert set(read_chunks()["quality_level"]) == {"good"}
    assert "There is no upgrade request 'nothing'" in command("undo", "nothing", exit_code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--quality", "good", "--filter", "quality = basic"], "There is no column 'quality'"),
        (["--quality", "good", "--filter", "quality_level = basic AND"], "and it ends"),
        (["--quality", "good", "--max-tokens", "0"], "max_tokens = 0 allows nothing"),
        (["--quality", "good", "--max-tokens", "-3"], "max_tokens = -3 allows nothing"),
        (["--quality", "good", "--max-cost-usd", "0"], "max_cost_usd = 0"),
        (["--quality", "good", "--limit", "0"], "limit = 0 allows nothing"),
        (
            ["--quality", "good", "--from", "2026-03-02", "--to", "2026-03-01"],
            "has no day: turn it round",
        ),
        (["--quality", "good"], "Nothing bounds what this upgrade may spend"),
        (
            ["--quality", "good", "--max-tokens", "9", "--model", "claude-9"],
            "is not known to serve a model 'claude-9'",
        ),
        (
            ["--quality", "premium", "--max-tokens", "9", "--model", "claude-haiku-3-5"],
            "and premium ones are asked for",
        ),
        (["--resume", "nothing"], "There is no upgrade request 'nothing'"),
        (["--resume", "nothing", "--max-tokens", "9"], "A request keeps its terms"),
        (["--quality", "good", "--max-cost-usd", "nan"], "'nan' is not an amount"),
        (
            ["--quality", "good", "--max-duration-seconds", "inf"],
            "max_duration_seconds = inf is over 1,000,000,000",
        ),
        (["--quality", "good", "--max-tokens", "9" * 40], "is over 1,000,000,000,000,000"),
    ],
)
def test_what_cannot_be_meant_is_wrong_use_and_makes_no_run(command, vendor, arguments, said):
    """Exit code 2, with what was expected."""
    assert said in command("upgrade", *arguments, exit_code=2).stderr
    assert not vendor.books.served
    assert json.loads(command("ledger", "--json").stdout)["spending"] == []


def test_a_budget_larger_than_the_quota_says_which_of_them_ends_it(command, vendor):
    """The standing budget holds too; it is named."""
    command("budget", "set", "--max-tokens", 3_000)
    stopped = command("upgrade", "--quality", "good", "--max-tokens", 10**6, exit_code=3)
    assert "month/anthropic/good" in stopped.stdout
    assert vendor.books.charged_tokens <= 3_000
    assert "larger than what" in stopped.stderr


def test_days_without_chunks_are_nothing_to_do(command):
    """No error: the plan is empty."""
    result = upgrade(
        command,
        "--quality",
        "good",
        "--max-tokens",
        100,
        "--from",
        "2025-01-01",
        "--to",
        "2025-02-01",
    )
    assert (result["chunks_upgraded"], result["stopped"], result["skipped"]) == (0, None, {})


def test_a_vendor_that_cannot_be_used_is_a_failure_that_says_why(command, monkeypatch, vendor):
    """No key: exit code 1, nothing lost."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    failed = command("upgrade", "--quality", "good", "--max-tokens", 100_000, exit_code=1)
    assert "ANTHROPIC_API_KEY" in failed.stderr
    assert not vendor.books.served
    assert set(read_chunks()["quality_level"]) == {"basic"}


def test_a_ledger_that_is_locked_is_a_clear_error_and_nothing_is_sent(
    command, vendor, monkeypatch, tmp_path
):
    """Another program holds the file: nothing could be counted, so nothing is spent."""
    monkeypatch.setattr("dreaming.storage.database.LOCK_PATIENCE_SECONDS", 0.3)
    with sqlite3.connect(tmp_path / "home" / "ledger.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        failed = command("upgrade", "--quality", "good", "--max-tokens", 100_000, exit_code=1)
        other.execute("ROLLBACK")
    assert "database is locked" in failed.stderr
    assert not vendor.books.served
    assert (
        upgrade(command, "--quality", "good", "--max-tokens", 100_000)["quality_counts"]["good"]
        == 6
    )


def test_a_damaged_day_is_named_and_the_others_are_upgraded(command):
    """The run fails; what could be bought was."""
    with open_home(Settings.from_environment()) as home:
        path = home.store.path("upgraded_chunks", DAYS[0])
    Path(path).write_bytes(Path(path).read_bytes()[:100])
    failed = command("upgrade", "--quality", "good", "--max-tokens", 100_000, exit_code=1)
    assert "is damaged" in failed.stderr
    assert set(read_chunks(DAYS[1])["quality_level"]) == {"good"}


PAGE = (Path(__file__).parent.parent.parent / "docs" / "upgrading.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_page_about_upgrades_shows_what_works(command):
    """Its commands in order, its run config, its filters, and its Python."""
    for line in blocks("console")[0].splitlines():
        command(*shlex.split(line.removeprefix("$ dreaming ")))
    [config] = yaml.safe_load(blocks("yaml")[0])["ops"].values()
    assert DayConfig(**config["config"]).terms().max_duration_seconds == 900
    for line in blocks("text")[0].splitlines():
        assert parse_filter(line) is not None
    code = {}
    exec(blocks("python")[0], code)  # the page's own
    result = asyncio.run(code["improve_billing"]())
    assert (result.llm_model, result.stopped) == (served_now("claude-sonnet-4-5"), None)
    exec(blocks("python")[1], code)
    budgeted = asyncio.run(code["improve"](["test:0"]))
    assert (budgeted.stopped, budgeted.budget["limit_tokens"]) == (None, 50_000)
