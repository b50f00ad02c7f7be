"""A plan: the terms of an upgrade, what it is expected to give, and why."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from dreaming.money import to_usd
from dreaming.planning.forecast import Limits, Outlook
from dreaming.planning.situation import ModelOption, Situation
from dreaming.upgrading.terms import UpgradeTerms

PlannerName = Literal["rules", "thinking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of one planner."""

    planner: PlannerName
    terms: UpgradeTerms | None
    """None: nothing is to be spent now."""
    outlook: Outlook = field(default_factory=Outlook)
    reason: str
    """For people."""

    def as_json(self) -> dict[str, Any]:
        """The plan as it is recorded."""
        outlook = self.outlook
        return {
            "planner": self.planner,
            "terms": self.terms and self.terms.as_json(),
            "chunks": outlook.chunks,
            "calls": outlook.calls,
            "expected_tokens": outlook.tokens,
            "expected_cost_usd": str(outlook.cost_usd),
            "expected_minutes": outlook.minutes,
            "expected_gain": outlook.gain,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The plans of the rules and of the thinking model, if one was asked."""

    plan_id: str
    made_at: datetime
    situation: Situation
    rules: Plan
    thinking: Plan | None = None
    why_rules: str | None = None
    """Why the rules decide although a thinking model was asked."""

    @property
    def plan(self) -> Plan:
        """The plan to act on."""
        return self.thinking or self.rules

    def as_json(self) -> dict[str, Any]:
        """The decision as it is recorded."""
        return {
            "plan_id": self.plan_id,
            "made_at": self.made_at.isoformat(),
            "chosen": self.plan.as_json(),
            "why_rules": self.why_rules,
            "rules": self.rules.as_json(),
            "thinking": self.thinking and self.thinking.as_json(),
            "situation": self.situation.as_json(),
        }


def terms_with(
    asked: UpgradeTerms, option: ModelOption, limits: Limits, *, filter: str | None = None
) -> UpgradeTerms:
    """The terms that were asked for, with the model and the limits that were planned."""
    return replace(
        asked,
        filter=filter or asked.filter,
        provider=option.provider,
        providers=(),
        model=option.asked,
        delivery=option.delivery,
        max_tokens=limits.tokens,
        max_cost_usd=None if limits.picodollars is None else to_usd(limits.picodollars),
        max_duration_seconds=limits.seconds,
    )
