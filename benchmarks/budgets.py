"""Whether budgets hold: four runs that share one, many calls at once, by a fake vendor's own books.

Each run is a process of its own that upgrades a day of 50 conversations in the same request, whose
budget pays for 20 mean calls. Beside it pydantic-ai's usage limits, in one process, over the same
number of calls of the same size.
"""

import asyncio
import json
import multiprocessing
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks.corpus import Corpus, make_conversations
from benchmarks.result import Aim, Cell, Result
from benchmarks.servers import fake_vendor, postgresql
from dreaming.buying.executor import DreamingExecutor
from dreaming.home import Home, open_home
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.budgets import request_scope
from dreaming.testing import make_settings
from dreaming.upgrading.terms import UpgradeTerms

RUNS = 4
CONVERSATIONS_A_RUN = 50
CONVERSATION_BYTES = 2_000
CALLS = 20
"""What the budget pays for, at the mean."""
AT_ONCE = (1, 8, 32, 64)
LATENCY_SECONDS = 0.1
AIM_USED = 0.9

DatabaseKind = Literal["sqlite", "postgresql"]
DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(RUNS)]
UNBOUNDED = 10**9


def measure_budgets(corpus: Corpus) -> Result:
    """Spend a shared budget at each width, on each database, and beside it in pydantic-ai."""
    rows: list[dict[str, Cell]] = []
    kinds: tuple[DatabaseKind, ...] = ("sqlite", "postgresql")
    for kind in kinds:
        rows += [_ours(corpus, kind, at_once) for at_once in AT_ONCE]
        rows.append(_burst(corpus, kind))
    notes = []
    if find_spec("pydantic_ai"):
        rows += [_pydantic_ai(at_once) for at_once in AT_ONCE]
    else:
        notes.append("pydantic-ai is not installed: left out.")
    ours = [row for row in rows if row["who"] != "pydantic-ai"]
    return Result(
        name="budgets",
        title=f"{RUNS} runs share a budget of {CALLS} mean calls, {RUNS * CONVERSATIONS_A_RUN} "
        "offered",
        rows=tuple(rows),
        aims=(
            Aim("tokens over", sum(int(row["tokens over"] or 0) for row in ours), 0, at_most=True),
            Aim(
                "least used",
                min(float(r["used"] or 0) for r in ours if r["at once"] != "burst"),
                AIM_USED,
                at_most=False,
            ),
        ),
        notes=tuple(notes),
    )


def _ours(corpus: Corpus, kind: DatabaseKind, at_once: int) -> dict[str, Cell]:
    with _filled(corpus, kind) as (home, database_url), fake_vendor(LATENCY_SECONDS) as url:
        mean = _mean_call(home, url)
        budget = CALLS * mean
        before = _charged(url)
        _run_all(home, database_url, url, at_once, budget)
        charged = _charged(url) - before
        used = home.ledger.balance(request_scope("shared")).used.tokens
    return _row(f"dreaming, {kind}", str(at_once), budget, charged, used)


def _burst(corpus: Corpus, kind: DatabaseKind) -> dict[str, Cell]:
    """Twenty calls at once whose worst cases fit: all go through together."""
    with _filled(corpus, kind) as (home, _), fake_vendor(LATENCY_SECONDS) as url:
        executor = _executor(home, url, "burst", CALLS)
        terms = UpgradeTerms(
            target_quality="good", max_tokens=UNBOUNDED, limit=None, filter=_first(home, CALLS)
        )
        executor.upgrade(executor.begin("burst", terms), DAYS[:1])
        told = _books(url)
        used = home.ledger.balance(request_scope("burst")).used.tokens
    assert told["served"] == told["most_in_flight"] == CALLS, told
    return _row(f"dreaming, {kind}", "burst", used, told["charged_tokens"], used)


def _row(who: str, at_once: str, budget: int, charged: int, counted: int) -> dict[str, Cell]:
    return {
        "who": who,
        "at once": at_once,
        "budget": budget,
        "charged": charged,
        "tokens over": max(charged - budget, 0),
        "over": max(charged / budget - 1, 0.0),
        "used": counted / budget,
    }


