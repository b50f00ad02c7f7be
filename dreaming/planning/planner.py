"""Plans upgrades: by the rules and by a thinking model, and keeps both plans."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import date
from uuid import uuid4

import pyarrow.compute as pc

from dreaming.buying.offers import DEFAULT_PROVIDER
from dreaming.buying.reading import read_groups
from dreaming.chunk import QualityLevel
from dreaming.errors import DreamingError
from dreaming.home import Home
from dreaming.planning.forecast import Limits
from dreaming.planning.optimizer import PAID_LEVELS, Circumstances, MCPThinkingOptimizer
from dreaming.planning.plan import Decision, Plan, PlannerName
from dreaming.planning.provider_thinker import configured_thinker
from dreaming.planning.rules import plan_by_rules
from dreaming.planning.situation import Situation, Urgency
from dreaming.planning.situation_reader import SituationReader, window_rooms
from dreaming.planning.thinking import Thinker, ThinkingFailed, ask, plan_of, read_proposal, think
from dreaming.providers.registry import ConfiguredProvider
from dreaming.upgrading.arrow_arrays import string_array
from dreaming.upgrading.terms import UpgradeTerms


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
        """`run_id` is the run that acts on the plans, None for previews.

        `account` is a further scope that pays for thinking.
        """
        self._home = home
        self._providers = providers
        self._reader = SituationReader(home, providers)
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
        """Plan an upgrade, keep the plans, and return them.

        Args:
            asked: the terms; a provider, model or limit in them is kept to.
            days: the days whose chunks may be upgraded.
            planner: thinking asks the thinking model; the rules decide where it fails or goes
                beyond the limits.
            urgency: how soon the upgrade is wanted.
            paced: whether the standing budgets are to last until the end of the month, more of them
                on important days.

        Raises:
            UsageError: terms that no upgrade can have.

        """
        situation = await asyncio.to_thread(
            self.situation, asked, days, urgency=urgency, paced=paced
        )
        # Always: the record shows what the thinking model changed, and its failure costs nothing.
        rules = plan_by_rules(situation)
        thinking = None
        why_rules = None
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
        thinker = self._thinker
        if thinker is None:
            thinker = configured_thinker(
                self._home, self._providers, run_id=self._run_id, account=self._account
            )
        # The question is paid for, so it is not asked where no plan could come of it.
        if not situation.options or not situation.chunks:
            raise ThinkingFailed("There is nothing to think about.")
        answer = await think(thinker, ask(situation))
        proposal = read_proposal(answer, situation)
        if proposal.terms is None or proposal.terms.filter == situation.asked.filter:
            return plan_of(proposal, situation)
        # Its filter leaves fewer candidates, which are counted anew.
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
        """The situation of an upgrade; reads the candidates of the days."""
        return self._reader.read(asked, days, urgency=urgency, paced=paced)

    def searched_for(self, days: Collection[date]) -> int:
        """The number of conversations with basic chunks that recent searches have found."""
        asked = UpgradeTerms(target_quality="good")
        importance = self._home.memory.importance()
        providers = self._reader.able_providers(asked)
        if not providers or not importance:
            return 0
        candidates, _, _ = read_groups(self._home, asked, providers[0], days)
        searched = string_array(list(importance))
        is_searched = pc.is_in(candidates.column("chunk_id"), value_set=searched)
        return len(candidates.column("conversation_id").filter(is_searched).unique())


def make_optimizer(
    home: Home, providers: Mapping[str, ConfiguredProvider], *, thinker: Thinker | None = None
) -> MCPThinkingOptimizer:
    """The optimizer that knows the month's budgets, and what searches have found."""

    def circumstances() -> Circumstances:
        configured = providers.get(DEFAULT_PROVIDER)
        has_key = configured is not None and configured.can_be_paid
        left: dict[QualityLevel, Limits] = {}
        for level in PAID_LEVELS:
            rooms = window_rooms(home, DEFAULT_PROVIDER, level)
            # Without a key nothing can be spent, whatever the budgets say.
            left[level] = rooms["month"].within(rooms["day"]) if has_key else Limits(tokens=0)
        searched_for = Planner(home, providers).searched_for(home.store.days("upgraded_chunks"))
        return Circumstances(left=left, searched_for=searched_for)

    return MCPThinkingOptimizer(circumstances, thinker=thinker)
