"""The choice of provider, model and budget, by the rules that users know by name."""

import pytest

from dreaming import MCPThinkingOptimizer, TaskResources, select_llm_provider
from dreaming.errors import UsageError
from dreaming.planning.forecast import Limits
from dreaming.planning.optimizer import Circumstances
from dreaming.planning.thinking import ThinkingFailed
from tests.builders import ScriptedThinker as Scripted

HAIKU, SONNET = "claude-haiku-3-5", "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("budget", "quality", "seconds", "expected"),
    [
        (0, "basic", 600, TaskResources(llm_provider="local")),
        (0, "good", 600, TaskResources(llm_provider="local")),
        (
            50_000,
            "good",
            600,
            TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=50_000),
        ),
        (
            50_000,
            "good",
            30,
            TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=50_000),
        ),
        (
            100_000,
            "premium",
            600,
            TaskResources(llm_provider="anthropic", model=SONNET, max_tokens=100_000),
        ),
        (
            250_000,
            "premium",
            30,
            TaskResources(llm_provider="anthropic", model=SONNET, max_tokens=100_000),
        ),
    ],
)
def test_the_rules_choose_as_asked_for(budget, quality, seconds, expected):
    """Each of them."""
    assert select_llm_provider(budget, quality, seconds) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (99_999, "premium", 600),
            "99,999 tokens is too little for premium quality, which takes 100,000",
        ),
        ((0, "premium", 600), "too little for premium"),
        ((-1, "good", 600), "budget_available = -1"),
        ((1_000, "best", 600), "quality_required = 'best' is no quality"),
        ((1_000, "good", 0), "time_available = 0"),
    ],
)
def test_a_quality_is_never_lowered_and_nonsense_is_refused(arguments, message):
    """With the value and what was expected."""
    with pytest.raises(UsageError, match=message):
        select_llm_provider(*arguments)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            (500, 20, "high", {}),
            TaskResources(llm_provider="anthropic", model=SONNET, max_tokens=200_000),
        ),
        ((500, 10, "high", {}), TaskResources(llm_provider="local")),
        (
            (9, 5, "low", {}),
            TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=50_000),
        ),
        ((10, 5, "low", {}), TaskResources(llm_provider="local")),
        (
            (500, 5, "low", {"billing": "good"}),
            TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=50_000),
        ),
        (
            (500, 5, "low", {"billing": "premium", "travel": "basic"}),
            TaskResources(llm_provider="anthropic", model=SONNET, max_tokens=100_000),
        ),
        ((3, 0, "low", {}), TaskResources(llm_provider="local")),
    ],
)
def test_the_optimizer_weighs_money_urgency_and_what_topics_need(asked, expected):
    """Without circumstances: as asked for, and no quality that a topic needs is left out."""
    optimizer = MCPThinkingOptimizer()
    assert optimizer.select_dreaming_resources(*asked) == expected
    assert optimizer.reason


def test_the_optimizer_knows_what_is_left_of_the_month_and_what_was_searched_for():
    """A month that is nearly spent lowers what nobody needs, and refuses what somebody does."""
    poor = MCPThinkingOptimizer(lambda: Circumstances(left={"premium": Limits(tokens=5_000)}))
    assert poor.select_dreaming_resources(500, 20, "high", {}).llm_provider == "local"
    with pytest.raises(
        UsageError,
        match=r"billing needs premium quality.* pays for 5,000 tokens.* 100,000 are needed",
    ):
        poor.select_dreaming_resources(500, 20, "high", {"billing": "premium"})
    asked_about = MCPThinkingOptimizer(lambda: Circumstances(searched_for=3))
    assert asked_about.select_dreaming_resources(500, 5, "low", {}).model == HAIKU
    assert "found 3 of the conversations" in asked_about.reason


def test_few_dollars_bound_the_tokens_in_dollars_too():
    """Where all of them as output would come to more."""
    resources = MCPThinkingOptimizer().select_dreaming_resources(3, 0.1, "low", {})
    assert (resources.max_tokens, str(resources.max_cost_usd)) == (50_000, "0.1")


def test_a_thinking_model_may_choose_within_the_limits():
    """And says why."""
    thinker = Scripted({"quality_level": "good", "max_tokens": 20_000, "reason": "A quiet week."})
    optimizer = MCPThinkingOptimizer(thinker=thinker)
    resources = optimizer.select_dreaming_resources(500, 5, "low", {})
    assert resources == TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=20_000)
    assert optimizer.reason == "A quiet week."
    assert thinker.asked[0]["allowed_tokens"]["good"] > 20_000


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("I like turtles.", "no JSON object"),
        ({"quality_level": "basic", "max_tokens": 0, "reason": ""}, "good is needed"),
        ({"quality_level": "best", "max_tokens": 9, "reason": ""}, "good is needed"),
        ({"quality_level": "premium", "max_tokens": 10**9, "reason": ""}, "up to"),
        ({"quality_level": "good", "max_tokens": "all", "reason": ""}, "is no number"),
        (ThinkingFailed("It did not answer."), "It did not answer"),
    ],
)
def test_a_thinking_model_that_fails_or_leaves_the_limits_is_not_followed(answer, why):
    """The rules decide, and the reason says so."""
    optimizer = MCPThinkingOptimizer(thinker=Scripted(answer))
    resources = optimizer.select_dreaming_resources(500, 5, "low", {"billing": "good"})
    assert resources == TaskResources(llm_provider="anthropic", model=HAIKU, max_tokens=50_000)
    assert why in optimizer.reason


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ((-1, 5, "low", {}), "conversations_count = -1"),
        ((1, -5, "low", {}), "user_budget = -5"),
        ((1, float("nan"), "low", {}), "user_budget = nan"),
        ((1, 5, "urgent", {}), "urgency = 'urgent' is none. Choose low, medium, high"),
        ((1, 5, "low", {"billing": "best"}), "billing = 'best' is no quality"),
    ],
)
def test_what_cannot_be_meant_is_refused(asked, message):
    """Naming the value."""
    with pytest.raises(UsageError, match=message):
        MCPThinkingOptimizer().select_dreaming_resources(*asked)
