"""Plans upgrades: gathers what is known, has the rules and a thinking model plan, and keeps what
both said.
"""

import asyncio
import calendar
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.buying.estimating import Estimate
from dreaming.buying.offers import DEFAULT_PROVIDER, Offers
from dreaming.buying.reading import read_groups
from dreaming.chunk import QualityLevel
from dreaming.errors import ConfigurationError, DreamingError, UsageError
from dreaming.home import Home
from dreaming.model_call import Answer, Delivery, ModelCall
from dreaming.planning.forecast import Forecast, Limits
from dreaming.planning.optimizer import MODELS, Circumstances, MCPThinkingOptimizer
from dreaming.planning.plan import Decision, Plan, PlannerName
from dreaming.planning.rules import plan_by_rules
from dreaming.planning.situation import ModelOption, Situation, Topic, Urgency
from dreaming.planning.thinking import (
    MAX_REPLY_TOKENS,
    THINKING_SECONDS,
    Question,
    Thinker,
    ThinkingFailed,
    ask,
    plan_of,
    read_proposal,
    think,
)
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Window, request_scope
from dreaming.spending.meter import Meter
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, expected_usage
from dreaming.upgrading.terms import UpgradeTerms

LEARNT_DAYS = 60
"""How far back speed and cost are learnt from."""
LEAST_MEASURED = 5
"""Calls from which on they are believed."""
USUAL_SECONDS = 4.0
"""A call, as the vendors' models for good and premium chunks take it."""
USUAL_PLANS = 14
"""The latest plans tell what comes as a rule."""
MOST_TOPICS = 20
BATCH_SECONDS = 86_400.0
"""A batch, as vendors promise it: most come sooner."""


