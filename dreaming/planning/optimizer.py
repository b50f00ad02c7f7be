"""The choice of a provider, a model and a budget for a task, by rules that users know by name."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

from dreaming.bounds import MOST
from dreaming.buying.offers import DEFAULT_PROVIDER
from dreaming.chunk import QUALITY_LEVELS, QUALITY_RANKS, QualityLevel
from dreaming.errors import UsageError
from dreaming.model_call import TokenUsage
from dreaming.money import limit_picodollars, read_usd, to_usd
from dreaming.planning.forecast import Limits
from dreaming.planning.situation import Urgency
from dreaming.planning.thinking import (
    Question,
    Thinker,
    ThinkingFailed,
    read_object,
    read_tokens,
    think,
)
from dreaming.prompting.cleaning import clean_summary
from dreaming.providers.models import default_model, resolve_model
from dreaming.spending.prices import price_of
from dreaming.task import TaskResources

PAID_LEVELS: Sequence[QualityLevel] = ("good", "premium")

# The figures below are part of the rules that users know (docs/planning.md).
PREMIUM_TOKENS = 100_000
"""The budget of premium quality, which is also the least that it takes."""
LEAST_TOKENS: Mapping[QualityLevel, int] = {"good": 1_000, "premium": PREMIUM_TOKENS}
URGENT_TOKENS = 200_000
"""The budget of a task that is urgent and may cost more than `URGENT_USD`."""
SMALL_TOKENS = 50_000
"""The budget of good quality."""
SMALL_BATCH = 10
"""Fewer conversations than this get good quality at once."""
URGENT_USD = 10

# As much output for its input as upgrades usually have: output is dearer.
_MIX = (6_000, 1_000)
"""Tokens of input and output from which the price of a token is computed."""


def select_llm_provider(
    budget_available: int, quality_required: str, time_available: float
) -> TaskResources:
    """The provider, model and budget for a quality.

    Args:
        budget_available: tokens; 0 chooses the local model, which gives basic chunks.
        quality_required: basic, good or premium. Premium takes 100,000 tokens.
        time_available: seconds. Every quality but premium gets the quicker model, which also suits
            less than a minute.

    Raises:
        UsageError: a value that is not valid, or premium with a budget below 100,000 tokens: never
            a lower quality instead.

    """
    level = _level(quality_required)
    if not 0 <= budget_available <= MOST["max_tokens"]:
        raise UsageError(
            f"budget_available = {budget_available} is no number of tokens; expected 0 or more."
        )
    if not time_available > 0:
        raise UsageError(
            f"time_available = {time_available} is no time; expected seconds, more than 0."
        )
    if level == "premium":
        if budget_available < PREMIUM_TOKENS:
            raise UsageError(
                f"budget_available = {budget_available:,} tokens is too little for premium "
                "quality, which takes "
                f"{PREMIUM_TOKENS:,}. Give more, or ask for good."
            )
        return _cloud("premium", PREMIUM_TOKENS)
    if budget_available:
        return _cloud("good", budget_available)
    return TaskResources(llm_provider="local")


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an optimizer knows besides its arguments."""

    left: Mapping[QualityLevel, Limits] = field(default_factory=dict)
    """The room in the standing budgets of each level; a level without a budget is missing."""
    searched_for: int = 0
    """Conversations waiting for an upgrade that recent searches have found."""


