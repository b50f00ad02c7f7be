"""Gathers the situation of an upgrade: candidates, models, budgets, and earlier plans."""

import calendar
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.compute as pc

from dreaming.buying.estimating import Estimate
from dreaming.buying.offers import Offers
from dreaming.buying.reading import read_groups
from dreaming.chunk import QualityLevel
from dreaming.errors import ConfigurationError, UsageError
from dreaming.home import Home
from dreaming.model_call import Delivery
from dreaming.planning.forecast import Forecast, Limits
from dreaming.planning.situation import ModelOption, Situation, Topic, Urgency
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Window, request_scope
from dreaming.upgrading.arrow_arrays import number_values
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, Integers, expected_usage
from dreaming.upgrading.importance import Numbers
from dreaming.upgrading.terms import UpgradeTerms

# Longer, and a vendor that has become slower or dearer is noticed late.
LEARNT_DAYS = 60
"""The age in days of the oldest calls that speed and cost are learnt from."""

# The mean of fewer calls says little of the next ones.
LEAST_MEASURED = 5
"""Speed and cost are learnt from no fewer calls than this."""

USUAL_SECONDS = 4.0
"""The time of a call until it is measured, as vendors' models for chunks take it."""

# Two weeks, in which each day of the week occurs twice.
USUAL_PLANS = 14
"""The usual worth of a day is the mean over this many latest plans."""

# The question to a thinking model is paid for by its length.
MOST_TOPICS = 20
"""The most topics of a situation."""

# Most batches end sooner, but no plan may count on that.
BATCH_SECONDS = 86_400.0
"""The time in which vendors promise the replies of a batch."""


