"""The flow that was asked for, on real conversations: basic for free, good from leftover quota,
premium by label.

The vendor knows the true topics: the samples' conversations follow one another in chats of six, so
that each chat has several topics and chunks. With `DREAMING_TEST_DATA` it is done over all of
`conversations/*.jsonl` too.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

import dreaming.samples
from dagster_project.building import build_definitions
from dreaming.buying.quota import check_api_quota
from dreaming.chunk import lanes
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import Conversation, ConversationId, MessageId
from dreaming.importing import ImportReport, read_exports
from dreaming.model_call import TokenUsage
from dreaming.money import to_usd
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import Limit
from dreaming.spending.prices import price_of
from dreaming.testing.fake_vendor import FakeVendor, GoldAnswers

DATA = os.environ.get("DREAMING_TEST_DATA")
FIRST = date(2026, 2, 13)
JOINED = 6
UPGRADED = dg.AssetKey("upgraded_chunks")
LABELS = ("travel", "billing", "family", "architecture", "books")


def chats(files):
    """The conversations of files as chats of six, one after the other on a few days; and where each
    topic begins.
    """
    found = []
    for file in files:
        held = [c for c in read_exports([file], ImportReport()) if lanes(c.messages).get("text")]
        parts = [held[number : number + JOINED] for number in range(0, len(held), JOINED)]
        found += [
            _joined(f"{file.stem}:{number}", part, day=number % 3)
            for number, part in enumerate(parts)
        ]
    return found


def _joined(name, conversations, *, day):
    at = datetime.combine(FIRST + timedelta(days=day), datetime.min.time(), UTC) + timedelta(
        hours=8
    )
    messages, starts = [], []
    for conversation in conversations:
        starts.append(MessageId(f"m{len(messages)}"))
        for message in lanes(conversation.messages)["text"]:
            moment = at + timedelta(seconds=len(messages))
            messages.append(replace(message, id=MessageId(f"m{len(messages)}"), timestamp=moment))
    return Conversation(
        ConversationId(name), "test", None, at, messages[-1].timestamp, tuple(messages)
    ), starts


def in_messages(told):
    """The topics' names are unique within a chat only: the vendor is told them by chat."""
    return [(conversation.messages, starts[1:]) for conversation, starts in told]


class Runs:
    """Runs of the jobs, and what they logged."""

    def __init__(self, home, vendor, instance):
        self.home, self.vendor, self.instance = home, vendor, instance
        settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
        self.providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
        self.definitions = build_definitions(home.settings, home=home, providers=self.providers)

    def run(self, name, config, *, tags=None):
        op = {"initial": "dreaming", "upgrade": "upgrade_chunks"}[name]
        result = self.definitions.resolve_job_def(name).execute_in_process(
            instance=self.instance, run_config={"ops": {op: {"config": config}}}, tags=tags or {}
        )
        logged = {}
        for event in result.all_events:
            if event.is_step_materialization and event.asset_key == UPGRADED:
                materialization = event.step_materialization_data.materialization
                logged[materialization.partition] = {
                    k: v.value for k, v in materialization.metadata.items()
                }
        return logged


def books_of(vendor, model):
    """Calls, tokens and dollars by the vendor's own books and the price library."""
    served = [one for one in vendor.books.served if one.model == model]
    price, now = (
        price_of("anthropic", model, at=datetime(2026, 11, 23, tzinfo=UTC)),
        datetime(2026, 11, 23, tzinfo=UTC),
    )
    usage = [
        TokenUsage(input_tokens=one.input_tokens, output_tokens=one.output_tokens) for one in served
    ]
    cost = to_usd(sum(price.cost(each, at=now) for each in usage))
    return len(served), sum(one.charged_tokens for one in served), cost


def levels(home):
    found = Counter()
    for day in home.store.days("upgraded_chunks"):
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            found.update(level for (level,) in chunks.cells("quality_level"))
    return {level: found[level] for level in ("basic", "good", "premium")}


