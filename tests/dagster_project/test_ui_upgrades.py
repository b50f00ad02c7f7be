"""Upgrades through the real UI and daemon: a backfill with run config, its retry, a re-execution,
Terminate.
"""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from tests.builders import answer_about_topics, talk
from tests.dagster_project.ui import ask, serving, wait_until

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(6)]
BUDGET = 9_000
ASSETS = [
    {"path": [name]}
    for name in ("raw_conversations", "basic_chunks", "upgraded_chunks", "memory_index")
]
CONFIG = {"target_quality": "good", "budget": {"max_tokens": BUDGET}}

BACKFILL = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RETRY = """mutation($params: ReexecutionParams!) {
  reexecutePartitionBackfill(reexecutionParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = (
    "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { "
    "status } } }"
)
RERUN = """mutation($params: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"
RUN = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
RUNS = (
    "query($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results { runId "
    "status } } } }"
)


def fill(settings):
    """Four conversations on each of six days, basic."""
    with open_home(settings) as home:
        for n, day in enumerate(DAYS):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9)
            home.archive.add(
                [
                    make_conversation(talk(f"{n}-{c}"), conversation_id=f"test:{n}:{c}", at=at)
                    for c in range(4)
                ]
            )
            home.pipeline.run_day(day)


def levels(settings, day):
    with open_home(settings) as home, home.store.open_chunks("upgraded_chunks", day) as chunks:
        return {level for (level,) in chunks.cells("quality_level")}


@pytest.mark.long
def test_a_backfill_its_retry_and_a_reexecution_share_a_budget_and_terminate_publishes(
    tmp_path, monkeypatch
):
    """All of it as a person clicks it: the vendor's books never exceed what the first backfill was
    given.
    """
    with FakeVendor(answer=answer_about_topics) as vendor:
        for name, value in {
            "DREAMING_HOME": str(tmp_path / "home"),
            "DREAMING_TIMEZONE": "UTC",
            "ANTHROPIC_API_KEY": "sk-fake",
            "ANTHROPIC_BASE_URL": vendor.url,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        settings = Settings.from_environment()
        fill(settings)
        with serving(tmp_path / "log") as (port, _):

            def done(backfill_id):
                return (
                    ask(port, STATUS, id=backfill_id)["partitionBackfillOrError"]["status"]
                    == "COMPLETED_SUCCESS"
                )

            def ended(run_id, status):
                return ask(port, RUN, id=run_id)["runOrError"]["status"] == status

            # Days with a gap between them: two runs, one request, one budget.
            params = {
                "assetSelection": ASSETS,
                "partitionNames": [str(day) for day in (*DAYS[:2], DAYS[3])],
                "title": "Upgrade",
                "runConfigData": json.dumps({"ops": {"dreaming": {"config": CONFIG}}}),
            }
            backfill = ask(port, BACKFILL, params=params)["launchPartitionBackfill"]["backfillId"]
            wait_until(lambda: done(backfill), 150)
            spent = vendor.books.charged_tokens
            assert BUDGET * 0.6 < spent <= BUDGET
            tagged = {"tags": [{"key": "dagster/backfill", "value": backfill}]}
            runs = ask(port, RUNS, filter=tagged)["runsOrError"]["results"]
            assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
            # "Retry all", and "Re-execute all" of one of its runs.
            params = {"parentRunId": backfill, "strategy": "ALL_STEPS"}
            again = ask(port, RETRY, params=params)["reexecutePartitionBackfill"]["backfillId"]
            params = {"parentRunId": runs[0]["runId"], "strategy": "ALL_STEPS"}
            rerun = ask(port, RERUN, params=params)["launchRunReexecution"]["run"]["runId"]
            wait_until(lambda: ended(rerun, "SUCCESS"), 90)
            wait_until(lambda: done(again), 150)
            assert vendor.books.charged_tokens <= BUDGET

            vendor.latency_seconds = 5.0
            config = {
                "target_quality": "premium",
                "filter": f"day = {DAYS[5]}",
                "budget": {"max_tokens": 10**6},
            }
            selector = {
                "repositoryName": "__repository__",
                "repositoryLocationName": "dreaming",
                "pipelineName": "upgrade",
            }
            params = {
                "selector": selector,
                "runConfigData": json.dumps({"ops": {"upgrade_chunks": {"config": config}}}),
            }
            run = ask(port, LAUNCH, params=params)["launchRun"]["run"]["runId"]
            wait_until(lambda: vendor.books.in_flight > 0, 60)
            ask(port, TERMINATE, id=run)
            wait_until(lambda: ended(run, "CANCELED"), 60)
        assert "premium" in levels(settings, DAYS[5])
        with open_home(settings) as home:
            told = home.requests.result(run)
            assert told["chunks_upgraded"] > 0
