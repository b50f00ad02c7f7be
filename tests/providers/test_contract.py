"""What every provider promises, over its own SDK and real HTTP."""

import asyncio
import socket

import pytest

from dreaming.model_call import Answer, Failure
from dreaming.providers.result import Chunked, GivenUp
from dreaming.testing.fake_vendor import Fault, Reply
from tests.prompting.builders import excerpt, numbered
from tests.providers.conftest import KEY, TARGETS

TALK = [f"Message number {n} about the plans for the week." for n in range(12)]


def chunk(provider, shown=None, **options):
    """Have a conversation cut, from connecting to closing."""

    async def run():
        async with provider:
            await provider.connect()
            return await provider.chunk_conversation(shown or excerpt(*TALK), **options)

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    """Pauses between attempts are short here: they are tested with a clock of their own."""
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)


@pytest.mark.parametrize("shape", ["indices", "verbatim"])
def test_a_conversation_is_cut_in_both_shapes(target, serve, shape):
    """Topics tile it; usage and the vendor's reference are there; the books say the same tokens."""
    vendor = serve()
    result = chunk(target.provider(vendor, reply_shape=shape))
    assert isinstance(result, Chunked), result
    assert [(t.first, t.last) for t in result.topics] == [(0, 6), (6, 12)]
    assert result.repairs == ()
    assert result.usage.total_tokens == vendor.books.charged_tokens
    [answer] = result.outcomes
    assert isinstance(answer, Answer)
    assert answer.charge == "charged"
    assert answer.seconds > 0
    assert (answer.vendor_ref is not None) == (
        result.model.served != "fake-model" or target.own_server
    )


def test_a_long_conversation_is_shown_in_windows(target, serve):
    """And is one conversation afterwards."""
    vendor = serve()
    shown = excerpt(*(f"Message number {n} about the plans for the week." for n in range(60)))
    result = chunk(target.provider(vendor, window_tokens=300), shown)
    assert isinstance(result, Chunked)
    assert len(vendor.books.served) == len(result.outcomes) > 3
    assert [t.first for t in result.topics] == [0, *(t.last for t in result.topics[:-1])]
    assert result.topics[-1].last == 60