@contextmanager
def _filled(corpus: Corpus, kind: DatabaseKind) -> Iterator[tuple[Home, str | None]]:
    """A home with a day of basic chunks for each run."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        database_url = (
            stack.enter_context(postgresql(folder / "postgres")) if kind == "postgresql" else None
        )
        home = stack.enter_context(
            open_home(make_settings(folder / "home", database_url=database_url))
        )
        for day in DAYS:
            home.archive.add(
                make_conversations(
                    corpus, day, conversation_bytes=[CONVERSATION_BYTES] * CONVERSATIONS_A_RUN
                )
            )
            home.pipeline.run_day(day)
        yield home, database_url


def _mean_call(home: Home, url: str) -> int:
    """What a call costs, from a few; they are taken back, so that the runs find all conversations
    as they were.
    """
    executor = _executor(home, url, "mean", 8)
    request = executor.begin(
        "mean", UpgradeTerms(target_quality="good", max_tokens=UNBOUNDED, limit=10)
    )
    executor.upgrade(request, DAYS)
    told = _books(url)
    home.undo("mean")
    mean: int = told["charged_tokens"] // told["served"]
    return mean


def _run_all(home: Home, database_url: str | None, url: str, at_once: int, budget: int) -> None:
    """Four processes, a day each, one request."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(RUNS)
    runs = [
        spawn.Process(
            target=_run,
            args=(str(home.settings.home), database_url, url, at_once, budget, n, ready),
        )
        for n in range(RUNS)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
        assert run.exitcode == 0


def _run(
    folder: str,
    database_url: str | None,
    url: str,
    at_once: int,
    budget: int,
    number: int,
    ready: Any,
) -> None:
    with open_home(make_settings(Path(folder), database_url=database_url)) as home:
        executor = _executor(home, url, f"run-{number}", at_once)
        terms = UpgradeTerms(target_quality="good", max_tokens=budget)
        request = executor.begin("shared", terms)
        ready.wait()
        result = executor.upgrade(request, [DAYS[number]])
        assert result.stopped == "budget", result


def _executor(home: Home, url: str, run_id: str, at_once: int) -> DreamingExecutor:
    settings = ProviderSettings(api_key="sk-fake", base_url=url, max_concurrency=at_once)
    return DreamingExecutor(
        home, {"anthropic": ConfiguredProvider("anthropic", settings)}, run_id=run_id
    )


def _first(home: Home, count: int) -> str:
    """A filter for the first conversations of the first day."""
    with home.store.open_conversations(DAYS[0]) as raw:
        ids = [row.conversation_id for row in raw.rows()][:count]
    return f"conversation_id IN ({', '.join(repr(each) for each in ids)})"


def _books(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/_books") as told:
        books: dict[str, int] = json.load(told)
    return books


def _charged(url: str) -> int:
    return _books(url)["charged_tokens"]


def _pydantic_ai(at_once: int) -> dict[str, Cell]:
    with fake_vendor(LATENCY_SECONDS) as url:
        budget = asyncio.run(_spend_in_pydantic_ai(url, at_once))
        charged = _charged(url) - budget // CALLS
    return _row("pydantic-ai", str(at_once), budget, charged, charged)


async def _spend_in_pydantic_ai(url: str, at_once: int) -> int:
    """Offer 200 calls under a shared usage limit of 20 mean ones; returns the limit."""
    from pydantic_ai import Agent, RunUsage, UsageLimits
    from pydantic_ai.exceptions import UsageLimitExceeded
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key="sk-fake", base_url=url)
    model = AnthropicModel("claude-haiku-4-5", provider=provider, settings={"max_tokens": 1_500})
    agent = Agent(model, instructions="Cut the conversation.")
    talk = "\n".join(
        f"[{n}] user: {'what is said about the plans for the week ' * 5}" for n in range(1, 9)
    )
    one = RunUsage()
    await agent.run(talk, usage=one)
    budget = CALLS * one.total_tokens
    usage, limits = RunUsage(), UsageLimits(total_tokens_limit=budget)
    waiting = iter(range(RUNS * CONVERSATIONS_A_RUN))

    async def work() -> None:
        for _ in waiting:
            try:
                await agent.run(talk, usage=usage, usage_limits=limits)
            except UsageLimitExceeded:
                return

    await asyncio.gather(*(work() for _ in range(at_once)))
    return budget
