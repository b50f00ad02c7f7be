"""The providers against a fake vendor that others wrote (llmock): a wire is not only what we take
it to be.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dreaming.model_call import ModelCall
from dreaming.providers.result import Chunked, GivenUp
from tests.prompting.builders import excerpt, numbered
from tests.providers.conftest import TARGETS

SHOWN = excerpt("one", "two", "three")
PATHS = {"anthropic": "/anthropic", "openai": ""}


@pytest.fixture(params=PATHS)
def chunk(request, llmock):
    """Has a conversation cut by each provider, at that vendor."""
    target = TARGETS[request.param]

    def run(**settings):
        provider = target.provider(llmock.url + PATHS[request.param], **settings)

        async def cut():
            async with provider:
                return await provider.chunk_conversation(SHOWN)

        return asyncio.run(cut())

    return run


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)


def test_a_reply_is_read_with_its_usage(chunk, llmock):
    """Text, tokens, reference and stop."""
    llmock.reply(numbered((1, 2), (3, 3)))
    result = chunk()
    assert isinstance(result, Chunked), result
    assert [(t.first, t.last) for t in result.topics] == [(0, 2), (2, 3)]
    assert result.usage.all_input_tokens > 0
    assert result.usage.output_tokens > 0
    [answer] = result.outcomes
    assert answer.stop == "end"
    assert answer.vendor_ref


@pytest.mark.parametrize(
    ("status", "options", "reason", "charge", "attempts"),
    [
        (400, {}, "bad_request", "released", 1),
        (401, {}, "unauthorized", "released", 1),
        (404, {}, "no_such_model", "released", 1),
        (429, {"retry_after": 0.01}, "rate_limited", "released", 8),
        (500, {}, "server_error", "unknown", 3),
        (503, {}, "overloaded", "unknown", 3),
        (529, {}, "overloaded", "unknown", 3),
    ],
)
def test_each_status_ends_in_a_typed_outcome(
    chunk, llmock, status, options, reason, charge, attempts
):
    """As at our own fake vendor."""
    llmock.fail(status, times=attempts, **options)
    result = chunk()
    assert isinstance(result, GivenUp), result
    assert (result.failure.reason, result.failure.charge, len(result.outcomes)) == (
        reason,
        charge,
        attempts,
    )


def test_a_rate_limit_is_waited_for(chunk, llmock):
    """As long as the vendor asks, which keeps books of that."""
    llmock.fail(429, times=2, retry_after=0.2)
    llmock.reply(numbered((1, 3)))
    result = chunk()
    assert isinstance(result, Chunked)
    assert len(result.outcomes) == 3
    llmock.assert_resilient()


def test_an_answer_that_is_late_is_a_timeout(chunk, llmock):
    """And what it cost is unknown."""
    llmock.delay(2.0, times=3)
    result = chunk(timeout_seconds=0.2)
    assert isinstance(result, GivenUp)
    assert (result.failure.reason, result.failure.charge) == ("timeout", "unknown")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Sure!", "invalid_json"), ('{"chunks": [{"fir', "invalid_json"), ("{}", "invalid_json")],
)
def test_words_that_are_no_reply_are_charged_and_given_up(chunk, llmock, text, reason):
    """After asking once more."""
    llmock.reply(text, times=2)
    result = chunk()
    assert isinstance(result, GivenUp)
    assert (result.failure.reason, result.failure.charge, len(result.outcomes)) == (
        reason,
        "charged",
        2,
    )


# That vendor leaves the file open that was uploaded.
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", PATHS)
def test_a_batch_is_given_found_and_read(llmock, name):
    """Each call by its id, with its usage, through the vendor's SDK."""
    provider = TARGETS[name].provider(llmock.url + PATHS[name])
    given = {f"call-{n}": call(n) for n in range(3)}

    async def go():
        async with provider:
            batches = provider.batches()
            ref = await batches.submit("batch-of-ours", given)
            assert isinstance(ref, str), ref
            while not (await batches.look(ref)).has_ended:
                await asyncio.sleep(0.2)
            since = datetime.now(UTC) - timedelta(hours=1)
            found = await batches.find("batch-of-ours", given.keys(), since=since, known=())
            other = await batches.find(
                "another", ["call-7", "call-8", "call-9"], since=since, known=()
            )
            return ref, found, other, await batches.read(ref)

    ref, found, other, results = asyncio.run(go())
    assert (found, other) == (ref, None)
    assert results.outcomes.keys() == given.keys()
    for answer in results.outcomes.values():
        assert answer.charge == "charged"
        assert answer.usage.all_input_tokens > 0
        assert answer.usage.output_tokens > 0


def call(number):
    """Some call."""
    return ModelCall(
        conversation_id=None,
        instructions="Cut it.",
        content=f"[1] user: about {number}",
        schema={"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        max_output_tokens=200,
        prompt_version="test",
    )
