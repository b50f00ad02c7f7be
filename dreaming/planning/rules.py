"""The planner that is always there."""

from dreaming.planning.plan import Plan, terms_with
from dreaming.planning.situation import ModelOption, Situation

LEAST_CALLS = 3
"""A night that pays for fewer saves them for a later one, which knows more of what is searched for.
"""


def plan_by_rules(situation: Situation) -> Plan:
    """The plan with the most gain within today's allowance; of equal ones the cheapest, the
    quickest if urgent.
    """
    if not situation.options:
        return _nothing(
            "No provider that could be asked has a key, a budget and a model of the quality asked "
            "for."
        )
    if not situation.chunks:
        return _nothing("There is no chunk to upgrade.")
    offers = [(option, situation.allowance(option)) for option in situation.options]
    offers = [(option, allowance) for option, allowance in offers if allowance.is_bound]
    if not offers:
        names = " and ".join(sorted({option.provider for option in situation.options}))
        return _nothing(
            f"Nothing bounds what may be spent with {names}. Give a budget, or set one: dreaming "
            "budget set."
        )
    outlooks = {option.name: option.forecast.within(allowance) for option, allowance in offers}

    def value(offer: tuple[ModelOption, object]) -> tuple[float, float, float]:
        outlook = outlooks[offer[0].name]
        cost, minutes = -float(outlook.cost_usd), -outlook.minutes
        return (
            (outlook.gain, minutes, cost)
            if situation.urgency == "high"
            else (outlook.gain, cost, minutes)
        )

    option, allowance = max(offers, key=value)
    outlook = outlooks[option.name]
    if outlook.calls < (
        min(LEAST_CALLS, situation.calls) if situation.paced and situation.days_left > 1 else 1
    ):
        return _nothing(
            f"{_allowed(situation, option)}, which is too little to choose well: it is saved."
        )
    reason = (
        f"{_allowed(situation, option)}. {option.name} is expected to upgrade {outlook.chunks:,} "
        "chunks with it, what "
        "was searched for and what the rules are least sure of first"
    )
    others = [other.name for other, _ in offers if other is not option]
    return Plan(
        planner="rules",
        terms=terms_with(situation.asked, option, allowance),
        outlook=outlook,
        reason=f"{reason}; {', '.join(others)} would gain no more." if others else f"{reason}.",
    )


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
