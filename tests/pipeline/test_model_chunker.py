"""Basic chunks by a local LLM: its topics where it gives any, the rules' for all else, and every
text in a chunk.
"""

import json
import re
from datetime import date

import pytest
import sqlalchemy as sa

from dreaming.chunking.rules import RulesChunker
from dreaming.conversation import ConversationId
from dreaming.pipeline.model_chunker import open_model_chunker
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import make_provider
from dreaming.spending.meter import Meter
from dreaming.storage.tables import calls
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor, Fault
from dreaming.verbatim import prove_verbatim
from tests.prompting.builders import describe

DAY = date(2026, 3, 1)
FIRST = (
    "We plan the harvest festival: " + "tents, music and soup for everyone in the village. " * 12
)
SECOND = (
    "The invoice of March was paid twice: "
    + "the bank says one of the two payments can be undone. " * 12
)
TALK = [FIRST, "Good, I will ask the farmers.", SECOND, "I will call Ms. Keller at the bank."]


def answer(request):
    """The festival, then the invoice."""
    units = re.findall(r"^\[(\d+)\] \w+: (.*)", request.content, re.MULTILINE)
    last = len(units)
    second = next((int(n) for n, text in units if text.startswith("The invoice")), last + 1)
    topics = [
        (1, second - 1, describe(labels=["Village Fest"], summary="A festival is planned.")),
        (
            second,
            last,
            describe(
                labels=["billing"], entities=["Ms. Keller", "Elon"], summary="A payment is undone."
            ),
        ),
    ]
    chunks = [
        {"first": first, "last": end, **described}
        for first, end, described in topics
        if first <= end
    ]
    return json.dumps({"chunks": chunks})


@pytest.fixture
def vendor():
    with FakeVendor(answer=answer, own_server=True) as running:
        yield running


@pytest.fixture
def chunked(any_home, vendor):
    """Runs a day with the local LLM; returns what it reports."""

    def run(rechunk="outdated", model=None, url=None):
        settings = ProviderSettings(base_url=url or vendor.url + "/v1", model=model)
        meter = Meter(any_home.ledger, purpose="basic_chunks", run_id="run")
        provider = make_provider("local", settings, today=DAY, meter=meter)
        with open_model_chunker(provider) as chunker:
            any_home.pipeline.gather(DAY)
            any_home.pipeline.chunk(DAY, rechunk=rechunk, chunker=chunker)
            any_home.pipeline.publish(DAY)
            return chunker.report

    return run


def rows(home):
    with home.store.open_chunks("upgraded_chunks", DAY) as partition:
        return list(partition.rows())


def recorded(home):
    with home.ledger.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(calls)).mappings()]


def test_a_models_topics_become_chunks_that_say_what_made_them(any_home, chunked):
    """Text from the source, topics and descriptions from the model; tokens add up to the call's."""
    any_home.archive.add([make_conversation(TALK)])
    report = chunked()
    chunks = rows(any_home)
    assert [chunk.labels for chunk in chunks] == [("village-fest",), ("billing",)]
    assert [chunk.summary for chunk in chunks] == ["A festival is planned.", "A payment is undone."]
    assert chunks[1].entities == ("Ms. Keller",)
    assert "".join(chunk.content for chunk in chunks).startswith(FIRST)
    [call] = recorded(any_home)
    assert sum(chunk.input_tokens for chunk in chunks) == call["input_tokens"] > 0
    assert sum(chunk.output_tokens for chunk in chunks) == call["output_tokens"] > 0
    assert (
        sum(chunk.tokens_used for chunk in chunks) == call["input_tokens"] + call["output_tokens"]
    )
    assert {(c.llm_provider, c.llm_used, c.prompt_version, c.quality_level) for c in chunks} == {
        ("local", "fake-model", "chunk-2", "basic")
    }
    assert chunks[1].topics[0].score == 0.9
    assert (call["state"], call["model_asked"], call["run_id"]) == (
        "settled",
        "llama-3.2-3b",
        "run",
    )
    assert call["vendor_ref"].startswith("req_")
    assert (report.conversations_cut, report.calls, dict(report.fell_back)) == (1, 1, {})