FAULTS = {
    "400": (Fault.of_status(400), "bad_request", "released", 1),
    "401": (Fault.of_status(401), "unauthorized", "released", 1),
    "403": (Fault.of_status(403), "unauthorized", "released", 1),
    "404": (Fault.of_status(404), "no_such_model", "released", 1),
    "413": (Fault.of_status(413), "bad_request", "released", 1),
    "no credit": (
        Fault.of_status(429, "You exceeded your current quota: insufficient_quota."),
        "quota_exhausted",
        "released",
        1,
    ),
    "429": (Fault.of_status(429, retry_after="0.01"), "rate_limited", "released", 8),
    "429 for an hour": (Fault.of_status(429, retry_after="3600"), "rate_limited", "released", 1),
    "500": (Fault.of_status(500), "server_error", "unknown", 3),
    "503": (Fault.of_status(503), "overloaded", "unknown", 3),
    "529": (Fault.of_status(529), "overloaded", "unknown", 3),
    "hang": (Fault("hang"), "timeout", "unknown", 3),
    "reset": (Fault("reset"), "disconnected", "unknown", 3),
    "cut": (Fault("cut"), "disconnected", "unknown", 3),
    "invalid body": (Fault("invalid_body"), "unreadable", "charged", 1),
    "empty body": (Fault("empty_body"), "unreadable", "charged", 1),
    "html": (Fault("html"), "unreadable", "charged", 1),
    "refusal": (Fault("refusal", says="I cannot help with that."), "refusal", "charged", 1),
    "max tokens": (Fault("max_tokens"), "max_tokens", "charged", 2),
    "empty": (Fault("empty"), "empty", "charged", 2),
    "no JSON": (Fault("says", says="Sure! Here are the chunks:"), "invalid_json", "charged", 2),
    "truncated JSON": (
        Fault("says", says='{"chunks": [{"first": 1, "la'),
        "invalid_json",
        "charged",
        2,
    ),
    "gaps": (Fault("says", says=numbered((2, 3))), "invalid_reply", "charged", 2),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_in_an_outcome_that_says_what_was_charged(target, serve, fault):
    """Tried again where that may help, given up where not; the vendor never charged what was called
    released.
    """
    broken, reason, charge, attempts = FAULTS[fault]
    if fault == "refusal" and target.name == "local":
        pytest.skip(
            "servers of one's own have no word for a refusal"
            if not target.own_server
            else "as OpenAI's"
        )
    if fault == "429 for an hour" and target == TARGETS["ollama"]:
        pytest.skip("its client does not tell the headers of errors")
    vendor = serve()
    vendor.break_next(*[broken] * attempts)
    timeout = 0.15 if fault == "hang" else 5
    result = chunk(target.provider(vendor, timeout_seconds=timeout))
    assert isinstance(result, GivenUp), result
    assert result.failure.reason == reason
    assert result.failure.charge == charge
    assert len(result.outcomes) == attempts == len(vendor.books.served)
    charged = [outcome.charge for outcome in result.outcomes]
    for said, served in zip(charged, vendor.books.served, strict=True):
        assert served.charged_tokens == 0 or said != "released"
        assert served.charged_tokens > 0 or said != "charged"
    assert KEY not in repr(result)


@pytest.mark.parametrize(
    "fault", [name for name, (_, _, _, attempts) in FAULTS.items() if attempts > 1]
)
def test_a_fault_that_passes_costs_no_conversation(target, serve, fault):
    """The next attempt cuts it."""
    vendor = serve()
    vendor.break_next(FAULTS[fault][0])
    result = chunk(target.provider(vendor, timeout_seconds=0.3 if fault == "hang" else 5))
    assert isinstance(result, Chunked), result
    assert len(result.outcomes) == 2


def test_a_reply_without_usage_is_used(target, serve):
    """What it cost is then not known."""
    vendor = serve()
    vendor.break_next(Fault("no_usage"))
    result = chunk(target.provider(vendor))
    assert isinstance(result, Chunked)
    assert result.outcomes[0].usage is None


def test_nobody_there_is_unreachable_and_released(target):
    """Nothing was sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = chunk(target.provider(f"http://127.0.0.1:{port}"))
    assert isinstance(result, GivenUp)
    assert result.outcomes[0].reason == "unreachable"
    assert (
        f"127.0.0.1:{port}" in result.failure.message
        or "cannot be reached" in result.failure.message
    )
    assert {outcome.charge for outcome in result.outcomes} == {"released"}


def test_a_model_that_the_server_does_not_have_is_said_to_be_missing(target, serve):
    """By name, with what to do."""
    vendor = serve(models=["some-other", "and-another"])
    result = chunk(target.provider(vendor))
    assert isinstance(result, GivenUp)
    assert result.failure.reason == "no_such_model"
    assert result.model.served in result.failure.message


def test_a_wrong_key_stops_all_further_attempts(target, serve):
    """A run does not knock a thousand times at a door that is shut."""
    if target.name == "local":
        pytest.skip("needs no key")
    vendor = serve(keys={"sk-another"})
    provider = target.provider(vendor)

    async def run():
        async with provider:
            return [await provider.chunk_conversation(excerpt(*TALK)) for _ in range(5)]

    results = asyncio.run(run())
    assert {result.failure.reason for result in results} == {"unauthorized"}
    assert len(vendor.books.served) == 1
    assert all(KEY not in repr(result) for result in results)


def test_without_a_key_nothing_is_sent(target, serve):
    """And the failure names the variable."""
    if target.name == "local":
        pytest.skip("needs no key")
    provider = target.provider(serve(), api_key=None, base_url=None)
    result = chunk(provider)
    assert isinstance(result, GivenUp)
    assert result.failure.reason == "missing_key"
    assert f"{target.name.upper()}_API_KEY" in result.failure.message


def test_a_budget_bounds_the_attempts(target, serve):
    """No attempt is made that could bring the tokens over it."""
    vendor = serve()
    result = chunk(target.provider(vendor), max_tokens=500)
    assert isinstance(result, GivenUp)
    assert result.failure.reason == "over_budget"
    assert vendor.books.served == []


def test_what_is_local_only_stays_local(target, serve):
    """A cloud provider is not shown it."""
    vendor = serve()
    shown = excerpt(*TALK)
    shown = type(shown)(conversation_id=shown.conversation_id, units=shown.units, local_only=True)
    result = chunk(target.provider(vendor), shown)
    if target.name == "local":
        assert isinstance(result, Chunked)
    else:
        assert isinstance(result, GivenUp)
        assert result.failure.reason == "local_only"
        assert vendor.books.served == []


def test_an_unusable_reply_is_asked_for_once_more_with_what_was_wrong(target, serve):
    """In our words: the second request holds nothing of the reply."""
    vendor = serve()
    vendor.break_next(Fault("says", says="FLOWERS ARE NICE"))
    assert isinstance(chunk(target.provider(vendor)), Chunked)
    first, second = vendor.books.served
    assert second.content.startswith(first.content)
    assert "it was not JSON" in second.content
    assert "FLOWERS" not in second.content


def test_a_reply_that_was_cut_off_may_be_longer_the_second_time(target, serve):
    """A model that reasons needs room for it."""
    vendor = serve()
    vendor.break_next(Fault("max_tokens"))
    assert isinstance(chunk(target.provider(vendor)), Chunked)
    first, second = vendor.books.served
    assert second.max_output_tokens == 3 * first.max_output_tokens


def test_attempts_are_bounded_and_slow_down_when_asked_to(target, serve):
    """More than the vendor takes at once is refused by it, waited for, and done."""
    vendor = serve(at_once=4, latency_seconds=0.01)
    provider = target.provider(vendor, max_concurrency=16)

    async def run():
        async with provider:
            await provider.connect()
            return await asyncio.gather(
                *(provider.chunk_conversation(excerpt(*TALK)) for _ in range(60))
            )

    results = asyncio.run(run())
    assert all(isinstance(result, Chunked) for result in results)
    assert vendor.books.most_in_flight <= 16


def test_cached_tokens_are_counted_as_such(target, serve):
    """Each vendor says it in its own way; the sum is the same."""
    if target.name == "local":
        pytest.skip("has no cache that is told of")
    vendor = serve(answer=lambda _request: Reply(numbered((1, 12)), cache_read_tokens=15))
    result = chunk(target.provider(vendor))
    assert result.usage.cache_read_tokens == 15
    assert result.usage.total_tokens == vendor.books.charged_tokens


def test_the_reply_is_asked_for_by_a_schema(target, serve):
    """Natively, in what the vendor supports: it refuses any other."""
    vendor = serve()
    chunk(target.provider(vendor))
    [served] = vendor.books.served
    chunks = served.schema["properties"]["chunks"]
    assert set(chunks["items"]["required"]) >= {"first", "last", "labels", "summary"}
    assert ("maxItems" in chunks) == (target.name == "local")
    assert isinstance(served.max_output_tokens, int)


def test_failures_are_failures_and_never_raised(target, serve):
    """Not even by a vendor that answers all sorts of JSON."""
    for says in ("[]", "{}", '"text"', "17", "null"):
        vendor = serve()
        vendor.break_next(Fault.of_status(500, says), Fault.of_status(400, says))
        result = chunk(target.provider(vendor))
        assert isinstance(result, GivenUp)
        assert isinstance(result.failure, Failure)