class MCPThinkingOptimizer:
    """Chooses the resources of a task by the user's budget, the urgency and the topics' quality.

    `circumstances` returns the room in the month's budgets and what searches have found; by default
    nothing is known of them. A `thinker` is asked first; the rules decide where it is absent,
    fails, or goes beyond the limits.
    """

    def __init__(
        self,
        circumstances: Callable[[], Circumstances] = Circumstances,
        *,
        thinker: Thinker | None = None,
    ) -> None:
        self._circumstances = circumstances
        self._thinker = thinker
        self.reason = ""
        """The reason of the last choice, for people."""

    def select_dreaming_resources(
        self,
        conversations_count: int,
        user_budget: float,
        urgency: str,
        quality_requirements: Mapping[str, str],
    ) -> TaskResources:
        """The provider, model and budget of a task.

        Args:
            conversations_count: how many conversations there are to work on.
            user_budget: dollars that may be spent on the task.
            urgency: low, medium or high.
            quality_requirements: the quality that each topic needs at least: {"billing":
                "premium"}.

        Raises:
            UsageError: a value that is not valid, or a quality that the budget does not pay for.

        """
        wish = _Wish.of(conversations_count, user_budget, urgency, quality_requirements)
        circumstances = self._circumstances()
        try:
            return self._thought(wish, circumstances)
        except ThinkingFailed as failure:
            resources, self.reason = _by_rules(wish, circumstances)
            if self._thinker is not None:
                self.reason = f"{self.reason} (The thinking model was not followed: {failure})"
            return resources

    def _thought(self, wish: "_Wish", circumstances: Circumstances) -> TaskResources:
        """The resources that the thinking model chooses.

        Raises `ThinkingFailed` when its choice cannot be followed.
        """
        if self._thinker is None:
            raise ThinkingFailed("There is none.")
        question = Question(json.dumps(wish.as_json(circumstances)), INSTRUCTIONS, RESOURCES_SCHEMA)
        # In a thread: `asyncio.run` fails where the caller is on an event loop already.
        with ThreadPoolExecutor(1) as executor:
            text = executor.submit(asyncio.run, think(self._thinker, question)).result()
        answer = read_object(text)
        level = str(answer.get("quality_level"))
        tokens = read_tokens(answer)
        if level not in QUALITY_LEVELS or QUALITY_RANKS[level] < QUALITY_RANKS[wish.required]:
            raise ThinkingFailed(
                f"It chose {clean_summary(level)!r}, and {wish.required} is needed."
            )
        if level == "basic":
            resources = TaskResources(llm_provider="local")
        else:
            paid: QualityLevel = "premium" if level == "premium" else "good"
            allowed = _affordable(paid, wish, circumstances)
            if not LEAST_TOKENS[paid] <= tokens <= allowed:
                least = LEAST_TOKENS[paid]
                raise ThinkingFailed(
                    f"It asked for {tokens:,} tokens, and from {least:,} up to {allowed:,} are "
                    "allowed."
                )
            resources = _bounded(paid, tokens, wish)
        reason = answer.get("reason") or "The thinking model gave no reason."
        self.reason = clean_summary(str(reason))
        return resources


INSTRUCTIONS = """\
You choose the quality and the budget of a task that cuts conversations into memory chunks: basic \
(free, local), good
(a cheap cloud model) or premium (the best). Given the circumstances as JSON, answer with one \
JSON object: quality_level
(at least the required one), max_tokens (0 for basic; never more than allowed_tokens of that \
level) and reason (one
sentence for the person).
"""