def topics(home):
    """(conversation, message) of the topics that begin in upgraded chunks."""
    found = set()
    for day in home.store.days("upgraded_chunks"):
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            for chunk in chunks.rows():
                if chunk.quality_level != "basic":
                    found |= {(chunk.conversation_id, t.message_id) for t in chunk.topics}
    return found


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(dreaming.samples.FILES, id="samples"),
        pytest.param(
            sorted(Path(DATA, "conversations").glob("*.jsonl")) if DATA else [],
            id="data",
            marks=pytest.mark.skipif(not DATA, reason="DREAMING_TEST_DATA names no folder"),
        ),
    ],
)
def test_the_flow_that_was_asked_for(home, clock, files):
    """Each figure in the metadata of the runs is the vendor's own, to the token and the cent."""
    told = chats(files)
    labels = {}
    for number, (conversation, starts) in enumerate(told):
        for place, start in enumerate(starts):
            labels[conversation.messages[int(start[1:])].content] = [
                LABELS[(number + place) % len(LABELS)]
            ]
    answers = GoldAnswers(
        in_messages(told), labels_of=lambda message: labels.get(message.content, ["talk"])
    )
    clock.now = datetime(2026, 2, 14, 3, tzinfo=UTC)
    home.archive.add([conversation for conversation, _ in told])
    days = [FIRST + timedelta(days=n) for n in range(3)]
    with (
        FakeVendor(answer=answers, count_tokens=count_tokens) as vendor,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        runs = Runs(home, vendor, instance)
        clock.now = datetime(2026, 2, 17, 3, tzinfo=UTC)
        span = {
            "dagster/asset_partition_range_start": str(days[0]),
            "dagster/asset_partition_range_end": str(days[-1]),
        }

        first = runs.run("initial", {}, tags=span)
        basic = sum(each["quality_basic"] for each in first.values())
        assert levels(home) == {"basic": basic, "good": 0, "premium": 0}
        assert basic > 3 * len(told)
        assert not vendor.books.served

        clock.move(timedelta(days=1))
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=50_000))
        assert check_api_quota(home.ledger, runs.providers).tokens == 50_000
        asked = {
            "target_quality": "good",
            "filter": "quality_level=basic AND needs_upgrade=true",
            "limit": 50,
        }
        second = runs.run(
            "upgrade", asked | {"model": "claude-haiku-3-5", "budget": {"max_tokens": 50_000}}
        )
        calls, tokens, cost = books_of(vendor, "claude-haiku-4-5")
        assert calls == len(vendor.books.served) > 0
        for each in second.values():
            assert (each["tokens_consumed"], each["chunks_upgraded"]) == (tokens, 50)
            assert each["estimated_cost_usd"] == pytest.approx(float(cost), abs=1e-12)
            assert each["budget_left_tokens"] == 50_000 - tokens
            assert each["quality_after"] == levels(home)
            assert Decimal(each["task_result"]["estimated_cost_usd"]) == cost
        assert sum(each["day_tokens_consumed"] for each in second.values()) == tokens <= 50_000
        assert check_api_quota(home.ledger, runs.providers).tokens == 50_000 - tokens

        # All the rest, so that what is asked for on day 30 has its labels.
        home.ledger.set_limit("anthropic", "good", "month", Limit(tokens=10**8))
        runs.run("upgrade", {"target_quality": "good", "budget": {"max_tokens": 10**8}})
        assert levels(home)["basic"] == 0
        true = {(c.id, start) for c, starts in told for start in starts[1:]}
        assert topics(home) == true

        clock.now = datetime(2026, 3, 15, 12, tzinfo=UTC)
        wanted = "labels CONTAINS 'billing' OR labels CONTAINS 'architecture'"
        good = sum(
            any(label in ("billing", "architecture") for label in labels)
            for day in days
            for labels in chunk_labels(home, day)
        )
        asked = {
            "target_quality": "premium",
            "filter": wanted,
            "model": "claude-sonnet-4-5",
            "limit": 20,
        }
        third = runs.run("upgrade", asked | {"budget": {"max_tokens": 100_000}})
        calls, tokens, cost = books_of(vendor, "claude-sonnet-4-5")
        assert calls > 0
        for each in third.values():
            assert (each["tokens_consumed"], each["chunks_upgraded"]) == (tokens, min(20, good))
            assert Decimal(each["task_result"]["estimated_cost_usd"]) == cost
            assert each["llm_model"] == "claude-sonnet-4-5"
            assert each["quality_after"] == levels(home)
        assert tokens <= 100_000
        assert topics(home) == true


def chunk_labels(home, day):
    with home.store.open_chunks("upgraded_chunks", day) as chunks:
        return [chunk.labels for chunk in chunks.rows()]
