"""Thirty days upgraded in batches, against the same at once: what each costs by the price library,
and what it gives.

Both go through the vendors' official SDKs to a fake vendor on loopback, which counts by a real
tokenizer. The budget is one that a batch's reservations do not fit into at once, so that it is
spent over several.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.corpus import Corpus, make_conversations
from benchmarks.result import Aim, Cell, Result
from dreaming.buying.collecting import find_due
from dreaming.buying.executor import DreamingExecutor
from dreaming.chunking.tokens import count_tokens
from dreaming.home import Home, open_home
from dreaming.model_call import Delivery, TokenUsage
from dreaming.money import to_usd
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.prices import price_of
from dreaming.testing import make_settings
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.upgrading.terms import UpgradeTerms

DAYS = 30
FIRST = date(2026, 1, 1)
A_DAY = (6_000,) * 8
"""The sizes of a day's conversations, in bytes."""
BUDGET_TOKENS = 700_000
SUFFIXES = {"anthropic": "", "openai": "/v1"}
DELIVERIES: tuple[Delivery, ...] = ("now", "batch")
_WHAT_IS_SAID = (
    "content",
    "spans",
    "labels",
    "entities",
    "summary",
    "language",
    "speaker",
    "tokens_used",
)


@dataclass(slots=True)
class _Upgraded:
    """What came of one upgrade."""

    chunks: list[Any]
    tokens: int
    cost_usd: Decimal
    by_library: Decimal
    """What the price library says of the vendor's own books."""
    rounds: int
    calls: int
    seconds: float


def measure_batches(corpus: Corpus) -> Result:
    """Upgrade the days with each provider in both ways."""
    rows: list[dict[str, Cell]] = []
    differences = off_by = 0.0
    for provider in SUFFIXES:
        done = {delivery: _upgrade(corpus, provider, delivery) for delivery in DELIVERIES}
        now, batch = done["now"], done["batch"]
        differences += sum(
            one != other for one, other in zip(now.chunks, batch.chunks, strict=True)
        )
        off_by += abs(float(now.cost_usd - 2 * batch.cost_usd))
        rows += [
            {
                "upgrade": f"{provider}, {delivery}",
                "chunks": len(each.chunks),
                "calls": each.calls,
                "batches": each.rounds,
                "tokens": each.tokens,
                "USD": f"{each.cost_usd:.6f}",
                "USD by the library": f"{each.by_library:.6f}",
                "s": each.seconds,
            }
            for delivery, each in done.items()
        ]
    return Result(
        name="batches",
        title=f"{DAYS} days upgraded at once, and in batches",
        rows=tuple(rows),
        aims=(
            Aim("chunks that say something else in batches", differences, 0, at_most=True),
            Aim("USD that twice the price of batches is off by", off_by, 0, at_most=True),
        ),
        notes=(f"Text: {corpus.source}.",),
    )


def _upgrade(corpus: Corpus, name: str, delivery: Delivery) -> _Upgraded:
    with _home(corpus) as home, FakeVendor(count_tokens=count_tokens) as vendor:
        settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url + SUFFIXES[name])
        providers = {name: ConfiguredProvider(name, settings)}
        executor = DreamingExecutor(home, providers, run_id="benchmark")
        asked = UpgradeTerms(
            target_quality="good", provider=name, delivery=delivery, max_tokens=BUDGET_TOKENS
        )
        request, days = executor.begin("R", asked), home.store.days("upgraded_chunks")
        started = perf_counter()
        executor.upgrade(request, days)
        while find_due(home, providers).requests:
            executor.upgrade(request, home.requests.open_days("R"))
        seconds = perf_counter() - started
        balance = home.ledger.balance("request/R")
        assert balance.reserved.tokens == 0
        assert balance.spent.tokens == vendor.books.charged_tokens <= BUDGET_TOKENS
        return _Upgraded(
            chunks=list(_chunks(home)),
            tokens=balance.spent.tokens,
            cost_usd=balance.spent.cost_usd,
            by_library=_by_library(vendor, name),
            rounds=len(home.batches.find("collected", request_id="R")),
            calls=len(vendor.books.served),
            seconds=seconds,
        )


def _by_library(vendor: FakeVendor, provider: str) -> Decimal:
    """What the vendor's books come to."""
    at, total = datetime.now(UTC), 0
    for one in vendor.books.served:
        usage = TokenUsage(input_tokens=one.input_tokens, output_tokens=one.output_tokens)
        total += price_of(provider, one.model, at=at).cost(usage, at=at, delivery=one.delivery)
    return to_usd(total)


@contextmanager
def _home(corpus: Corpus) -> Iterator[Home]:
    """Thirty days, basic."""
    with (
        TemporaryDirectory(prefix="dreaming-batches-") as folder,
        open_home(make_settings(Path(folder))) as home,
    ):
        for number in range(DAYS):
            home.archive.add(
                list(
                    make_conversations(corpus, FIRST + timedelta(number), conversation_bytes=A_DAY)
                )
            )
        for day in home.pipeline.waiting_days():
            home.pipeline.run_day(day)
        yield home


def _chunks(home: Home) -> Iterator[tuple[Any, ...]]:
    """What the chunks of all days say, and what they took."""
    for day in home.store.days("upgraded_chunks"):
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            for chunk in chunks.rows():
                topics = [(topic.message_id, topic.start, topic.score) for topic in chunk.topics]
                yield (topics, *(getattr(chunk, each) for each in _WHAT_IS_SAID))
