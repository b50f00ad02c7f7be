"""What is at vendors in batches: which requests there is something to collect for, and calling
batches off.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from dreaming.buying.settling import Settling
from dreaming.home import Home
from dreaming.model_call import Failure
from dreaming.providers.batches import BatchStatus
from dreaming.providers.metered import UNMETERED
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.spending.batches import Batch


@dataclass(slots=True)
class Due:
    """What came of looking."""

    requests: list[str] = field(default_factory=list)
    """The requests whose runs have something to take, or to find out."""
    states: dict[str, str] = field(default_factory=dict)
    """By request: tells what there is to take from what there was before."""
    failures: list[str] = field(default_factory=list)
    """Why vendors could not be asked, for people."""


def find_due(home: Home, providers: Mapping[str, ConfiguredProvider]) -> Due:
    """Ask the vendors which batches have ended. Of requests that were undone it is written down
    what they cost.
    """
    return asyncio.run(_find_due(home, providers))


async def _find_due(home: Home, providers: Mapping[str, ConfiguredProvider]) -> Due:
    due, ready = Due(), dict[str, list[str]]()
    for batch in home.batches.find("intended"):
        failure = await _find(home, providers, batch)
        due.failures += [_told(batch, failure)] if failure else []
    for batch in home.batches.find("submitted", "ended"):
        is_ready = await _is_ready(home, providers, batch)
        if isinstance(is_ready, Failure):
            due.failures.append(_told(batch, is_ready))
        elif is_ready and home.purchases.is_undone(batch.request_id):
            await _write_off(home, providers, batch)
        elif is_ready:
            ready.setdefault(batch.request_id, []).append(f"{batch.batch_id}:{batch.state}")
    due.requests = list(ready)
    due.states = {request_id: ",".join(told) for request_id, told in ready.items()}
    return due


def _told(batch: Batch, failure: Failure) -> str:
    return f"{batch.calls:,} calls of {batch.request_id} at {batch.provider}: {failure.message}"


async def _find(
    home: Home, providers: Mapping[str, ConfiguredProvider], batch: Batch
) -> Failure | None:
    """Find out whether the vendor has a batch that nobody gives it any more."""
    async with _open(home, providers, batch) as provider:
        if failure := await provider.connect():
            return failure
        found = await Settling(home, provider, batch.request_id, run_id=None).find(batch)
    return found if isinstance(found, Failure) else None


async def _is_ready(
    home: Home, providers: Mapping[str, ConfiguredProvider], batch: Batch
) -> bool | Failure:
    if batch.state == "ended":
        return True
    async with _open(home, providers, batch) as provider:
        if failure := await provider.connect():
            return failure
        return await Settling(home, provider, batch.request_id, run_id=None).is_ready(batch)


async def _write_off(home: Home, providers: Mapping[str, ConfiguredProvider], batch: Batch) -> None:
    """Write down what has come of a batch whose replies nobody wants any more."""
    async with _open(home, providers, batch) as provider:
        await Settling(home, provider, batch.request_id, run_id=None).settle()
    home.batches.note_collected(batch.request_id, [batch.batch_id])


def _open(home: Home, providers: Mapping[str, ConfiguredProvider], batch: Batch) -> LLMProvider:
    """The provider that a batch was given to, as it was then, to be asked about it."""
    terms, configured, today = (
        home.requests.get(batch.request_id).terms,
        providers[batch.provider],
        batch.made_at.date(),
    )
    model = terms.model or configured.model_for(terms.target_quality, today=today)
    return configured.open(UNMETERED, today=today, model=model)


def cancel_batches(
    home: Home, providers: Mapping[str, ConfiguredProvider], request_id: str
) -> list[str]:
    """Call off what waits at vendors for a request; what they have answered is still charged.
    Returns what failed.
    """
    return asyncio.run(_cancel(home, providers, request_id))


async def _cancel(
    home: Home, providers: Mapping[str, ConfiguredProvider], request_id: str
) -> list[str]:
    failures = []
    for batch in home.batches.find("submitted", request_id=request_id):
        async with _open(home, providers, batch) as provider:
            vendor = provider.batches()
            assert vendor is not None
            assert batch.vendor_ref is not None
            look = await vendor.look(batch.vendor_ref)
            # One that has ended is to be collected, and its vendor refuses to call it off.
            failure = look if isinstance(look, Failure) else None
            if isinstance(look, BatchStatus) and not look.has_ended:
                failure = await vendor.cancel(batch.vendor_ref)
            if failure:
                failures.append(failure.message)
    return failures
