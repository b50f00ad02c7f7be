"""The rules plan within the budgets, spread a month over its days, and learn speed and cost."""

import json
from decimal import Decimal

import pytest

from dreaming.buying.executor import DreamingExecutor
from dreaming.errors import UsageError
from dreaming.spending.budgets import Limit
from dreaming.testing import make_conversation
from dreaming.upgrading.terms import UpgradeTerms
from tests.builders import talk
from tests.planning.planner.builders import DAY, plan, providers


def test_the_rules_plan_within_what_is_left_and_say_why(home_of_talk, vendor):
    """The figures are those of the calls that fit."""
    decision = plan(home_of_talk, vendor)
    chosen = decision.plan
    assert chosen.planner == "rules"
    assert (chosen.terms.provider, chosen.terms.model, chosen.terms.max_tokens) == (
        "anthropic",
        "claude-haiku-3-5",
        80_000,
    )
    assert 0 < chosen.outlook.tokens <= 80_000
    assert chosen.outlook.calls == 8
    assert chosen.outlook.gain == pytest.approx(decision.situation.worth, rel=0.01)
    assert "80,000 tokens may be spent" in chosen.reason
    [kept] = home_of_talk.plans.latest(5)
    assert kept == json.loads(json.dumps(decision.as_json())) | {"run_id": None}
    assert not vendor.books.served


def test_a_limit_that_was_asked_for_is_kept_to(home_of_talk, vendor):
    """In tokens, dollars and time; what does not fit is not planned."""
    few = plan(home_of_talk, vendor, UpgradeTerms(target_quality="good", max_tokens=5_000))
    assert few.plan.terms.max_tokens == 5_000
    assert 0 < few.plan.outlook.tokens <= 5_000
    cheap = plan(
        home_of_talk, vendor, UpgradeTerms(target_quality="good", max_cost_usd=Decimal("0.004"))
    )
    assert 0 < cheap.plan.outlook.cost_usd <= Decimal("0.004")
    assert cheap.plan.terms.max_cost_usd == Decimal("0.004")
    brief = plan(
        home_of_talk, vendor, UpgradeTerms(target_quality="good", max_duration_seconds=5.0)
    )
    assert 0 < brief.plan.outlook.minutes * 60 <= 5.0
    assert (
        plan(
            home_of_talk, vendor, UpgradeTerms(target_quality="good", max_duration_seconds=1.0)
        ).plan.terms
        is None
    )


def test_of_several_providers_the_one_that_gains_most_for_the_money_is_chosen(home_of_talk, vendor):
    """Of what they have left."""
    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=4_000))
    home_of_talk.ledger.set_limit("openai", "good", "month", Limit(tokens=80_000))
    decision = plan(home_of_talk, vendor, names=("anthropic", "openai"))
    assert decision.plan.terms.provider == "openai"
    assert "anthropic/claude-haiku-4-5 would gain no more" in decision.plan.reason
    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=80_000))
    cheaper = plan(home_of_talk, vendor, names=("anthropic", "openai")).plan
    assert cheaper.terms.provider == "openai"


def test_premium_is_planned_with_a_model_that_gives_it(home_of_talk, vendor):
    """Never with a lower one."""
    decision = plan(
        home_of_talk, vendor, UpgradeTerms(target_quality="premium", max_tokens=100_000)
    )
    assert decision.plan.terms.model == "claude-sonnet-4-5"
    with pytest.raises(UsageError, match="gives good chunks, and premium ones"):
        plan(home_of_talk, vendor, UpgradeTerms(target_quality="premium", model="claude-haiku-4-5"))


def test_what_searches_found_comes_first_and_is_told_by_topic(home_of_talk, vendor):
    """A conversation that was searched for is bought before the others."""
    for _ in range(3):
        hits = home_of_talk.memory.search("invoice that was paid twice", limit=1)
    found = hits[0].chunk.conversation_id
    decision = plan(home_of_talk, vendor, UpgradeTerms(target_quality="good", max_tokens=3_000))
    assert decision.situation.topics[0].importance > 0
    work = DreamingExecutor(home_of_talk, providers(vendor), run_id="run")
    request = work.begin("R", decision.plan.terms)
    work.plan(request, [DAY])
    assert home_of_talk.requests.open_spans("R", [DAY])[0].conversation_id == found


