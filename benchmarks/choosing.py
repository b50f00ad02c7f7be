"""How long an upgrade takes to find its candidates and to plan: a million chunks of a thousand
days.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.corpus import Corpus
from benchmarks.result import Aim, Cell, Result
from dreaming.buying.executor import DreamingExecutor
from dreaming.chunk import BChunk, ChunkId, QualityLevel, Span
from dreaming.conversation import ConversationId, Message, MessageId
from dreaming.home import Home, open_home
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.storage.tables import queries
from dreaming.testing import make_settings
from dreaming.upgrading.filtering.expression import matches
from dreaming.upgrading.filtering.parsing import parse_filter
from dreaming.upgrading.terms import UpgradeTerms

DAY_COUNT = 1_000
CHUNKS_A_DAY = 1_000
SEARCHES = 2_000
ROUNDS = 3
AIM_SECONDS = 2.0
BASELINE_DAYS = 20
"""Reading each chunk as a record takes minutes for all days: a few are measured, and the rest is as
much again.
"""

FILTERS = (
    "quality_level = basic AND needs_upgrade = true",
    "labels CONTAINS 'billing' AND quality_level != 'premium'",
    "NOT (language IN (zh, ja)) AND day >= 2024-01-01 AND confidence < 0.5",
)


def measure_choosing(corpus: Corpus) -> Result:
    """Plan an upgrade of 50,000 tokens for each filter over all days, and read chunk by chunk
    beside it.
    """
    with TemporaryDirectory() as folder, open_home(make_settings(Path(folder))) as home:
        days = [date(2022, 1, 1) + timedelta(days=n) for n in range(DAY_COUNT)]
        _write_days(home, days, corpus)
        _remember_searches(home, days)
        rows = tuple(_measure(home, days, wanted) for wanted in FILTERS)
    slowest = max(float(row["seconds"] or 0) for row in rows)
    return Result(
        name="choosing",
        title=f"candidates and plan of an upgrade among {DAY_COUNT * CHUNKS_A_DAY:,} chunks of "
        f"{DAY_COUNT:,} days",
        rows=rows,
        aims=(Aim(f"at most {AIM_SECONDS:.0f} s", slowest, AIM_SECONDS, at_most=True),),
        notes=(
            f"chunk by chunk: measured on {BASELINE_DAYS} days, times "
            f"{DAY_COUNT // BASELINE_DAYS}.",
        ),
    )


def _measure(home: Home, days: list[date], wanted: str) -> dict[str, Cell]:
    providers = {"anthropic": ConfiguredProvider("anthropic", ProviderSettings(api_key="sk-fake"))}
    executor = DreamingExecutor(home, providers, run_id="benchmark")
    terms = UpgradeTerms(target_quality="premium", filter=wanted, max_tokens=50_000)

    def plan() -> int:
        request = executor.begin(str(random.random()), terms)
        executor.plan(request, days)
        return len(home.requests.open_spans(request.request_id, days))

    def read_each() -> int:
        return sum(
            1
            for chunk in _chunks(home, days[:BASELINE_DAYS])
            if matches(parse_filter(wanted), chunk)
        )

    seconds, spans = _timed(plan)
    baseline = _timed(read_each)[0] * DAY_COUNT / BASELINE_DAYS
    return {
        "filter": wanted,
        "planned calls": spans,
        "seconds": seconds,
        "chunk by chunk": baseline,
    }


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    taken = []
    for _ in range(ROUNDS):
        started = perf_counter()
        result = work()
        taken.append(perf_counter() - started)
    return median(taken), result


def _chunks(home: Home, days: list[date]) -> Iterator[BChunk]:
    for day in days:
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            yield from chunks.rows()


def _write_days(home: Home, days: list[date], corpus: Corpus) -> None:
    """Days of made-up chunks over the corpus's words: one to nine a conversation, a tenth of them
    upgraded before.
    """
    numbers, messages = random.Random(1), corpus.messages()
    for day in days:
        chunks = _made_up(day, messages, numbers)
        home.store.write_chunks("upgraded_chunks", day, chunks, notes={})


def _remember_searches(home: Home, days: list[date]) -> None:
    """Searches of a year and what they found: what was searched for comes first."""
    with home.store.open_chunks("upgraded_chunks", days[-1]) as chunks:
        found = [[row.conversation_id, row.chunk_id] for row in chunks.rows()]
    numbers, now = random.Random(2), home.clock()
    with home.ledger.database.write() as connection:
        connection.execute(
            queries.insert(),
            [
                {
                    "asked_at": now - timedelta(hours=n),
                    "query": "made up",
                    "hits": numbers.sample(found, 10),
                }
                for n in range(SEARCHES)
            ],
        )


def _made_up(day: date, messages: Iterator[Message], numbers: random.Random) -> Iterator[BChunk]:
    left, number = CHUNKS_A_DAY, 0
    while left:
        number += 1
        size = min(numbers.choice((1, 1, 2, 2, 3, 4, 9)), left)
        left -= size
        for ordinal in range(size):
            content = next(messages).content
            level: QualityLevel = numbers.choices(("basic", "good", "premium"), (90, 8, 2))[0]
            yield BChunk(
                chunk_id=ChunkId(f"{numbers.getrandbits(128):032x}"),
                conversation_id=ConversationId(f"made-up:{day}:{number:04d}"),
                day=day,
                ordinal=ordinal,
                content=content,
                spans=(Span(MessageId(f"m-{ordinal}"), 0, len(content)),),
                topics=(),
                kind="text",
                started_at=None,
                ended_at=None,
                language=numbers.choice(("en", "zh", "ja", "mixed")),
                labels=tuple(numbers.sample(("billing", "travel", "work", "food", "code"), 2)),
                entities=(),
                summary=content[:80],
                speaker="user",
                speakers=("user",),
                token_count=numbers.randint(50, 800),
                quality_level=level,
                needs_upgrade=level == "basic",
                confidence=numbers.random(),
                segmenter_version="made-up",
                source_hash="0" * 32,
                created_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
