"""The situation of a planner: terms, limits, model options, and the chunks to upgrade."""

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
    """The name under which the vendor serves it."""
    asked: str
    """The name that the user writes, which the settings of the model go by."""
    quality_level: QualityLevel
    delivery: Delivery = "now"
    """Whether replies come at once, or within a day at half the price."""
    month: Limits
    """The room in the standing budget of the month."""
    room: Limits
    """The room in all of its standing budgets."""
    forecast: Forecast
    measured_calls: int
    """The calls that speed and cost were learnt from; 0 if they are the usual ones."""

    @property
    def name(self) -> str:
        """The name by which it is chosen: provider, model and delivery."""
        name = f"{self.provider}/{self.model}"
        return f"{name} in batches" if self.delivery == "batch" else name

    def as_json(self, limits: Limits) -> dict[str, Any]:
        """The option for a thinking model, with its forecast within limits."""
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
    """The usual worth that comes between two plans."""
    nights_saved: int = 0
    """The latest nights in a row that spent nothing: their shares may be spent too."""
    options: Sequence[ModelOption] = ()
    topics: Sequence[Topic] = ()
    chunks: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def day_ratio(self) -> float:
        """The worth that came today, as a multiple of the usual: today's part of an even share.

        Bounded by `LEAST_SHARE` and `LARGEST_SHARE`; 1 while it is unknown.
        """
        if self.new_worth is None or not self.usual_worth:
            return 1.0
        return min(max(self.new_worth / self.usual_worth, LEAST_SHARE), LARGEST_SHARE)

    @property
    def calls(self) -> int:
        """The number of calls that the whole upgrade would take."""
        counts = [len(option.forecast.groups) for option in self.options]
        return max(counts, default=0)

    def allowance(self, option: ModelOption) -> Limits:
        """The limits of today with a model: its budgets' room, or today's share of the month."""
        return self._within(option, self.day_ratio * (1 + self.nights_saved))

    def most(self, option: ModelOption) -> Limits:
        """The limits of any plan: those of the most important day."""
        return self._within(option, LARGEST_SHARE * (1 + self.nights_saved))

    def _within(self, option: ModelOption, days: float) -> Limits:
        """The room of an option, and of the month the even share of some days."""
        room = option.room.within(self.limits)
        # On the last day of the month everything may be spent: the rest of it is lost.
        if not self.paced or self.days_left == 1:
            return room
        share = min(days / self.days_left, 1.0)
        tokens = _share(option.month.tokens, share)
        picodollars = _share(option.month.picodollars, share)
        return room.within(Limits(tokens=tokens, picodollars=picodollars))

    def as_json(self) -> dict[str, Any]:
        """The situation as it is recorded: figures, and no text of conversations."""
        models = []
        for option in self.options:
            shares = {
                "todays_allowance": self.allowance(option).as_json(),
                "at_most": self.most(option).as_json(),
            }
            models.append(option.as_json(self.limits) | shares)
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
            "models": models,
        }

    def topics_as_json(self) -> list[dict[str, Any]]:
        """The topics of the candidates, for a thinking model.

        Labels are taken from conversations, and are no instructions.
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


# A quiet day still spends something on what was left before it. With a larger share, one day could
# take what all the later days of the month need.
LEAST_SHARE = 0.25
"""The least that a quiet day may spend, in even shares of what is left of the month."""
LARGEST_SHARE = 4.0
"""The most that an important day may spend."""


def _share(amount: int | None, share: float) -> int | None:
    return None if amount is None else int(amount * share)