class Planner:
    """Plans upgrades with the providers that are configured."""

    def __init__(
        self,
        home: Home,
        providers: Mapping[str, ConfiguredProvider],
        *,
        thinker: Thinker | None = None,
        run_id: str | None = None,
        account: str | None = None,
    ) -> None:
        """`run_id` is that of the run that acts on the plans, None for previews; `account` pays for
        thinking too.
        """
        self._home = home
        self._providers = providers
        self._thinker = thinker
        self._run_id = run_id
        self._account = account

    async def plan(
        self,
        asked: UpgradeTerms,
        days: Collection[date],
        *,
        planner: PlannerName = "rules",
        urgency: Urgency = "low",
        paced: bool = False,
    ) -> Decision:
        """Plan an upgrade, keep what was planned, and return it.

        Args:
            asked: what is asked for; a provider, model or limit that it names is kept to.
            days: whose chunks may be upgraded.
            planner: thinking asks the thinking model; the rules decide where it fails or goes
                beyond the limits.
            urgency: how soon it is wanted.
            paced: whether the standing budgets are to last until the end of the month, more of them
                on important days.

        Raises:
            UsageError: what is asked for cannot be meant.

        """
        situation = await asyncio.to_thread(
            self.situation, asked, days, urgency=urgency, paced=paced
        )
        rules = plan_by_rules(situation)
        thinking, why_rules = None, None
        if planner == "thinking":
            try:
                thinking = await self._think(situation, days)
            except ThinkingFailed as failure:
                why_rules = str(failure)
        decision = Decision(
            plan_id=uuid4().hex[:12],
            made_at=situation.now,
            situation=situation,
            rules=rules,
            thinking=thinking,
            why_rules=why_rules,
        )
        self._home.plans.add(decision.as_json(), at=situation.now, run_id=self._run_id)
        return decision

    async def _think(self, situation: Situation, days: Collection[date]) -> Plan:
        thinker = self._thinker or configured_thinker(
            self._home, self._providers, run_id=self._run_id, account=self._account
        )
        if not situation.options or not situation.chunks:
            raise ThinkingFailed("There is nothing to think about.")
        proposal = read_proposal(await think(thinker, ask(situation)), situation)
        if proposal.terms is None or proposal.terms.filter == situation.asked.filter:
            return plan_of(proposal, situation)
        try:
            narrowed = await asyncio.to_thread(self.situation, proposal.terms, days)
        except DreamingError as error:
            raise ThinkingFailed(str(error)) from error
        return plan_of(proposal, narrowed)

    def situation(
        self,
        asked: UpgradeTerms,
        days: Collection[date],
        *,
        urgency: Urgency = "low",
        paced: bool = False,
    ) -> Situation:
        """What is known; reads the candidates of the days."""
        now = self._home.clock()
        providers = self._able(asked)
        wanted = list(filter(asked.allows_day, days))
        found = [read_groups(self._home, asked, provider, wanted) for provider in providers]
        candidates, groups, _ = found[0] if found else (None, None, {})
        worth = 0.0 if groups is None else float(groups.worth.sum())
        before = self._history(asked) if paced else []
        new_worth, usual = self._what_came(worth, before)
        measured = self._measured(now)
        return Situation(
            now=now,
            asked=asked,
            urgency=urgency,
            limits=Limits.of(asked),
            paced=paced,
            days_left=calendar.monthrange(now.year, now.month)[1] - now.day + 1,
            worth=worth,
            new_worth=new_worth,
            usual_worth=usual,
            nights_saved=next(
                (n for n, told in enumerate(before) if told["chosen"]["terms"]), len(before)
            ),
            options=[
                self._option(provider, of_provider, delivery, measured, now=now)
                for provider, (_, of_provider, _) in zip(providers, found, strict=True)
                for delivery in self._deliveries(asked, provider, urgency)
            ],
            topics=[] if candidates is None else _topics(candidates),
            chunks=0 if candidates is None else len(candidates),
            skipped={} if candidates is None else dict(sum(candidates.skipped.values(), Counter())),
        )

    def searched_for(self, days: Collection[date]) -> int:
        """How many conversations that have basic chunks recent searches have found."""
        asked, found = UpgradeTerms(target_quality="good"), self._home.memory.importance()
        providers = self._able(asked)
        if not providers or not found:
            return 0
        candidates, _, _ = read_groups(self._home, asked, providers[0], days)
        hit = pc.is_in(candidates.column("chunk_id"), value_set=pa.array(list(found), pa.string()))
        return len(candidates.column("conversation_id").filter(hit).unique())

    def _able(self, asked: UpgradeTerms) -> list[LLMProvider]:
        """The providers that could do it: the one that is asked for, or all that can be paid, and
        have a budget.
        """
        offers = Offers(self._home, self._providers)
        if asked.provider is not None or asked.model is not None:
            return [offers.open(asked)]
        able = []
        for name, configured in self._providers.items():
            if asked.providers and name not in asked.providers:
                continue
            if configured.can_be_paid:
                try:
                    able.append(offers.open(replace(asked, provider=name, providers=())))
                except (UsageError, ConfigurationError):
                    # It gives no such quality, or its price is not known: the others may.
                    continue
        return able

    def _deliveries(
        self, asked: UpgradeTerms, provider: LLMProvider, urgency: Urgency
    ) -> list[Delivery]:
        """How replies may come: what is asked for, else at once, and where nothing is urgent in
        batches too.
        """
        if asked.delivery is not None:
            return [asked.delivery]
        return (
            ["now", "batch"]
            if urgency == "low" and self._providers[provider.name].offers_batches
            else ["now"]
        )

    def _option(
        self,
        provider: LLMProvider,
        groups: Groups,
        delivery: Delivery,
        measured: Mapping[tuple[str, str], Any],
        *,
        now: datetime,
    ) -> ModelOption:
        tokens, picodollars = Estimate.of(provider, at=now, delivery=delivery).expected(
            groups.tokens
        )
        seconds, calls, at_once = USUAL_SECONDS, 0, provider.limits.max_concurrency
        if (row := measured.get((provider.name, provider.model.served))) and row[
            "calls"
        ] >= LEAST_MEASURED:
            calls, seconds = int(row["calls"]), float(row["latency_ms"]) / 1000 or USUAL_SECONDS
            sent, replied = expected_usage(np.array([row["text_tokens"] / calls]))
            factor = float(row["tokens"]) / (calls * float((sent + replied)[0]))
            tokens, picodollars = (
                np.rint(each * factor).astype(np.int64) for each in (tokens, picodollars)
            )
        if delivery == "batch":
            seconds, at_once = BATCH_SECONDS, max(len(groups), 1)
        windows = _rooms(self._home, provider.name, provider.model.quality_level)
        return ModelOption(
            provider=provider.name,
            model=provider.model.served,
            asked=provider.model.asked,
            quality_level=provider.model.quality_level,
            delivery=delivery,
            month=windows["month"],
            room=windows["month"].within(windows["day"]),
            forecast=Forecast(
                groups=groups,
                tokens=tokens,
                picodollars=picodollars,
                seconds_per_call=seconds,
                at_once=at_once,
            ),
            measured_calls=calls,
        )

    def _measured(self, now: datetime) -> dict[tuple[str, str], Any]:
        rows = self._home.ledger.measured(since=now - timedelta(days=LEARNT_DAYS))
        return {(row["provider"], row["model"]): row for row in rows}

    def _history(self, asked: UpgradeTerms) -> list[dict[str, Any]]:
        """The latest plans of the month's budget for the same that
        were acted on, the newest first.
        """
        return [
            told
            for told in self._home.plans.latest(USUAL_PLANS, acted_on=True)
            if told["situation"]["paced"] and told["situation"]["asked"] == asked.as_json()
        ]

    def _what_came(
        self, worth: float, before: Sequence[Mapping[str, Any]]
    ) -> tuple[float | None, float | None]:
        """What has come since the plan before, and what comes as a
        rule; None where nobody knows.
        """
        if not before:
            return None, None
        came = max(worth - before[0]["situation"]["worth"] + self._gained(before[0]), 0.0)
        earlier = [each for told in before if (each := told["situation"]["new_worth"]) is not None]
        return came, (came + sum(earlier)) / (1 + len(earlier))

    def _gained(self, told: Mapping[str, Any]) -> float:
        """What a plan has really gained: of what it was to gain, as much as was spent of what it
        was to take.

        What waits in its batches counts as spent: no later plan counts it among what there is to
        gain.
        """
        chosen, result = told["chosen"], self._home.requests.result(told["run_id"])
        if not chosen["expected_tokens"] or not result:
            return 0.0
        # By all runs of its request: what came in batches was spent by those that collected it.
        request_id = result["request_id"]
        spent = self._home.ledger.balance(request_scope(request_id)).spent.tokens
        spent += sum(
            int(each["expected_tokens"]) for each in self._home.batches.pending(request_id)
        )
        return float(chosen["expected_gain"] * min(spent / chosen["expected_tokens"], 1.0))