class SituationReader:
    """Reads situations from a home, for the providers that are configured."""

    def __init__(self, home: Home, providers: Mapping[str, ConfiguredProvider]) -> None:
        self._home = home
        self._providers = providers

    def read(
        self,
        asked: UpgradeTerms,
        days: Collection[date],
        *,
        urgency: Urgency = "low",
        paced: bool = False,
    ) -> Situation:
        """The situation of an upgrade; reads the candidates of the days."""
        now = self._home.clock()
        able = self.able_providers(asked)
        wanted_days = list(filter(asked.allows_day, days))
        readings = [read_groups(self._home, asked, provider, wanted_days) for provider in able]
        measured = self._measured(now)
        options: list[ModelOption] = []
        for provider, (_, groups, _) in zip(able, readings, strict=True):
            deliveries = self._deliveries(asked, provider, urgency)
            options += [
                self._option(provider, groups, delivery, measured, now=now)
                for delivery in deliveries
            ]
        candidates = None
        worth = 0.0
        if readings:
            # Chunks and topics are those of the first provider; each option has its own calls.
            candidates, groups, _ = readings[0]
            worth = float(groups.worth.sum())
        plans = self._latest_plans(asked) if paced else []
        new_worth, usual_worth = self._new_and_usual_worth(worth, plans)
        return Situation(
            now=now,
            asked=asked,
            urgency=urgency,
            limits=Limits.of(asked),
            paced=paced,
            days_left=_days_left(now),
            worth=worth,
            new_worth=new_worth,
            usual_worth=usual_worth,
            nights_saved=_nights_saved(plans),
            options=options,
            topics=[] if candidates is None else _topics(candidates),
            chunks=0 if candidates is None else len(candidates),
            skipped={} if candidates is None else dict(sum(candidates.skipped.values(), Counter())),
        )

    def able_providers(self, asked: UpgradeTerms) -> list[LLMProvider]:
        """The provider that is asked for, or else all that could make the upgrade."""
        offers = Offers(self._home, self._providers)
        if asked.provider is not None or asked.model is not None:
            return [offers.open(asked)]
        able = []
        for name, configured in self._providers.items():
            is_asked = not asked.providers or name in asked.providers
            if not is_asked or not configured.can_be_paid:
                continue
            try:
                able.append(offers.open(replace(asked, provider=name, providers=())))
            except (UsageError, ConfigurationError):
                # It has no model of the quality, or its price is unknown: the others may.
                continue
        return able

    def _deliveries(
        self, asked: UpgradeTerms, provider: LLMProvider, urgency: Urgency
    ) -> list[Delivery]:
        """The ways in which replies may come, the usual one first."""
        if asked.delivery is not None:
            return [asked.delivery]
        # A batch takes up to a day, so it is only for what is not urgent.
        if urgency == "low" and self._providers[provider.name].offers_batches:
            return ["now", "batch"]
        return ["now"]

    def _option(
        self,
        provider: LLMProvider,
        groups: Groups,
        delivery: Delivery,
        measured: Mapping[tuple[str, str], Any],
        *,
        now: datetime,
    ) -> ModelOption:
        estimate = Estimate.of(provider, at=now, delivery=delivery)
        tokens, picodollars = estimate.expected(groups.tokens)
        seconds = USUAL_SECONDS
        calls = 0
        at_once = provider.limits.max_concurrency
        row = measured.get((provider.name, provider.model.served))
        if row and row["calls"] >= LEAST_MEASURED:
            calls = int(row["calls"])
            # 0 where all replies came in batches, which have no latency.
            seconds = float(row["latency_ms"]) / 1000 or USUAL_SECONDS
            factor = _measured_factor(row)
            tokens = _scaled(tokens, factor)
            picodollars = _scaled(picodollars, factor)
        if delivery == "batch":
            seconds = BATCH_SECONDS
            # All calls of a batch are answered within the same day.
            at_once = max(len(groups), 1)
        rooms = window_rooms(self._home, provider.name, provider.model.quality_level)
        return ModelOption(
            provider=provider.name,
            model=provider.model.served,
            asked=provider.model.asked,
            quality_level=provider.model.quality_level,
            delivery=delivery,
            month=rooms["month"],
            room=rooms["month"].within(rooms["day"]),
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

    def _latest_plans(self, asked: UpgradeTerms) -> list[dict[str, Any]]:
        """The latest paced plans of equal terms that were acted on, the newest first."""
        plans = []
        for plan in self._home.plans.latest(USUAL_PLANS, acted_on=True):
            situation = plan["situation"]
            # Worth can be compared only between plans that chose among the same chunks.
            if situation["paced"] and situation["asked"] == asked.as_json():
                plans.append(plan)
        return plans

    def _new_and_usual_worth(
        self, worth: float, plans: Sequence[Mapping[str, Any]]
    ) -> tuple[float | None, float | None]:
        """The worth that came since the latest plan, and its usual value; None while unknown."""
        if not plans:
            return None, None
        latest = plans[0]
        left_over = latest["situation"]["worth"] - self._gained(latest)
        # Never negative: chunks may also have been deleted, or upgraded otherwise.
        new_worth = max(worth - left_over, 0.0)
        # The first plan of all does not know what was new.
        values = [plan["situation"]["new_worth"] for plan in plans]
        earlier = [value for value in values if value is not None]
        return new_worth, (new_worth + sum(earlier)) / (1 + len(earlier))

    def _gained(self, plan: Mapping[str, Any]) -> float:
        """The worth that a plan really gained, by the part of its expected tokens that was spent.

        Calls that wait in batches count as spent: later plans do not count their chunks among the
        candidates.
        """
        chosen = plan["chosen"]
        result = self._home.requests.result(plan["run_id"])
        if not chosen["expected_tokens"] or not result:
            return 0.0
        # By all runs of its request: the replies of batches were spent by the runs that collected
        # them.
        request_id = result["request_id"]
        spent = self._home.ledger.balance(request_scope(request_id)).spent.tokens
        for pending in self._home.batches.pending(request_id):
            spent += int(pending["expected_tokens"])
        return float(chosen["expected_gain"] * min(spent / chosen["expected_tokens"], 1.0))


def window_rooms(home: Home, provider: str, level: QualityLevel) -> dict[Window, Limits]:
    """The room in the standing budgets of a provider and level; none in a closed one."""
    rooms = {}
    for window, balance in home.ledger.window_balances(provider, level).items():
        room = balance.room
        rooms[window] = Limits(tokens=room.tokens, picodollars=room.picodollars)
        if balance.closed:
            rooms[window] = Limits(tokens=0, picodollars=0)
    return rooms


def _days_left(now: datetime) -> int:
    """The days of the month that are not over, with today."""
    _, days_in_month = calendar.monthrange(now.year, now.month)
    return days_in_month - now.day + 1


def _nights_saved(plans: Sequence[Mapping[str, Any]]) -> int:
    """The latest nights in a row whose plans spent nothing."""
    for nights, plan in enumerate(plans):
        if plan["chosen"]["terms"]:
            return nights
    return len(plans)


def _measured_factor(row: Mapping[str, Any]) -> float:
    """The tokens that a model really used, as a multiple of those that were expected."""
    calls = row["calls"]
    text_tokens = row["text_tokens"] / int(calls)
    input_tokens, output_tokens = expected_usage(np.array([text_tokens]))
    expected = int(calls) * float((input_tokens + output_tokens)[0])
    return float(row["tokens"]) / expected


def _scaled(amounts: Integers, factor: float) -> Integers:
    scaled: Integers = np.rint(amounts * factor).astype(np.int64)
    return scaled


def _topics(candidates: Candidates) -> list[Topic]:
    """The labels of candidates: first those that were searched for, then the largest."""
    labels = candidates.column("labels").combine_chunks()
    encoded = labels.flatten().dictionary_encode()
    # An entry for each label of each candidate: the label's number, and the candidate's.
    label = number_values(encoded.indices)
    candidate = number_values(pc.list_parent_indices(labels))
    size = len(encoded.dictionary)
    counts = np.bincount(label, minlength=size)
    text_tokens = number_values(candidates.column("token_count"))
    tokens = np.bincount(label, text_tokens[candidate], minlength=size)
    own_importance: Numbers = np.zeros(len(candidates))
    if candidates.importance is not None:
        own_importance = candidates.importance[candidates.rows]
    sums = np.bincount(label, own_importance[candidate], minlength=size)
    importance = sums / np.maximum(counts, 1)
    names = encoded.dictionary.to_pylist()
    # Rounded, so that sums that differ by the error of floats only are ordered by size.
    order = np.lexsort((-tokens, -np.round(importance * counts, 3)))[:MOST_TOPICS]
    return [Topic(names[n], int(counts[n]), int(tokens[n]), float(importance[n])) for n in order]
