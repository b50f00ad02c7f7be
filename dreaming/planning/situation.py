"""What a planner knows: what is asked for, what may be spent, what each model takes, and what there
is to upgrade.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from dreaming.chunk import QualityLevel
from dreaming.model_call import Delivery
from dreaming.planning.forecast import Forecast, Limits
from dreaming.upgrading.terms import UpgradeTerms

Urgency = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOption:
    """A model that could be asked."""

    provider: str
    model: str
    """As the vendor serves it."""
    asked: str
    """As the user writes it: what is configured about the model goes by this name."""
    quality_level: QualityLevel
    delivery: Delivery = "now"
    """Whether replies come at once, or within a day at half the price."""
    month: Limits
    """What the standing budget of the month leaves."""
    room: Limits
    """What all of its standing budgets leave now."""
    forecast: Forecast
    measured_calls: int
    """Calls that its speed and cost were learnt from; 0: what is usual."""

    @property
    def name(self) -> str:
        """By which it is chosen."""
        name = f"{self.provider}/{self.model}"
        return f"{name} in batches" if self.delivery == "batch" else name

    def as_json(self, limits: Limits) -> dict[str, Any]:
        """As a thinking model is told of it: what it would come to within limits."""
        outlook = self.forecast.within(limits.within(self.room))
        return {
            "provider": self.provider,
            "model": self.model,
            "quality_level": self.quality_level,
            "delivery": self.delivery,
            "left_in_budgets": self.room.as_json(),
            "seconds_per_call": round(self.forecast.seconds_per_call, 1),
            "measured_calls": self.measured_calls,
            "within_limits": {
                "chunks": outlook.chunks,
                "tokens": outlook.tokens,
                "cost_usd": str(outlook.cost_usd),
                "minutes": outlook.minutes,
                "gain": outlook.gain,
            },
        }


@dataclass(frozen=True, slots=True)
class Topic:
    """The candidates that have a label."""

    label: str
    chunks: int
    tokens: int
    importance: float
    """The mean of how prominently searches have found them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a planner knows."""

    now: datetime
    asked: UpgradeTerms
    """What is asked for; what it leaves open is to be planned."""
    urgency: Urgency = "low"
    limits: Limits = field(default_factory=Limits)
    """The hardest of all: what was asked for, and the time to the deadline. No plan may go beyond.
    """
    paced: bool = False
    """Whether the standing budgets are to last until the end of the month."""
    days_left: int = 1
    """In the month of the budgets, today included."""
    worth: float = 0.0
    """Of all candidates."""
    new_worth: float | None = None
    """What has come since the plan before this one."""
    usual_worth: float | None = None
    """What comes between two plans, as a rule."""
    nights_saved: int = 0
    """The latest nights that spent nothing: their shares are there too."""
    options: Sequence[ModelOption] = ()
    topics: Sequence[Topic] = ()
    chunks: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def day_ratio(self) -> float:
        """How much of a day's even share of the month today deserves: as what came is to what comes
        as a rule.
        """
        if self.new_worth is None or not self.usual_worth:
            return 1.0
        return min(max(self.new_worth / self.usual_worth, LEAST_SHARE), LARGEST_SHARE)

    @property
    def calls(self) -> int:
        """How many calls there are to make in all."""
        return max((len(option.forecast.groups) for option in self.options), default=0)

    def allowance(self, option: ModelOption) -> Limits:
        """What may be spent now with a model: its budgets' room, or
        of the month's today's share.
        """
        return self._within(option, self.day_ratio * (1 + self.nights_saved))

    def most(self, option: ModelOption) -> Limits:
        """What no plan may go beyond: what the most important of days may have."""
        return self._within(option, LARGEST_SHARE * (1 + self.nights_saved))

    def _within(self, option: ModelOption, days: float) -> Limits:
        """What may be spent now, of the month as much as so many days may have."""
        room = option.room.within(self.limits)
        if not self.paced or self.days_left == 1:
            return room
        share, month = min(days / self.days_left, 1.0), option.month
        return room.within(
            Limits(tokens=_share(month.tokens, share), picodollars=_share(month.picodollars, share))
        )

    def as_json(self) -> dict[str, Any]:
        """As it is recorded: figures, and nothing of what conversations say."""
        return {
            "today": self.now.date().isoformat(),
            "asked": self.asked.as_json(),
            "paced": self.paced,
            "urgency": self.urgency,
            "limits": self.limits.as_json(),
            "days_left_in_month": self.days_left,
            "todays_share_of_an_even_day": round(self.day_ratio, 2),
            "worth": round(self.worth, 1),
            "new_worth": self.new_worth,
            "candidates": self.chunks,
            "skipped": dict(self.skipped),
            "models": [
                option.as_json(self.limits)
                | {
                    "todays_allowance": self.allowance(option).as_json(),
                    "at_most": self.most(option).as_json(),
                }
                for option in self.options
            ],
        }

    def topics_as_json(self) -> list[dict[str, Any]]:
        """What the candidates are about, for a thinking model. Labels are what conversations say:
        data.
        """
        return [
            {
                "label": t.label,
                "chunks": t.chunks,
                "tokens": t.tokens,
                "importance": round(t.importance, 3),
            }
            for t in self.topics
        ]


LEAST_SHARE = 0.25
LARGEST_SHARE = 4.0
"""Bounds of what a quiet and an important day may spend, in even shares of what is left of the
month.
"""


def _share(amount: int | None, share: float) -> int | None:
    return None if amount is None else int(amount * share)
