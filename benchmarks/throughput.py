"""How many conversations a second go through a provider, beside the bare SDK on the same vendor in
the same run.

Run as `python -m benchmarks.throughput`. The vendor is a fake one, in a process of its own, that
takes a while for each answer; the bare SDK sends the same requests and reads the replies, and does
nothing else. Ours writes the prompts, keeps to a pace, validates and repairs the replies, and keeps
the usage of each call; with a ledger it also reserves every call in three budgets and settles it on
disk.
"""

import asyncio
import json
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import click

from benchmarks.servers import fake_vendor, postgresql
from dreaming.chunk import lanes
from dreaming.chunking.lane import read_lane
from dreaming.home import utc_now
from dreaming.model_call import ModelCall, Outcome
from dreaming.pipeline.model_chunker import workers_for
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.schema import without_bounds
from dreaming.providers.metered import UNMETERED, CallMeter
from dreaming.providers.provider import LLMProvider, ProviderSettings, WrappedProvider
from dreaming.providers.registry import make_provider
from dreaming.providers.result import Chunked
from dreaming.spending.budgets import WINDOWS, Limit, request_scope
from dreaming.spending.ledger import Ledger
from dreaming.spending.meter import Meter
from dreaming.storage.database import open_database
from dreaming.testing import make_conversation

AT_ONCE = 64
REQUESTS = 2_000


def excerpts() -> list[Excerpt]:
    """Conversations of twelve messages each."""
    made = []
    for number in range(REQUESTS + AT_ONCE):
        said = [
            f"Message {n} of conversation {number} about the plans for the week." for n in range(12)
        ]
        conversation = make_conversation(said, conversation_id=f"test:{number}")
        lane = read_lane("text", lanes(conversation.messages)["text"])
        made.append(Excerpt(conversation_id=conversation.id, units=lane.units))
    return made


class Listening(WrappedProvider):
    """Keeps the calls, to let the bare SDK send the same."""

    def __init__(self, inner: LLMProvider) -> None:
        super().__init__(inner)
        self.calls: list[ModelCall] = []

    async def send(self, call: ModelCall) -> Outcome:
        """Keep it, and send it on."""
        self.calls.append(call)
        return await self.inner.send(call)


LedgerKind = Literal["none", "sqlite", "postgresql"]


@contextmanager
def metered(kind: LedgerKind, vendor: str) -> Iterator[CallMeter]:
    """A meter over a new ledger, with budgets that hold all requests."""
    if kind == "none":
        yield UNMETERED
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = stack.enter_context(postgresql(folder / "postgres")) if kind == "postgresql" else None
        database = open_database("ledger", home=folder, database_url=url)
        stack.callback(database.close)
        ledger = Ledger(database, utc_now)
        stack.callback(ledger.close)
        for window in WINDOWS:
            ledger.set_limit(vendor, "good", window, Limit(10**9, 10**15))
        ledger.open_scope(request_scope("R"), Limit(10**9, 10**15))
        yield Meter(ledger, purpose="benchmark", run_id="run", request_id="R")
        assert ledger.balance(request_scope("R")).spent.tokens > 0


async def ours(
    vendor: str, url: str, shown: list[Excerpt], meter: CallMeter
) -> tuple[float, list[ModelCall]]:
    """Conversations a second through the provider, and the calls that were made."""
    settings = ProviderSettings(api_key="sk-fake", base_url=url, max_concurrency=AT_ONCE)
    async with Listening(
        make_provider(vendor, settings, today=datetime.now(UTC).date(), meter=meter)
    ) as provider:
        tokens = 0

        async def one(excerpt: Excerpt) -> None:
            nonlocal tokens
            result = await provider.chunk_conversation(excerpt)
            assert isinstance(result, Chunked), result.failure
            tokens += result.usage.total_tokens

        await all_at_once(one, shown[REQUESTS:], workers_for(provider))
        seconds = await all_at_once(one, shown[:REQUESTS], workers_for(provider))
        assert tokens > 0
        return REQUESTS / seconds, provider.calls[AT_ONCE:]


