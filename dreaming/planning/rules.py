"""The plan by the rules, which needs no model."""

from dreaming.planning.plan import Plan, terms_with
from dreaming.planning.situation import ModelOption, Situation

# A later night knows more of what is searched for. A larger number would save for longer, while
# chunks wait.
LEAST_CALLS = 3
"""A night that pays for fewer calls than this saves its share."""


def plan_by_rules(situation: Situation) -> Plan:
    """The plan with the most gain within today's allowance.

    Of plans with equal gain it is the cheapest; if the upgrade is urgent, the quickest.
    """
    if not situation.options:
        return _nothing(
            "No provider that could be asked has a key, a budget and a model of the quality asked "
            "for."
        )
    if not situation.chunks:
        return _nothing("There is no chunk to upgrade.")
    # What no budget bounds is not bought: a plan without a limit could spend without an end.
    bounded = [option for option in situation.options if situation.allowance(option).is_bound]
    if not bounded:
        names = " and ".join(sorted({option.provider for option in situation.options}))
        return _nothing(
            f"Nothing bounds what may be spent with {names}. Give a budget, or set one: dreaming "
            "budget set."
        )
    option = max(bounded, key=lambda option: _preference(situation, option))
    allowance = situation.allowance(option)
    outlook = option.forecast.within(allowance)
    least_calls = 1
    # On the last day of the month there is no later night to save for.
    if situation.paced and situation.days_left > 1:
        least_calls = min(LEAST_CALLS, situation.calls)
    if outlook.calls < least_calls:
        return _nothing(
            f"{_allowed(situation, option)}, which is too little to choose well: it is saved."
        )
    reason = (
        f"{_allowed(situation, option)}. {option.name} is expected to upgrade {outlook.chunks:,} "
        "chunks with it, what "
        "was searched for and what the rules are least sure of first"
    )
    others = [other.name for other in bounded if other is not option]
    return Plan(
        planner="rules",
        terms=terms_with(situation.asked, option, allowance),
        outlook=outlook,
        reason=f"{reason}; {', '.join(others)} would gain no more." if others else f"{reason}.",
    )


def _preference(situation: Situation, option: ModelOption) -> tuple[float, float, float]:
    """The order of options: the greatest is chosen."""
    outlook = option.forecast.within(situation.allowance(option))
    cheapness = -float(outlook.cost_usd)
    quickness = -outlook.minutes
    if situation.urgency == "high":
        return outlook.gain, quickness, cheapness
    return outlook.gain, cheapness, quickness


def _nothing(reason: str) -> Plan:
    return Plan(planner="rules", terms=None, reason=reason)


def _allowed(situation: Situation, option: ModelOption) -> str:
    allowance = situation.allowance(option)
    tokens = "any number of" if allowance.tokens is None else f"{allowance.tokens:,}"
    if not situation.paced:
        return f"{tokens} tokens may be spent"
    room = "any number" if option.room.tokens is None else f"{option.room.tokens:,}"
    return (
        f"Of {room} tokens left for {situation.days_left} days, {tokens} are for today: what has "
        "come is worth "
        f"{situation.day_ratio:.1f} times a usual day"
    )