def _topics(candidates: Candidates) -> list[Topic]:
    """The labels of candidates, those first that were searched for, and then the largest."""
    labels = candidates.column("labels").combine_chunks()
    encoded = labels.flatten().dictionary_encode()
    label, row = np.asarray(encoded.indices), np.asarray(pc.list_parent_indices(labels))
    size = len(encoded.dictionary)
    counts = np.bincount(label, minlength=size)
    tokens = np.bincount(label, candidates.column("token_count").to_numpy()[row], minlength=size)
    own = (
        np.zeros(len(candidates))
        if candidates.importance is None
        else candidates.importance[candidates.rows]
    )
    importance = np.bincount(label, own[row], minlength=size) / np.maximum(counts, 1)
    names = encoded.dictionary.to_pylist()
    order = np.lexsort((-tokens, -np.round(importance * counts, 3)))[:MOST_TOPICS]
    return [Topic(names[n], int(counts[n]), int(tokens[n]), float(importance[n])) for n in order]


def _rooms(home: Home, provider: str, level: QualityLevel) -> dict[Window, Limits]:
    """What the standing budgets of a provider leave for a level; nothing where one is closed."""
    balances = home.ledger.window_balances(provider, level)
    return {
        window: Limits(tokens=0, picodollars=0)
        if balance.closed
        else Limits(tokens=balance.room.tokens, picodollars=balance.room.picodollars)
        for window, balance in balances.items()
    }


class ProviderThinker:
    """A thinking model that a configured provider serves; metered, and counted in the budget of its
    tier.
    """

    def __init__(
        self,
        home: Home,
        configured: ConfiguredProvider,
        *,
        run_id: str | None = None,
        account: str | None = None,
    ) -> None:
        self._home = home
        self._configured = configured
        self._run_id = run_id
        self._account = account

    async def think(self, question: Question) -> str:
        """Its answer; raises `ThinkingFailed` where there is none, or nothing bounds what it may
        spend.
        """
        home, today = self._home, self._home.clock().date()
        deadline_at = home.clock() + timedelta(seconds=3 * THINKING_SECONDS)
        meter = Meter(
            home.ledger,
            purpose="planning",
            run_id=self._run_id,
            deadline_at=deadline_at,
            account=self._account,
        )
        try:
            model = self._configured.model_for("good", today=today)
            provider = self._configured.open(meter, today=today, model=model)
        except ConfigurationError as error:
            raise ThinkingFailed(str(error)) from None
        balances = home.ledger.window_balances(provider.name, provider.model.quality_level).values()
        if not any(balance.limit for balance in balances):
            raise ThinkingFailed(f"No budget of {provider.name} bounds what thinking may spend.")
        call = ModelCall(
            conversation_id=None,
            instructions=question.instructions,
            content=question.content,
            schema=question.schema,
            max_output_tokens=MAX_REPLY_TOKENS,
            prompt_version="plan-1",
        )
        async with provider:
            outcome = await provider.send(call)
        if not isinstance(outcome, Answer):
            raise ThinkingFailed(outcome.message)
        return outcome.text


def configured_thinker(
    home: Home,
    providers: Mapping[str, ConfiguredProvider],
    *,
    run_id: str | None = None,
    account: str | None = None,
) -> Thinker:
    """The first provider that can be paid, as the thinking model; raises `ThinkingFailed` where
    there is none.
    """
    able = next((each for each in providers.values() if each.can_be_paid), None)
    if able is None:
        raise ThinkingFailed("No provider with a key can be asked to think.")
    return ProviderThinker(home, able, run_id=run_id, account=account)


def make_optimizer(
    home: Home, providers: Mapping[str, ConfiguredProvider], *, thinker: Thinker | None = None
) -> MCPThinkingOptimizer:
    """The optimizer that knows what is left of the month's
    budgets, and what searches have found.
    """

    def circumstances() -> Circumstances:
        left: dict[QualityLevel, Limits] = {}
        for level in MODELS:
            rooms = _rooms(home, DEFAULT_PROVIDER, level)
            has_key = DEFAULT_PROVIDER in providers and providers[DEFAULT_PROVIDER].can_be_paid
            left[level] = rooms["month"].within(rooms["day"]) if has_key else Limits(tokens=0)
        searched_for = Planner(home, providers).searched_for(home.store.days("upgraded_chunks"))
        return Circumstances(left=left, searched_for=searched_for)

    return MCPThinkingOptimizer(circumstances, thinker=thinker)
