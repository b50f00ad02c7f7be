"""Upgrades in batches: what several tests of them do and assert."""

import os
import socket
from collections import Counter
from datetime import date

import pytest
import sqlalchemy as sa

from dreaming.buying.collecting import find_due
from dreaming.buying.executor import DreamingExecutor
from dreaming.model_call import TokenUsage
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import request_scope
from dreaming.spending.prices import price_of
from dreaming.storage.tables import batches, calls
from dreaming.testing import make_conversation
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim
from tests.builders import talk

DAY = date(2026, 3, 1)


PROVIDERS = {"anthropic": "", "openai": "/v1"}


TIMES = int(os.environ.get("DREAMING_TEST_TIMES", "1"))
"""How often each crash strikes, and each odd answer comes."""


def fill(home, conversations=4):
    home.archive.add(
        [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(conversations)]
    )
    home.pipeline.run_day(DAY)


def providers(vendor, name, **given):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url + PROVIDERS[name], **given)
    return {name: ConfiguredProvider(name, settings)}


def upgrade(
    home,
    vendor,
    provider="anthropic",
    request_id="R",
    run_id="run",
    days=(DAY,),
    delivery=None,
    max_concurrency=None,
    **terms,
):
    work = DreamingExecutor(
        home, providers(vendor, provider, max_concurrency=max_concurrency), run_id=run_id
    )
    asked = {
        "target_quality": "good",
        "max_tokens": 500_000,
        "delivery": "batch",
        "provider": provider,
    } | terms
    return work.upgrade(work.begin(request_id, UpgradeTerms(**asked)), days, delivery=delivery)


def collect(home, vendor, provider="anthropic", run_id="collecting", **given):
    """What the sensor and `dreaming collect` do: go on with what there is something to take for."""
    due = find_due(home, providers(vendor, provider))
    assert not due.failures, due.failures
    return [
        upgrade(home, vendor, provider, each, run_id, home.requests.open_days(each), **given)
        for each in due.requests
    ]


def rows(home, day=DAY):
    with home.store.open_chunks("upgraded_chunks", day) as partition:
        return list(partition.rows())


def ledger(home):
    with home.ledger.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(calls)).mappings()]


def states(home):
    with home.ledger.database.read() as connection:
        return Counter(connection.execute(sa.select(batches.c.state)).scalars())


def assert_books_agree(home, vendor, provider, *, unknown=0):
    """The ledger says what the vendor charged, call by call and in all its scopes, and nothing is
    held any more.
    """
    mine = ledger(home)
    assert Counter(row["state"] for row in mine)["reserved"] == 0, mine
    charged = sorted(
        (one.input_tokens, one.output_tokens, one.delivery)
        for one in vendor.books.served
        if one.charged_tokens
    )
    settled = [
        row for row in mine if row["state"] == "settled" and row["output_tokens"] is not None
    ]
    told = sorted((row["input_tokens"], row["output_tokens"], row["delivery"]) for row in settled)
    if not unknown:
        assert told == charged
    assert sum(row["state"] == "unknown" for row in mine) == unknown
    for row in settled:
        usage = TokenUsage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"])
        price = price_of(provider, row["model"], at=row["reserved_at"])
        assert row["cost_picodollars"] == price.cost(
            usage, at=row["reserved_at"], delivery=row["delivery"]
        )
    balance = home.ledger.balance(request_scope("R"))
    assert balance.reserved.tokens == 0
    assert balance.spent.tokens == sum(
        row["counted_tokens"] for row in mine if row["request_id"] == "R"
    )
    assert balance.spent.picodollars == sum(
        row["cost_picodollars"] for row in mine if row["request_id"] == "R"
    )


def assert_verbatim(home):
    chunks = rows(home)
    with home.store.open_conversations(DAY) as raw:
        for conversation in raw.rows():
            prove_verbatim(
                conversation,
                [c for c in chunks if c.conversation_id == conversation.conversation_id],
            )


def assert_all_good(home):
    assert {chunk.quality_level for chunk in rows(home)} == {"good"}
    assert_verbatim(home)


def said_of(chunk):
    """What a chunk says, but for what it cost and when and by which call it was bought."""
    topics = [(topic.message_id, topic.start, topic.score) for topic in chunk.topics]
    names = (
        "content",
        "spans",
        "labels",
        "entities",
        "summary",
        "language",
        "speaker",
        "tokens_used",
        "quality_level",
    )
    return [topics, *(getattr(chunk, name) for name in names)]


def assert_no_token_spent(home):
    assert home.ledger.balance(request_scope("R")).spent.tokens == 0


class Crash(BaseException):
    """The process ends here."""


def crash_at(monkeypatch, home, name):
    """End the process when it writes a batch down: before or after it is given to the vendor."""

    def crash(*_args, **_kwargs):
        raise Crash

    monkeypatch.setattr(type(home.batches), name, crash)


def die(home, monkeypatch):
    """Let the process that made the calls and batches be gone."""
    monkeypatch.undo()
    dead = f"{socket.gethostname()}|an earlier boot|1|1.0"
    with home.ledger.database.write() as connection:
        connection.execute(calls.update().where(calls.c.state == "reserved").values(owner=dead))
        connection.execute(batches.update().where(batches.c.owner.is_not(None)).values(owner=dead))


def upgrade_and_crash(home, vendor, provider, monkeypatch, name):
    crash_at(monkeypatch, home, name)
    with pytest.raises(Crash):
        upgrade(home, vendor, provider)
    die(home, monkeypatch)
