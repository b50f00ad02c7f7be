"""Batches at vendors: which requests have something to collect, and calling batches off."""

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

Providers = Mapping[str, ConfiguredProvider]


@dataclass(slots=True)
class Due:
    """What the vendors have for us."""

    requests: list[str] = field(default_factory=list)
    """The requests whose runs have something to take, or to find out."""
    states: dict[str, str] = field(default_factory=dict)
    """By request, which batches are in which state: it changes when there is something new."""
    failures: list[str] = field(default_factory=list)
    """Why vendors could not be asked, for people."""


def find_due(home: Home, providers: Providers) -> Due:
    """Ask the vendors which batches have ended.

    What has come of requests that were undone is booked here: no run takes it any more.
    """
    return asyncio.run(_find_due(home, providers))


async def _find_due(home: Home, providers: Providers) -> Due:
    due = Due()
    ready: dict[str, list[str]] = {}
    for batch in home.batches.find("intended"):
        failure = await _find_submitted(home, providers, batch)
        if failure:
            due.failures.append(_describe(batch, failure))
    for batch in home.batches.find("submitted", "ended"):
        is_ready = await _is_ready(home, providers, batch)
        if isinstance(is_ready, Failure):
            due.failures.append(_describe(batch, is_ready))
        elif is_ready and home.purchases.is_undone(batch.request_id):
            await _settle_undone(home, providers, batch)
        elif is_ready:
            ready.setdefault(batch.request_id, []).append(f"{batch.batch_id}:{batch.state}")
    due.requests = list(ready)
    due.states = {request_id: ",".join(states) for request_id, states in ready.items()}
    return due


def _describe(batch: Batch, failure: Failure) -> str:
    return f"{batch.calls:,} calls of {batch.request_id} at {batch.provider}: {failure.message}"


async def _find_submitted(home: Home, providers: Providers, batch: Batch) -> Failure | None:
    """Find out whether the vendor has a batch whose submission was interrupted."""
    async with _open_as_submitted(home, providers, batch) as provider:
        if failure := await provider.connect():
            return failure
        settling = Settling(home, provider, batch.request_id, run_id=None)
        found = await settling.find(batch)
    return found if isinstance(found, Failure) else None


async def _is_ready(home: Home, providers: Providers, batch: Batch) -> bool | Failure:
    if batch.state == "ended":
        return True
    async with _open_as_submitted(home, providers, batch) as provider:
        if failure := await provider.connect():
            return failure
        settling = Settling(home, provider, batch.request_id, run_id=None)
        return await settling.is_ready(batch)


async def _settle_undone(home: Home, providers: Providers, batch: Batch) -> None:
    """Book what a batch of an undone request has cost; its replies are not used."""
    async with _open_as_submitted(home, providers, batch) as provider:
        await Settling(home, provider, batch.request_id, run_id=None).settle()
    home.batches.note_collected(batch.request_id, [batch.batch_id])


def _open_as_submitted(home: Home, providers: Providers, batch: Batch) -> LLMProvider:
    """The provider that a batch was submitted to, with the model that its name meant that day."""
    terms = home.requests.get(batch.request_id).terms
    configured = providers[batch.provider]
    day = batch.made_at.date()
    model = terms.model or configured.model_for(terms.target_quality, today=day)
    return configured.open(UNMETERED, today=day, model=model)


def cancel_batches(home: Home, providers: Providers, request_id: str) -> list[str]:
    """Call off what waits at vendors for a request; returns why batches could not be.

    What the vendor has answered by then is still charged.
    """
    return asyncio.run(_cancel_batches(home, providers, request_id))


async def _cancel_batches(home: Home, providers: Providers, request_id: str) -> list[str]:
    failures = []
    for batch in home.batches.find("submitted", request_id=request_id):
        async with _open_as_submitted(home, providers, batch) as provider:
            vendor = provider.batches()
            assert vendor is not None
            assert batch.vendor_ref is not None
            look = await vendor.look(batch.vendor_ref)
            failure = look if isinstance(look, Failure) else None
            # A batch that has ended is collected; its vendor would refuse to call it off.
            if isinstance(look, BatchStatus) and not look.has_ended:
                failure = await vendor.cancel(batch.vendor_ref)
            if failure:
                failures.append(failure.message)
    return failures