def test_speed_and_cost_are_learnt_from_the_ledger(home_of_talk, vendor):
    """Once there were enough calls; before, what is usual."""
    before = plan(home_of_talk, vendor).situation.options[0]
    assert before.measured_calls == 0
    vendor.latency_seconds = 0.2
    work = DreamingExecutor(home_of_talk, providers(vendor), run_id="run")
    result = work.upgrade(
        work.begin("R", UpgradeTerms(target_quality="good", max_tokens=500_000)), [DAY]
    )
    home_of_talk.archive.add(
        [make_conversation(talk(20 + n), conversation_id=f"new:{n}") for n in range(8)]
    )
    home_of_talk.pipeline.run_day(DAY)
    after = plan(
        home_of_talk, vendor, UpgradeTerms(target_quality="good", max_tokens=500_000)
    ).situation.options[0]
    assert after.measured_calls == 8
    assert 0.2 <= after.forecast.seconds_per_call < 2
    assert after.forecast.tokens.sum() == pytest.approx(result.tokens_consumed, rel=0.1)


def test_the_month_is_spread_over_its_days_and_important_days_get_more(home_of_talk, vendor):
    """An even share; more when more has come than usual, less
    when less, never more than is left.
    """
    clock = home_of_talk.clock
    start = clock()

    def night(day):
        clock.now = start.replace(day=day)
        decision = plan(home_of_talk, vendor, paced=True, run_id=f"night {day}")
        if decision.plan.terms is not None:
            work = DreamingExecutor(home_of_talk, providers(vendor), run_id=f"night {day}")
            work.upgrade(work.begin(f"night {day}", decision.plan.terms), [DAY])
        return decision

    def come(count):
        names = [f"night{clock().day}:{n}" for n in range(count)]
        home_of_talk.archive.add(
            [
                make_conversation(talk(len(name) + n), conversation_id=name)
                for n, name in enumerate(names)
            ]
        )
        home_of_talk.pipeline.run_day(DAY)

    def left():
        return home_of_talk.ledger.window_balances("anthropic", "good")["month"].room.tokens

    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=600_000))
    assert night(3).plan.terms.max_tokens == 600_000 // 28
    come(4)
    usual = night(4)
    room = left()
    assert usual.situation.day_ratio == 1.0
    come(1)
    quiet = night(5)
    assert quiet.situation.day_ratio < 0.7
    assert quiet.plan.terms.max_tokens < room // 26
    room = left()
    come(20)
    busy = night(6)
    assert busy.situation.day_ratio > 1.5
    assert room // 25 * 1.5 < busy.plan.terms.max_tokens < room
    room = left()
    come(1)
    assert night(30).plan.terms.max_tokens == room


def test_what_has_come_is_known_also_where_another_run_collected_what_the_night_bought(
    home_of_talk, vendor
):
    """In a batch: what the plan gained is no less for that."""
    clock, asked = (
        home_of_talk.clock,
        UpgradeTerms(target_quality="good", delivery="batch"),
    )
    home_of_talk.ledger.set_limit("anthropic", "good", "month", Limit(tokens=600_000))
    start = clock()
    clock.now = start.replace(day=3)
    decision = plan(home_of_talk, vendor, asked, paced=True, run_id="night")
    for run_id in ("night", "collecting"):
        work = DreamingExecutor(home_of_talk, providers(vendor), run_id=run_id)
        result = work.upgrade(work.begin("night", decision.plan.terms), [DAY])
    assert result.chunks_upgraded
    home_of_talk.archive.add(
        [make_conversation(talk(20 + n), conversation_id=f"new:{n}") for n in range(4)]
    )
    home_of_talk.pipeline.run_day(DAY)
    clock.now = start.replace(day=4)
    after = plan(home_of_talk, vendor, asked, paced=True).situation
    assert after.new_worth == pytest.approx(decision.situation.worth / 2, rel=0.3)