def test_no_reply_is_asked_for_twice(any_home, chunked, vendor):
    """A day whose partitions are gone is cut from the record: the same rows, and no call."""
    any_home.archive.add([make_conversation(TALK)])
    chunked()
    before = rows(any_home)
    for asset in ("basic_chunks", "upgraded_chunks"):
        any_home.store._fs.rm(any_home.store.path(asset, DAY))
    report = chunked()
    assert rows(any_home) == before
    assert (report.calls, report.stored_calls, len(vendor.books.served)) == (1, 1, 1)
    assert len(recorded(any_home)) == 1


def test_what_a_model_cut_the_rules_leave_alone(any_home, chunked, vendor):
    """A nightly run by rules keeps it while the text is the same; a changed text is cut anew."""
    any_home.archive.add([make_conversation(TALK)])
    chunked()
    before = rows(any_home)
    any_home.pipeline.run_day(DAY)
    assert rows(any_home) == before
    any_home.archive.add([make_conversation([*TALK, "One more thing."])])
    any_home.pipeline.run_day(DAY)
    assert {chunk.llm_used for chunk in rows(any_home)} == {None}
    chunked()
    assert {chunk.llm_used for chunk in rows(any_home)} == {"fake-model"}
    assert len(vendor.books.served) == 2


@pytest.mark.parametrize("fault", ["400", "500", "reset", "empty", "no JSON", "max tokens"])
def test_where_the_model_fails_the_rules_cut(any_home, chunked, vendor, fault, monkeypatch):
    """The chunks are theirs, the reason is told, and the next run with the model tries again."""
    monkeypatch.setattr("dreaming.providers.retrying.FIRST_PAUSE_SECONDS", 0.001)
    faults = {
        "400": Fault.of_status(400),
        "500": Fault.of_status(500),
        "reset": Fault("reset"),
        "empty": Fault("empty"),
        "no JSON": Fault("says", says="No."),
        "max tokens": Fault("max_tokens"),
    }
    any_home.archive.add([make_conversation(TALK)])
    vendor.break_next(*[faults[fault]] * 3)
    report = chunked()
    assert {(chunk.llm_used, chunk.segmenter_version) for chunk in rows(any_home)} == {
        (None, RulesChunker().version)
    }
    assert sum(report.fell_back.values()) == 1
    assert report.first_failure
    assert len(recorded(any_home)) == report.calls == len(vendor.books.served)


def test_without_a_local_llm_the_rules_cut_everything(any_home, chunked):
    """And the report says what to start."""
    any_home.archive.add([make_conversation(TALK)])
    report = chunked(url="http://127.0.0.1:9")
    assert {chunk.llm_used for chunk in rows(any_home)} == {None}
    assert dict(report.fell_back) == {"unreachable": 1}
    assert "Start Ollama" in report.first_failure


def test_only_talk_is_shown(any_home, chunked, vendor):
    """What tools print and models think is cut by the rules, in the same day."""
    said = [
        ("user", TALK[0]),
        ("assistant", "x = 1\n" * 50, "tool_result"),
        ("assistant", "Hm.", "thinking"),
        TALK[2],
    ]
    conversation = make_conversation(said)
    any_home.archive.add([conversation])
    chunked()
    assert {chunk.kind: chunk.llm_used for chunk in rows(any_home)} == {
        "text": "fake-model",
        "tool_result": None,
        "thinking": None,
    }
    assert "x = 1" not in vendor.books.served[0].content
    with any_home.store.open_conversations(DAY) as raw:
        [day] = raw.rows()
    prove_verbatim(day, rows(any_home))
    assert chunked().calls == 0


def test_a_forgotten_conversation_leaves_figures_only(any_home, chunked):
    """The reply is gone, what it used stays counted."""
    any_home.archive.add([make_conversation(TALK)])
    chunked()
    any_home.forget(ConversationId("test:1"))
    [call] = recorded(any_home)
    assert call["reply"] is call["conversation_id"] is call["request_key"] is None
    assert call["input_tokens"] > 0
