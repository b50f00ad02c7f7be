"""Upgrades: from terms to a request, from the request to a frozen plan, from the plan to chunks
that are paid for.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter
from typing import Any
from uuid import uuid4

import numpy as np

from dreaming.buying.batching import Outbox, Settling
from dreaming.buying.estimating import Estimate
from dreaming.buying.reading import count_quality, read_candidates, read_groups, read_spans
from dreaming.buying.run import Buying
from dreaming.chunk import QUALITY_RANKS
from dreaming.conversation import ConversationId
from dreaming.errors import UsageError
from dreaming.home import Home
from dreaming.model_call import Delivery
from dreaming.providers.metered import UNMETERED, CallMeter
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Balance, Limit, request_scope
from dreaming.spending.meter import Meter
from dreaming.statistics import ChunkStatistics
from dreaming.storage.requests import UpgradeRequest
from dreaming.task import DreamingTaskResult
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.filtering.expression import Membership
from dreaming.upgrading.filtering.printing import print_filter
from dreaming.upgrading.grouping import Groups, first_chunks, plan_groups
from dreaming.upgrading.terms import UpgradeTerms

DEFAULT_PROVIDER = "anthropic"
PLANNED_TIMES = 4
"""How much is planned, in what its budgets are expected to pay for: expectations are wrong by less.
"""
LEAST_PLANNED = 100
"""Calls that are planned at least, where there are candidates."""


class DreamingExecutor:
    """Works on upgrade requests with the providers that are configured."""

    def __init__(
        self,
        home: Home,
        providers: Mapping[str, ConfiguredProvider],
        *,
        run_id: str,
        on_published: Callable[[date, ChunkStatistics], None] = lambda _day, _statistics: None,
    ) -> None:
        self.home = home
        self.providers = providers
        self.run_id = run_id
        self.on_published = on_published

    def check(self, terms: UpgradeTerms) -> list[str]:
        """Find out whether terms can be meant, before a request is made of them; returns what a
        person should know.

        Raises `UsageError` where they ask for what no configured provider gives, or nothing bounds
        the spending.
        """
        provider = self.open_unmetered(terms)
        standing = self._standing(provider)
        self._require_bound(provider, [own_limit(terms), *(balance.limit for balance in standing)])
        Estimate.of(provider, at=self.home.clock())
        return [
            f"max_tokens = {terms.max_tokens:,} is larger than what {balance.scope_id} has left "
            f"({balance.room.tokens:,} of {balance.limit.tokens:,} tokens), which will end the "
            "upgrade first."
            for balance in standing
            if terms.max_tokens
            and balance.room.tokens is not None
            and balance.room.tokens < terms.max_tokens
        ]

    def begin(self, request_id: str, terms: UpgradeTerms) -> UpgradeRequest:
        """The request of an id, written down with these terms unless it is known: then it keeps
        those that it has.
        """
        now = self.home.clock()
        seconds = terms.max_duration_seconds
        deadline_at = None if seconds is None else now + timedelta(seconds=seconds)
        request = self.home.requests.begin(UpgradeRequest(request_id, terms, now, deadline_at))
        self.home.ledger.open_scope(request_scope(request_id), own_limit(request.terms))
        return request

    def upgrade(
        self,
        request: UpgradeRequest,
        days: Collection[date],
        *,
        after: DreamingTaskResult | None = None,
        delivery: Delivery | None = None,
    ) -> DreamingTaskResult:
        """Buy what is left of a request's plan on days, and publish the days that change.

        What has come of its batches is taken first. `after` is what the same run did before;
        `delivery` is how the rest is asked for, by default as the request says. Ends normally when
        a budget or the time is used up: `stopped` says so. Interrupted, it publishes what was
        bought, and goes on being interrupted. The result is in the ledger either way, by the run's
        id.

        Raises `UsageError` where the terms ask for what no configured provider gives, nothing
        bounds the spending, or the request was undone.
        """
        started = perf_counter()
        self.home.require_standing(request.request_id)
        in_batches = (delivery or request.terms.delivery) == "batch"
        outbox = Outbox(self.home, request.request_id, self.run_id) if in_batches else None
        provider, meter = self._open_provider(request, outbox)
        damaged = self._plan(request, provider, days)
        before = count_quality(self.home.store, days)
        work = Buying(
            self.home,
            provider,
            meter,
            request,
            days,
            settling=Settling(self.home, provider, request.request_id, run_id=self.run_id),
            outbox=outbox,
            on_published=self.on_published,
        )
        result = work.outcome
        result.failed_days |= {day.isoformat(): told for day, told in damaged.items()}
        try:
            work.run()
        finally:
            spent = self.home.ledger.spent_in_run(self.run_id, purpose="upgrade")
            result.tokens_consumed, result.estimated_cost_usd = spent.tokens, spent.cost_usd
            result.quality_before, result.quality_counts = (
                before,
                count_quality(self.home.store, days),
            )
            result.budget = self.home.ledger.balance(request_scope(request.request_id)).as_json()
            result.note_pending(self.home.batches.pending(request.request_id))
            result.processing_time_seconds = round(perf_counter() - started, 3)
            result.add(after)
            self.home.requests.store_result(
                self.run_id, request.request_id, result.as_json(), at=self.home.clock()
            )
        return result

    def estimate(self, terms: UpgradeTerms, days: Collection[date]) -> dict[str, Any]:
        """What an upgrade would take: calls, tokens and dollars, expected and at worst, by day and
        label. Free.
        """
        provider = self.open_unmetered(terms)
        candidates, groups, damaged = read_groups(self.home, terms, provider, days)
        return {
            "target_quality": terms.target_quality,
            "provider": provider.name,
            "model": provider.model.served,
            "candidates": len(candidates),
            "skipped": dict(sum(candidates.skipped.values(), Counter())),
            "damaged_days": {day.isoformat(): told for day, told in damaged.items()},
            "delivery": terms.delivery or "now",
            **Estimate.of(provider, at=self.home.clock(), delivery=terms.delivery).as_json(
                groups, candidates
            ),
        }

    async def execute_with_budget(
        self, conversations: Sequence[ConversationId], max_tokens: int, **terms: Any
    ) -> DreamingTaskResult:
        """Upgrade the chunks of conversations, by their ids, with a budget; `terms` are further
        `UpgradeTerms`.
        """
        wanted = print_filter(Membership("conversation_id", tuple(conversations)))
        if terms.get("filter"):
            wanted = f"({wanted}) AND ({terms['filter']})"
        asked = UpgradeTerms(
            **{"target_quality": "good", **terms, "filter": wanted, "max_tokens": max_tokens}
        )
        days = sorted({day for each in conversations for day in self.home.index.days_of(each)})
        return await asyncio.to_thread(lambda: self.upgrade(self.begin(uuid4().hex, asked), days))

    def plan(self, request: UpgradeRequest, days: Collection[date]) -> dict[date, str]:
        """Freeze the plan of a request for the days that it has none for; returns why days cannot
        be read.
        """
        return self._plan(request, self._open_provider(request)[0], days)

    def _plan(
        self, request: UpgradeRequest, provider: LLMProvider, days: Collection[date]
    ) -> dict[date, str]:
        terms = request.terms
        new = self.home.requests.unplanned(
            request.request_id, [day for day in days if terms.allows_day(day)]
        )
        if not new:
            return {}
        candidates, damaged = read_candidates(self.home, terms, provider, new)
        self.home.purchases.bring_back(
            candidates.undone,
            request.request_id,
            self.home.index.days_of,
            at=self.home.clock(),
        )
        groups = plan_groups(candidates)
        if terms.limit is not None:
            left = max(terms.limit - self.home.requests.chunks_planned(request.request_id), 0)
            groups = _cut(groups, first_chunks(groups, candidates, left), candidates, "over_limit")
        groups = _cut(
            groups, self._affordable(groups, provider, request), candidates, "over_budget"
        )
        spans = read_spans(self.home.store, candidates, groups)
        skipped = {day: candidates.skipped.get(day, Counter()) for day in new if day not in damaged}
        self.home.requests.freeze(request.request_id, skipped, spans, limit=terms.limit)
        return damaged

    def _affordable(self, groups: Groups, provider: LLMProvider, request: UpgradeRequest) -> Groups:
        """The first groups, several times as many as budgets are expected to pay for: no more than
        that.
        """
        at, delivery = self.home.clock(), request.terms.delivery
        expected = Estimate.of(provider, at=at, delivery=delivery).expected(groups.tokens)
        rooms = [balance.room for balance in self._balances(provider, request)]
        reached = len(groups)
        for amounts, left in zip(
            expected, ([r.tokens for r in rooms], [r.picodollars for r in rooms]), strict=True
        ):
            if limits := [each for each in left if each is not None]:
                reached = min(
                    reached, int(np.searchsorted(np.cumsum(amounts), PLANNED_TIMES * min(limits)))
                )
        return groups.head(max(reached, LEAST_PLANNED))

    def _balances(self, provider: LLMProvider, request: UpgradeRequest) -> list[Balance]:
        """Of all budgets that the request spends from."""
        own = [
            scope for scope in (request_scope(request.request_id), request.terms.account) if scope
        ]
        return [*self._standing(provider), *map(self.home.ledger.balance, own)]

    def _standing(self, provider: LLMProvider) -> list[Balance]:
        return list(
            self.home.ledger.window_balances(provider.name, provider.model.quality_level).values()
        )

    def _open_provider(
        self, request: UpgradeRequest, outbox: Outbox | None = None
    ) -> tuple[LLMProvider, Meter]:
        """The provider that a request asks for, and what meters it."""
        meter = Meter(
            self.home.ledger,
            purpose="upgrade",
            run_id=self.run_id,
            request_id=request.request_id,
            deadline_at=request.deadline_at,
            account=request.terms.account,
            retry_failed=request.terms.retry_failed,
            keep_for_batch=outbox.keep if outbox else None,
        )
        provider = self._provider(
            replace(request.terms, delivery="batch" if outbox else "now"), meter
        )
        self._require_bound(
            provider, [balance.limit for balance in self._balances(provider, request)]
        )
        return provider, meter

    def open_unmetered(self, terms: UpgradeTerms) -> LLMProvider:
        """The provider that terms ask for, to look at; raises `UsageError` and
        `ConfigurationError`.
        """
        return self._provider(terms, UNMETERED)

    def _provider(self, terms: UpgradeTerms, meter: CallMeter) -> LLMProvider:
        """The provider that terms ask for; raises `UsageError` where it is none, or does not give
        the quality.
        """
        name = terms.provider or DEFAULT_PROVIDER
        if name not in self.providers:
            raise UsageError(
                f"There is no provider {name!r}. Choose one of {', '.join(self.providers)}."
            )
        configured = self.providers[name]
        today = self.home.clock().date()
        model = terms.model or configured.model_for(terms.target_quality, today=today)
        provider = configured.open(meter, today=today, model=model)
        if terms.delivery == "batch" and provider.batches() is None:
            raise UsageError(f"{name} takes no batches. Ask for delivery now.")
        if QUALITY_RANKS[provider.model.quality_level] < QUALITY_RANKS[terms.target_quality]:
            raise UsageError(
                f"The model {provider.model.served!r} of {name} gives "
                f"{provider.model.quality_level} chunks, and "
                f"{terms.target_quality} ones are asked for. Choose a better model, or a lower "
                "target_quality."
            )
        return provider

    def _require_bound(self, provider: LLMProvider, limits: Sequence[Limit]) -> None:
        if provider.is_local or any(limits):
            return
        raise UsageError(
            "Nothing bounds what this upgrade may spend. Give it max_tokens or max_cost_usd, or "
            "set a standing budget: "
            f"dreaming budget set --provider {provider.name} --tier "
            f"{provider.model.quality_level} --max-tokens 50000"
        )


def own_limit(terms: UpgradeTerms) -> Limit:
    """The limit of a request's own budget."""
    return Limit(terms.max_tokens, terms.max_picodollars)


def _cut(groups: Groups, taken: Groups, candidates: Candidates, reason: str) -> Groups:
    """The groups that are taken, the others' candidates counted as left out."""
    left_out = np.setdiff1d(groups.members(), taken.members(), assume_unique=True)
    candidates.skip(candidates.rows[left_out], reason)
    return taken