RESOURCES_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "quality_level": {"type": "string"},
        "max_tokens": {"type": "integer"},
        "reason": {"type": "string"},
    },
    "required": ["quality_level", "max_tokens", "reason"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """The arguments of a choice, checked."""

    conversations: int
    usd: Decimal
    urgency: Urgency
    required: QualityLevel
    topics: Mapping[str, str]

    @classmethod
    def of(cls, conversations: int, usd: float, urgency: str, topics: Mapping[str, str]) -> "_Wish":
        if not conversations >= 0:
            raise UsageError(
                f"conversations_count = {conversations} is no number of conversations."
            )
        if urgency not in get_args(Urgency):
            raise UsageError(
                f"urgency = {urgency!r} is none. Choose {', '.join(get_args(Urgency))}."
            )
        if not 0 <= usd <= MOST["max_cost_usd"]:
            raise UsageError(f"user_budget = {usd} is no number of dollars; expected 0 or more.")
        levels = [_level(level, of=topic) for topic, level in topics.items()]
        required: QualityLevel = max(levels, key=QUALITY_RANKS.__getitem__, default="basic")
        return cls(
            conversations=conversations,
            usd=read_usd(usd),
            urgency=urgency,  # type: ignore[arg-type] # one of them, as was just looked
            required=required,
            topics=topics,
        )

    def as_json(self, circumstances: Circumstances) -> dict[str, Any]:
        return {
            "conversations": self.conversations,
            "user_budget_usd": str(self.usd),
            "urgency": self.urgency,
            "quality_of_topics": dict(self.topics),
            "required": self.required,
            "searched_for": circumstances.searched_for,
            "left_this_month": {
                level: limits.as_json() for level, limits in circumstances.left.items()
            },
            "allowed_tokens": {
                level: _affordable(level, self, circumstances) for level in PAID_LEVELS
            },
        }


def _by_rules(wish: _Wish, circumstances: Circumstances) -> tuple[TaskResources, str]:
    """The first choice that is good enough and affordable, and its reason."""
    for level, tokens, reason in _choices(wish, circumstances):
        if QUALITY_RANKS[level] < QUALITY_RANKS[wish.required]:
            continue
        if level == "basic":
            return TaskResources(llm_provider="local"), reason
        allowed = _affordable(level, wish, circumstances)
        if allowed >= LEAST_TOKENS[level]:
            return _bounded(level, min(tokens, allowed), wish), reason
    needing = ", ".join(topic for topic, level in wish.topics.items() if level == wish.required)
    allowed = _affordable(wish.required, wish, circumstances)
    least = LEAST_TOKENS[wish.required]
    raise UsageError(
        f"{needing} needs {wish.required} quality, and user_budget = {wish.usd} dollars with what "
        "is left of the month "
        f"pays for {allowed:,} tokens of it; at least {least:,} are needed. Give more, or ask for "
        "less."
    )


def _choices(wish: _Wish, circumstances: Circumstances) -> Iterator[tuple[QualityLevel, int, str]]:
    """Levels, tokens and reasons in order of preference; all levels are among them."""
    if wish.urgency == "high" and wish.usd > URGENT_USD:
        yield "premium", URGENT_TOKENS, f"It is urgent, and ${wish.usd} pay for the best model."
    if wish.conversations < SMALL_BATCH:
        yield (
            "good",
            SMALL_TOKENS,
            f"{wish.conversations} conversations are few: worth good quality at once.",
        )
    if circumstances.searched_for:
        yield (
            "good",
            SMALL_TOKENS,
            f"Searches have found {circumstances.searched_for} of the conversations.",
        )
    yield "basic", 0, f"{wish.conversations} conversations begin with what is free."
    yield "good", SMALL_TOKENS, "Good quality is needed."
    yield "premium", PREMIUM_TOKENS, "Premium quality is needed."


def _affordable(level: QualityLevel, wish: _Wish, circumstances: Circumstances) -> int:
    """The tokens of a level that the user's dollars and the month's budget pay for."""
    left = circumstances.left.get(level, Limits())
    picodollars = limit_picodollars(wish.usd)
    if left.picodollars is not None:
        picodollars = min(picodollars, left.picodollars)
    tokens = picodollars // _token_price(level)
    return tokens if left.tokens is None else min(tokens, left.tokens)


def _token_price(level: QualityLevel) -> int:
    """Picodollars per token, of input and output in the usual proportion."""
    input_tokens, output_tokens = _MIX
    price = _price(level, input_tokens=input_tokens, output_tokens=output_tokens)
    return price // (input_tokens + output_tokens)


def _price(level: QualityLevel, **tokens: int) -> int:
    now = datetime.now(UTC)
    served = resolve_model(DEFAULT_PROVIDER, _model(level), today=now.date()).served
    return price_of(DEFAULT_PROVIDER, served, at=now).cost(TokenUsage(**tokens), at=now)


def _cloud(level: QualityLevel, tokens: int) -> TaskResources:
    return TaskResources(llm_provider=DEFAULT_PROVIDER, model=_model(level), max_tokens=tokens)


def _model(level: QualityLevel) -> str:
    return default_model(DEFAULT_PROVIDER, level)


def _bounded(level: QualityLevel, tokens: int, wish: _Wish) -> TaskResources:
    """The resources, bounded in dollars too if their tokens could cost more than the budget."""
    resources = _cloud(level, tokens)
    # All tokens as output, which is the dearest kind.
    worst = _price(level, output_tokens=tokens)
    if to_usd(worst) <= wish.usd:
        return resources
    return replace(resources, max_cost_usd=wish.usd)


def _level(quality: str, of: str = "quality_required") -> QualityLevel:
    for level in QUALITY_LEVELS:
        if level == quality:
            return level
    raise UsageError(f"{of} = {quality!r} is no quality. Choose {', '.join(QUALITY_LEVELS)}.")