async def bare_anthropic(url: str, calls: list[ModelCall]) -> float:
    """Requests a second through AsyncAnthropic alone."""
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key="sk-fake", base_url=url, max_retries=0) as client:

        async def one(call: ModelCall) -> None:
            output: Any = {"format": {"type": "json_schema", "schema": without_bounds(call.schema)}}
            message = await client.messages.create(
                model="claude-haiku-4-5",
                max_tokens=call.max_output_tokens,
                system=call.instructions,
                messages=[{"role": "user", "content": call.content}],
                output_config=output,
            )
            assert message.usage.output_tokens

        await all_at_once(one, calls[:AT_ONCE])
        return len(calls) / await all_at_once(one, calls)


async def bare_openai(url: str, calls: list[ModelCall]) -> float:
    """Requests a second through AsyncOpenAI alone."""
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="sk-fake", base_url=url, max_retries=0) as client:

        async def one(call: ModelCall) -> None:
            form: Any = {"name": "chunks", "strict": True, "schema": without_bounds(call.schema)}
            completion = await client.chat.completions.create(
                model="gpt-4o-mini",
                max_completion_tokens=call.max_output_tokens,
                messages=[
                    {"role": "system", "content": call.instructions},
                    {"role": "user", "content": call.content},
                ],
                response_format={"type": "json_schema", "json_schema": form},
            )
            assert completion.usage

        await all_at_once(one, calls[:AT_ONCE])
        return len(calls) / await all_at_once(one, calls)


async def all_at_once(
    one: Callable[[Any], Awaitable[None]], items: list[Any], workers_at_once: int = AT_ONCE
) -> float:
    """Work through items, so many at once; returns the seconds."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await one(item)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(workers_at_once):
            workers.create_task(worker())
    return time.perf_counter() - started


def curator(python: str, url: str) -> float:
    """Requests a second through curator, in its own environment, on prompts about as long."""
    command = [
        python,
        str(Path(__file__).parent / "curator_peer.py"),
        url,
        str(REQUESTS),
        str(AT_ONCE),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds: float = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return REQUESTS / seconds


BARE = {"anthropic": (bare_anthropic, ""), "openai": (bare_openai, "/v1")}


@click.command()
@click.option(
    "--latency", "latencies", multiple=True, type=float, default=[1.0, 0.2], show_default=True
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    type=click.Choice(list(BARE)),
    default=list(BARE),
    show_default=True,
)
@click.option(
    "--ledger",
    "kinds",
    multiple=True,
    type=click.Choice(get_args(LedgerKind)),
    default=["none"],
    show_default=True,
)
@click.option(
    "--curator", "curator_python", help="The python of an environment that has bespokelabs-curator."
)
def main(
    latencies: tuple[float, ...],
    vendors: tuple[str, ...],
    kinds: tuple[LedgerKind, ...],
    curator_python: str | None,
) -> None:
    """Measure throughput at 64 at once over 2,000 requests."""
    shown = excerpts()
    for latency, vendor, kind in product(latencies, vendors, kinds):
        bare, suffix = BARE[vendor]
        with fake_vendor(latency) as url, metered(kind, vendor) as meter:
            mine, calls = asyncio.run(ours(vendor, url + suffix, shown, meter))
            theirs = asyncio.run(bare(url + suffix, calls))
        limit = AT_ONCE / latency
        figures: dict[str, Any] = {
            "vendor": vendor,
            "ledger": kind,
            "latency_seconds": latency,
            "limit": limit,
        }
        figures |= {"ours": round(mine, 1), "bare_sdk": round(theirs, 1)}
        figures |= {
            "ours_of_limit": round(mine / limit, 3),
            "ours_of_bare_sdk": round(mine / theirs, 3),
        }
        if curator_python and vendor == "openai":
            with fake_vendor(latency) as url:
                figures["curator"] = round(curator(curator_python, url), 1)
            figures["curator_of_limit"] = round(figures["curator"] / limit, 3)
        click.echo(json.dumps(figures))


if __name__ == "__main__":
    main()
