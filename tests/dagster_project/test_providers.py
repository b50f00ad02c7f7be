"""The local LLM as the engine of a run, and the providers as resources: what runs say, and what
they never say.
"""

import asyncio
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import date

import dagster as dg
import pytest

from dagster_project.building import provider_resources
from dreaming.home import open_home
from dreaming.providers.configured import configured_providers
from dreaming.providers.metered import UNMETERED
from dreaming.providers.registry import ConfiguredProvider
from dreaming.providers.result import GivenUp
from dreaming.settings import Settings
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from tests.prompting.builders import excerpt

KEYS = {
    "ANTHROPIC_API_KEY": "sk-ant-grep-me-0123456789",
    "OPENAI_API_KEY": "sk-proj-grep-me-9876543210",
}
DAY = date(2026, 3, 1)


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """A home with some days, and keys in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DREAMING_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DREAMING_TIMEZONE", "UTC")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    settings = Settings.from_environment()
    with open_home(settings) as home:
        talk = [f"Message number {n} about the plans for the week." for n in range(12)]
        home.archive.add(
            [
                make_conversation([*talk, f"The end of {n}."], conversation_id=f"test:{n}")
                for n in range(8)
            ]
        )
    return settings


def test_the_configured_providers_come_in_the_order_of_preference(settings):
    """Dagster gives resources in any."""
    assert list(configured_providers(settings)) == ["anthropic", "openai", "local"]


def dreaming(*arguments, **environment):
    """Run the command to its end."""
    command = [sys.executable, "-m", "dagster_project", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def everything_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_no_key(folder, *texts):
    found = everything_in(folder)
    assert len(found) > 3
    for key in KEYS.values():
        assert [path for path, content in found.items() if key.encode() in content] == []
        assert not any(key in text for text in texts)


@pytest.mark.long
def test_the_command_runs_the_local_llm_and_says_what_it_did(settings):
    """Model, calls and tokens; and with another engine what it made stays."""
    with FakeVendor(own_server=True) as vendor:
        result = dreaming(
            "run", "--engine", "local", "--json", DREAMING_LOCAL_URL=vendor.url + "/v1"
        )
        assert result.returncode == 0, result.stderr
        told = json.loads(result.stdout)
        assert told["models"] == {"fake-model": 8}
        report = told["model_report"]
        assert (report["conversations_cut"], report["calls"], report["fell_back"]) == (8, 8, {})
        assert report["input_tokens"] + report["output_tokens"] == vendor.books.charged_tokens
        shown = dreaming(
            "run",
            "--engine",
            "local",
            "--day",
            DAY.isoformat(),
            DREAMING_LOCAL_URL=vendor.url + "/v1",
        )
        assert "local LLM: 0 conversations in 0 calls" in shown.stdout
    assert_no_key(settings.home, result.stdout, result.stderr, shown.stdout, shown.stderr)


@pytest.mark.long
def test_without_a_local_llm_the_command_still_gives_searchable_chunks(settings):
    """And says why and what to do."""
    result = dreaming("run", "--engine", "local", DREAMING_LOCAL_URL="http://127.0.0.1:9/v1")
    assert result.returncode == 0, result.stderr
    assert "by the rules instead: unreachable 8" in result.stdout
    assert "Start Ollama" in " ".join(result.stdout.split())
    assert dreaming("search", "plans", "--json").stdout.count('"chunk_id"') >= 8
    assert settings.home.exists()


@pytest.mark.long
def test_an_interrupted_run_asks_for_no_reply_twice(settings):
    """What was answered when Ctrl-C came is in the record; the next run goes on from there."""
    with FakeVendor(own_server=True, latency_seconds=0.4) as vendor:
        environment = os.environ | {"DREAMING_LOCAL_URL": vendor.url + "/v1"}
        command = [sys.executable, "-m", "dagster_project", "run", "--engine", "local"]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while len(vendor.books.served) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
        with sqlite3.connect(settings.home / "ledger.sqlite") as connection:
            [(answered,)] = connection.execute(
                "SELECT COUNT(*) FROM calls WHERE reply IS NOT NULL"
            ).fetchall()
        assert answered < 8
        served = len(vendor.books.served)
        vendor.latency_seconds = 0
        result = dreaming(
            "run", "--engine", "local", "--json", DREAMING_LOCAL_URL=vendor.url + "/v1"
        )
        assert json.loads(result.stdout)["model_report"]["stored_calls"] == answered
        assert len(vendor.books.served) == served + 8 - answered


@pytest.mark.parametrize("provider", ["anthropic", "openai"])
def test_no_key_is_in_anything_that_a_run_leaves(settings, monkeypatch, provider, capfd):
    """Logs at their most talkative, run config, event log, databases; also where the vendor repeats
    the key.
    """
    with FakeVendor(keys={"sk-another"}) as vendor:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", vendor.url)
        monkeypatch.setenv("OPENAI_BASE_URL", vendor.url + "/v1")

        @dg.op
        def asks(context: dg.OpExecutionContext, llm: dg.ResourceParam[ConfiguredProvider]) -> None:
            opened = llm.open(UNMETERED, today=date(2026, 11, 23))

            async def ask():
                async with opened:
                    return await opened.chunk_conversation(excerpt("one", "two"))

            result = asyncio.run(ask())
            assert isinstance(result, GivenUp)
            context.log.info(f"{result!r} {llm!r} {vars(opened)!r} {vars(opened.inner)!r}")
            context.log_event(
                dg.AssetMaterialization("asked", metadata={"failure": result.failure.message})
            )
            raise dg.Failure(result.failure.message)

        @dg.job
        def ask() -> None:
            asks()

        logging.getLogger("dagster").setLevel(logging.DEBUG)
        resource = provider_resources(settings)[provider]
        folder = settings.home / "dagster"
        folder.mkdir()
        with dg.instance_for_test(temp_dir=str(folder)) as instance:
            definitions = dg.Definitions(jobs=[ask], resources={"llm": resource})
            result = definitions.resolve_job_def("ask").execute_in_process(
                instance=instance, raise_on_error=False
            )
            assert not result.success
        assert len(vendor.books.served) == 1
    printed = capfd.readouterr()
    assert_no_key(folder, printed.out, printed.err)
    assert "was not accepted" in printed.err
