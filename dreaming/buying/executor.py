"""Upgrades: from terms to a request, from the request to a frozen plan, from the plan to chunks."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from time import perf_counter
from typing import Any
from uuid import uuid4

from dreaming.buying.freezing import freeze_plan
from dreaming.buying.offers import Offers, own_limit, require_bound
from dreaming.buying.outbox import Outbox
from dreaming.buying.run import UpgradeRun
from dreaming.buying.settling import Settling
from dreaming.buying.slices import count_quality
from dreaming.conversation import ConversationId
from dreaming.event_loop import despite_interruption
from dreaming.home import Home
from dreaming.model_call import Delivery
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Balance, request_scope
from dreaming.spending.meter import Meter
from dreaming.statistics import ChunkStatistics
from dreaming.storage.requests import UpgradeRequest
from dreaming.task import DreamingTaskResult
from dreaming.upgrading.filtering.expression import Membership
from dreaming.upgrading.filtering.printing import print_filter
from dreaming.upgrading.terms import UpgradeTerms


class DreamingExecutor:
    """Works on upgrade requests, as one run, with the providers that are configured."""

    def __init__(
        self,
        home: Home,
        providers: Mapping[str, ConfiguredProvider],
        *,
        run_id: str,
        on_published: Callable[[date, ChunkStatistics], None] = lambda _day, _statistics: None,
    ) -> None:
        self.home = home
        self.run_id = run_id
        self.on_published = on_published
        self.offers = Offers(home, providers)

    def begin(self, request_id: str, terms: UpgradeTerms) -> UpgradeRequest:
        """The request of an id; a new one is written down with these terms.

        A known one keeps the terms, the deadline and the budget that it has: a retry gets no fresh
        budget.
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
        damaged = self._freeze(request, provider, days)
        quality_before = count_quality(self.home.store, days)
        run = UpgradeRun(
            self.home,
            provider,
            meter,
            request,
            days,
            settling=Settling(self.home, provider, request.request_id, run_id=self.run_id),
            outbox=outbox,
            on_published=self.on_published,
        )
        run.outcome.quality_before = quality_before
        run.outcome.failed_days |= {day.isoformat(): reason for day, reason in damaged.items()}
        try:
            run.run()
        finally:
            # An interrupted run has spent too: what it came to is stored before it goes on up.
            run.outcome.processing_time_seconds = round(perf_counter() - started, 3)
            result = despite_interruption(
                lambda: self._store_result(run.outcome, request, days, after)
            )
        return result

    def plan(self, request: UpgradeRequest, days: Collection[date]) -> dict[date, str]:
        """Freeze the plan of a request for the days that it has none for.

        Returns why days cannot be read.
        """
        provider, _meter = self._open_provider(request)
        return self._freeze(request, provider, days)

    async def execute_with_budget(
        self, conversations: Sequence[ConversationId], max_tokens: int, **terms: Any
    ) -> DreamingTaskResult:
        """Upgrade the chunks of conversations, by their ids, with a budget in tokens.

        `terms` are further fields of `UpgradeTerms`. Raises as `upgrade`.
        """
        wanted = print_filter(Membership("conversation_id", tuple(conversations)))
        if terms.get("filter"):
            wanted = f"({wanted}) AND ({terms['filter']})"
        asked = UpgradeTerms(
            **{"target_quality": "good", **terms, "filter": wanted, "max_tokens": max_tokens}
        )
        days = sorted({day for each in conversations for day in self.home.index.days_of(each)})
        request = self.begin(uuid4().hex, asked)
        # A thread of its own: the upgrade runs an event loop of its own.
        return await asyncio.to_thread(self.upgrade, request, days)

    def _store_result(
        self,
        outcome: DreamingTaskResult,
        request: UpgradeRequest,
        days: Collection[date],
        after: DreamingTaskResult | None,
    ) -> DreamingTaskResult:
        """Store what the run came to, with what the ledger and the partitions say after it."""
        # A copy: the step may be repeated, and `after` is added once.
        result = deepcopy(outcome)
        spent = self.home.ledger.spent_in_run(self.run_id, purpose="upgrade")
        result.tokens_consumed = spent.tokens
        result.estimated_cost_usd = spent.cost_usd
        result.quality_counts = count_quality(self.home.store, days)
        result.budget = self.home.ledger.balance(request_scope(request.request_id)).as_json()
        result.note_pending(self.home.batches.pending(request.request_id))
        result.add(after)
        # As days end in any order, and an interrupted one is published again.
        result.days_published = sorted(set(result.days_published))
        self.home.requests.store_result(
            self.run_id, request.request_id, result.as_json(), at=self.home.clock()
        )
        return result

    def _freeze(
        self, request: UpgradeRequest, provider: LLMProvider, days: Collection[date]
    ) -> dict[date, str]:
        room = [balance.room for balance in self._balances(provider, request)]
        return freeze_plan(self.home, request, provider, days, room=room)

    def _balances(self, provider: LLMProvider, request: UpgradeRequest) -> list[Balance]:
        """All budgets that the request spends from."""
        scopes = [request_scope(request.request_id)]
        if request.terms.account:
            scopes.append(request.terms.account)
        own = [self.home.ledger.balance(scope) for scope in scopes]
        return [*self.offers.standing_balances(provider), *own]

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
        # How this run asks, which may differ from how the request was first worked on.
        terms = replace(request.terms, delivery="batch" if outbox else "now")
        provider = self.offers.open(terms, meter)
        limits = [balance.limit for balance in self._balances(provider, request)]
        require_bound(provider, limits)
        return provider, meter
