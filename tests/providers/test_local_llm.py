"""A real local LLM, where there is one: `DREAMING_TEST_LOCAL_URL` names it."""

import asyncio
import os
from datetime import date

import pytest

from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import make_provider
from dreaming.providers.result import Chunked, GivenUp
from tests.prompting.builders import excerpt

URL = os.environ.get("DREAMING_TEST_LOCAL_URL")

pytestmark = [
    pytest.mark.local_llm,
    pytest.mark.skipif(not URL, reason="DREAMING_TEST_LOCAL_URL names no local LLM"),
]

TALK = [
    "I want to learn watercolour painting. Where do I begin?",
    "With good paper, two brushes and three colours. Paint simple shapes first.",
    "Which paper do you mean?",
    "Cold pressed, 300 grams: it stays flat when it is wet.",
    "Thanks! Something else: my invoice of March was charged twice. Whom do I ask?",
    "Your bank can undo one of the two payments; call them with both dates.",
    "请问我的中文书什么时候寄到?",
    "您的书已经寄出,预计星期五送到。",
]


@pytest.mark.parametrize("shape", ["indices", "verbatim"])
def test_it_cuts_a_real_conversation(shape):
    """Into topics that tile it, with words about each."""
    settings = ProviderSettings(
        base_url=URL, model=os.environ.get("DREAMING_TEST_LOCAL_MODEL"), reply_shape=shape
    )

    async def run():
        async with make_provider("local", settings, today=date(2026, 11, 24)) as provider:
            assert await provider.connect() is None
            return await provider.chunk_conversation(excerpt(*TALK))

    result = asyncio.run(run())
    if shape == "verbatim" and isinstance(result, GivenUp):
        # Small models leave most of the text out when they are to repeat it: seen, said and given
        # up.
        assert (result.failure.reason, result.failure.charge) == ("invalid_reply", "charged")
        return
    assert isinstance(result, Chunked), result.failure
    assert [topic.first for topic in result.topics] == [
        0,
        *(topic.last for topic in result.topics[:-1]),
    ]
    assert result.topics[-1].last == len(TALK)
    assert any(topic.labels for topic in result.topics)
    assert any(topic.summary for topic in result.topics)
    assert result.usage.output_tokens > 0
