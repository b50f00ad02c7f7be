"""Upgrades as Dagster runs: the job and the asset, their metadata, and one budget a request."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster import DagsterExecutionInterruptedError

import assets.upgrading
from assets.upgrading import REQUEST_TAG
from dreaming.spending.budgets import request_scope
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from tests.builders import answer_about_topics, talk
from tests.dagster_project.upgrades.builders import (
    DAYS,
    UPGRADED,
    levels,
    materialize,
    metadata_of,
    upgrade,
)


def test_the_job_logs_each_day_with_figures_that_are_the_vendors(full_home, vendor, instance):
    """Tokens of all days together are the books'; checks are
    evaluated for each day that changed.
    """
    result = upgrade(full_home, vendor, instance)
    assert result.success
    metadata = metadata_of(result)
    assert set(metadata) == {day.isoformat() for day in DAYS}
    assert (
        sum(each["day_tokens_consumed"] for each in metadata.values())
        == vendor.books.charged_tokens
    )
    for each in metadata.values():
        assert each["tokens_consumed"] == vendor.books.charged_tokens
        assert each["quality_good"] == each["chunks"]
        assert each["quality_before"]["good"] == 0
        assert each["quality_after"] == {"basic": 0, "good": 18, "premium": 0}
        assert (each["llm_provider"], each["llm_model"]) == ("anthropic", "claude-haiku-4-5")
        assert each["budget_left_tokens"] == 500_000 - vendor.books.charged_tokens
        assert each["stopped_by"] == "nothing"
        assert 0 <= each["accuracy_basic_good_pk"] <= 1
        assert "| basic beside good | all | " in each["accuracy"]
        stored = full_home.requests.result(result.dagster_run.run_id)
        assert each["task_result"] | {"days_published": [str(day) for day in DAYS]} == stored
    evaluated = {(e.asset_key, e.partition, e.passed) for e in result.get_asset_check_evaluations()}
    assert evaluated == {(UPGRADED, day.isoformat(), True) for day in DAYS}


def test_a_materialisation_with_run_config_upgrades_its_days(full_home, vendor, instance):
    """The partitioned asset takes the same config as the job; the result is of all that the run
    did.
    """
    late = make_conversation(
        talk(99), conversation_id="test:late", at=datetime(2026, 3, 2, 12, tzinfo=UTC)
    )
    full_home.archive.add([late])
    result = materialize(
        full_home,
        vendor,
        instance,
        target_quality="premium",
        filter="labels CONTAINS 'billing' OR day = 2026-03-01",
        limit=4,
        provider="anthropic",
        model="claude-sonnet-4-5",
        budget={"max_tokens": 100_000, "max_cost_usd": 1.5, "max_duration_seconds": 600},
    )
    assert result.success
    told = full_home.requests.result(result.dagster_run.run_id)
    assert (told["chunks_upgraded"], told["quality_before"]["premium"]) == (4, 0)
    assert told["llm_model"] == "claude-sonnet-4-5"
    assert told["chunks_created"] > told["quality_counts"]["premium"] > 0
    assert told["tokens_consumed"] == vendor.books.charged_tokens
    assert set(told["days_published"]) == {day.isoformat() for day in DAYS}


def test_without_a_target_nothing_is_spent(full_home, vendor, instance):
    """The result of a free run is stored too."""
    result = materialize(full_home, vendor, instance)
    assert result.success
    assert not vendor.books.served
    told = full_home.requests.result(result.dagster_run.run_id)
    assert (told["llm_provider"], told["llm_model"], told["tokens_consumed"]) == (
        "local",
        "rules",
        0,
    )
    assert told["quality_counts"]["basic"] > 0
    assert told["chunks_created"] == 0


def test_what_a_run_did_not_change_is_observed_with_the_reason(full_home, vendor, instance):
    """So that the UI says why nothing was upgraded."""
    result = upgrade(full_home, vendor, instance, filter="labels CONTAINS 'astronomy'")
    [observation] = [
        e.event_specific_data.asset_observation for e in result.all_events if e.is_asset_observation
    ]
    assert observation.metadata["tokens_consumed"].value == 0
    assert metadata_of(result) == {}


@pytest.mark.parametrize(
    "tag", [REQUEST_TAG, "dagster/root_backfill_id", "dagster/backfill", "dagster/root_run_id"]
)
def test_retries_and_the_runs_of_a_backfill_share_one_budget(full_home, vendor, instance, tag):
    """By the first of these tags that a run has: a re-execution is no fresh request, whatever its
    config says.
    """
    budget = {"max_tokens": 4_000}
    first = materialize(
        full_home, vendor, instance, tags={tag: "abc"}, target_quality="good", budget=budget
    )
    assert first.success
    spent = vendor.books.charged_tokens
    assert 0 < spent <= 4_000
    more = {"max_tokens": 10**6}
    again = materialize(
        full_home, vendor, instance, tags={tag: "abc"}, target_quality="good", budget=more
    )
    assert again.success
    assert vendor.books.charged_tokens <= 4_000
    assert full_home.ledger.balance(request_scope("abc")).limit.tokens == 4_000


def test_a_backfill_in_several_runs_is_one_request_with_one_budget(full_home, vendor, instance):
    """As DREAMING_DAYS_A_RUN makes it: each run has days of its own, and all of them what one was
    given.
    """
    published = {}
    for day in DAYS:
        days = dict.fromkeys(
            ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), str(day)
        )
        tags = {"dagster/backfill": "abc", **days}
        result = materialize(
            full_home,
            vendor,
            instance,
            tags=tags,
            target_quality="good",
            budget={"max_tokens": 6_000},
        )
        assert result.success
        published |= metadata_of(result)
    assert 0 < vendor.books.charged_tokens <= 6_000
    assert full_home.ledger.balance(request_scope("abc")).used.tokens == vendor.books.charged_tokens
    assert {each["request_id"] for each in published.values() if "request_id" in each} == {"abc"}


def test_a_run_without_such_a_tag_is_a_request_of_its_own(full_home, vendor, instance):
    """By its run id, which is the root of its later re-executions."""
    result = upgrade(full_home, vendor, instance, budget={"max_tokens": 4_000})
    run_id = result.dagster_run.run_id
    tags = {"dagster/root_run_id": run_id, "dagster/parent_run_id": run_id}
    again = upgrade(full_home, vendor, instance, tags=tags, budget={"max_tokens": 4_000})
    assert again.success
    assert vendor.books.charged_tokens <= 4_000
    assert {each["request_id"] for each in metadata_of(result).values()} == {run_id}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"filter": "quality = basic"}, "There is no column 'quality'"),
        ({"budget": {"max_tokens": 0}}, "max_tokens = 0 allows nothing"),
        ({"budget": {}}, "Nothing bounds what this upgrade may spend"),
        ({"provider": "acme"}, "There is no provider 'acme'"),
        ({"model": "claude-opus-99"}, "is not known to serve a model 'claude-opus-99'"),
    ],
)
def test_what_cannot_be_meant_fails_the_run_with_what_to_do_and_spends_nothing(
    full_home, vendor, instance, config, message
):
    """Before anything is sent; the days stay as they were."""
    before = levels(full_home)
    result = upgrade(full_home, vendor, instance, **config)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert message in failure.step_failure_data.error.to_string()
    assert not vendor.books.served
    assert levels(full_home) == before


def test_a_vendor_that_refuses_the_key_fails_the_run_and_says_so(full_home, instance):
    """What was asked for was not done; nothing was charged."""
    with FakeVendor(answer=answer_about_topics, keys={"sk-another"}) as vendor:
        result = upgrade(full_home, vendor, instance)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "Its key was not accepted" in failure.step_failure_data.user_failure_data.description


@pytest.mark.parametrize("step", ["store_result", "log_materialization"])
def test_an_interruption_after_the_last_purchase_leaves_no_published_day_untold(
    full_home, vendor, instance, monkeypatch, step
):
    """While the result is stored, or Dagster is told: the run is canceled, every day told."""
    owner = assets.upgrading if step == "log_materialization" else type(full_home.requests)
    do = getattr(owner, step)
    interrupted = []

    def do_and_interrupt(*arguments, **options):
        do(*arguments, **options)
        if not interrupted:
            interrupted.append(True)
            raise DagsterExecutionInterruptedError

    monkeypatch.setattr(owner, step, do_and_interrupt)
    upgrade(full_home, vendor, instance)
    [run] = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.CANCELED
    materialized = instance.fetch_materializations(UPGRADED, limit=100).records
    assert {record.partition_key for record in materialized} == set(map(str, DAYS))
    assert {level for day in levels(full_home).values() for level in day} == {"good"}
    assert full_home.requests.result(run.run_id)["tokens_consumed"] == vendor.books.charged_tokens
