"""Names of models as users write them resolve to what vendors serve on a day."""

from datetime import date

import pytest

from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import ConversationId
from dreaming.errors import ConfigurationError
from dreaming.model_call import ModelCall
from dreaming.providers.models import resolve_model
from dreaming.providers.openai import OpenAIProvider
from dreaming.providers.provider import ProviderSettings

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("vendor", "name", "served", "quality"),
    [
        ("anthropic", "claude-haiku-3-5", "claude-haiku-4-5", "good"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5", "premium"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001", "good"),
        ("openai", "gpt-4o-mini", "gpt-4o-mini", "good"),
        ("local", "llama-3.2-3b", "llama3.2:3b", "basic"),
        ("local", "anything:at-all", "anything:at-all", "basic"),
    ],
)
def test_the_names_of_the_design_are_served(vendor, name, served, quality):
    """As they are written there, whatever the vendor calls the model today."""
    model = resolve_model(vendor, name, today=TODAY)
    assert (model.asked, model.served, model.quality_level) == (name, served, quality)


def test_a_model_that_will_end_is_warned_about_and_then_replaced():
    """By name and by date; the last day counts."""
    before = resolve_model("anthropic", "claude-sonnet-4-5", today=date(2026, 11, 30))
    assert before.served == "claude-sonnet-4-5"
    assert (
        before.warning
        == "The model 'claude-sonnet-4-5' ends on 2026-11-30. After that use 'claude-sonnet-4-6'."
    )
    after = resolve_model("anthropic", "claude-sonnet-4-5", today=date(2026, 12, 1))
    assert (after.asked, after.served, after.warning) == (
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        None,
    )
    assert resolve_model("anthropic", "claude-sonnet-4-5", today=date(2026, 10, 1)).warning is None


def test_a_model_that_has_ended_says_since_when_and_what_to_use():
    """Its dated name is not silently another model."""
    with pytest.raises(
        ConfigurationError,
        match=r"'claude-3-5-haiku-20241022' since 2026-02-19.*'claude-haiku-4-5'",
    ):
        resolve_model("anthropic", "claude-3-5-haiku-20241022", today=TODAY)


def test_an_unknown_model_is_refused_with_names_that_are_close():
    """And with how to use it nevertheless."""
    with pytest.raises(
        ConfigurationError, match=r"'claude-haiku-5'.*'claude-haiku-5-5'.*quality_level"
    ):
        resolve_model("anthropic", "claude-haiku-5", today=TODAY)
    model = resolve_model("openai", "my-own-model", today=TODAY, quality_level="good")
    assert (model.served, model.quality_level) == ("my-own-model", "good")


def test_what_the_user_says_wins():
    """Over levels and over names."""
    assert (
        resolve_model("openai", "gpt-4o", today=TODAY, quality_level="good").quality_level == "good"
    )
    model = resolve_model("anthropic", "mine", today=TODAY, aliases={"mine": "claude-opus-5-5"})
    assert (model.asked, model.served) == ("mine", "claude-opus-5-5")


def test_a_model_that_reasons_unless_told_not_to_is_told_so():
    """Reasoning is paid for as output; others are not told what they do not know."""
    call = ModelCall(
        conversation_id=ConversationId("c"),
        instructions="i",
        content="c",
        schema={},
        max_output_tokens=9,
        prompt_version="p",
    )

    def asked(model):
        return OpenAIProvider(
            ProviderSettings(api_key="k", model=model), today=date(2026, 11, 23)
        )._request(call)

    assert asked("gpt-5-mini")["reasoning_effort"] == "minimal"
    assert "reasoning_effort" not in asked("gpt-4o-mini")
    assert asked("gpt-5-mini")["max_completion_tokens"] == 9


def test_input_is_bounded_by_the_vendors_own_tokenizer_where_that_is_known():
    """OpenAI's is public; of whoever speaks its wire elsewhere only the bytes are sure."""
    call = ModelCall(
        conversation_id=ConversationId("c"),
        instructions="What is this about? " * 50,
        content="关于发票。" * 200,
        schema={"type": "object"},
        max_output_tokens=9,
        prompt_version="p",
    )
    theirs = OpenAIProvider(ProviderSettings(api_key="k"), today=date(2026, 11, 23))
    elsewhere = OpenAIProvider(
        ProviderSettings(base_url="http://127.0.0.1:1/v1"), today=date(2026, 11, 23)
    )
    counted = sum(map(count_tokens, (call.instructions, call.content)))
    assert counted < theirs.bound_input_tokens(call) < elsewhere.bound_input_tokens(call)
    assert elsewhere.bound_input_tokens(call) == call.largest_input_tokens
