"""Basic chunks by a local LLM: its topics where it gives any, the rules' for all else.

Only talk is shown to it; what tools print and what models think is cut by the rules, and so is
every conversation that it has no usable reply for: there is a chunk for every text, with or without
a model.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from dreaming.chunk import BChunk, ChunkKind, lanes
from dreaming.chunking.describe import describe_draft
from dreaming.chunking.drafts import ChunkDraft
from dreaming.chunking.lane import Lane, read_lane
from dreaming.chunking.rules import (
    RulesChunker,
    conversation_language,
    sort_drafts,
    was_cut_by_model,
)
from dreaming.conversation import ConversationDay, ConversationId
from dreaming.event_loop import EventLoop
from dreaming.model_call import Failure, TokenUsage
from dreaming.money import split_exactly
from dreaming.prompting.chunks import TopicalDraft, cut_by_topics, describe_by_topics
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.providers.models import ResolvedModel
from dreaming.providers.provider import LLMProvider
from dreaming.providers.result import Chunked, GivenUp

SHOWN: ChunkKind = "text"
"""The lane that a model is shown."""
WAITING_SHARE = 0.6
"""Conversations that are made ready beside those in flight, so that no place waits for a prompt to
be written.
"""


@dataclass(slots=True)
class ModelReport:
    """What became of the conversations that a model was to cut."""

    conversations_cut: int = 0
    calls: int = 0
    """Attempts, those read from the record included."""
    stored_calls: int = 0
    usage: TokenUsage = field(default_factory=TokenUsage)
    seconds: float = 0.0
    """Of all attempts together."""
    repairs: Counter[str] = field(default_factory=Counter)
    fell_back: Counter[str] = field(default_factory=Counter)
    """Conversations that the rules cut instead, by reason."""
    first_failure: str | None = None
    """For people."""

    def count(self, result: Chunked | GivenUp) -> None:
        """Count a conversation."""
        self.calls += len(result.outcomes)
        self.stored_calls += sum(getattr(outcome, "stored", False) for outcome in result.outcomes)
        self.usage += result.usage
        self.seconds += result.seconds
        if isinstance(result, Chunked):
            self.conversations_cut += 1
            self.repairs.update(result.repairs)
        else:
            self.fall_back(result.failure)

    def add(self, other: "ModelReport") -> None:
        """Add what became of others."""
        for name in ("conversations_cut", "calls", "stored_calls", "usage", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.repairs.update(other.repairs)
        self.fell_back.update(other.fell_back)
        self.first_failure = self.first_failure or other.first_failure

    def fall_back(self, failure: Failure) -> None:
        """Count a conversation that the rules cut."""
        self.fell_back[failure.reason.value] += 1
        self.first_failure = self.first_failure or failure.message


class ModelChunker:
    """Cuts conversation-days with a provider, on an event loop that runs as long as it is used.

    `failure` says why the provider cannot be used at all: then the rules cut everything.
    """

    def __init__(
        self,
        provider: LLMProvider,
        loop: EventLoop,
        *,
        failure: Failure | None,
        rules: RulesChunker,
    ) -> None:
        self._provider = provider
        self._loop = loop
        self._failure = failure
        self._rules = rules
        self._results: dict[tuple[ConversationId, str], Chunked] = {}
        self.report = ModelReport()
        """Of everything so far."""
        self.last_report = ModelReport()
        """Of what was prepared last."""

    @property
    def provider_name(self) -> str:
        """Who is asked."""
        return self._provider.name

    @property
    def model(self) -> ResolvedModel:
        """The model that is asked."""
        return self._provider.model

    @property
    def version(self) -> str:
        """Which model, asked in which way."""
        return f"{self._provider.name}:{self._provider.model.served}:{PROMPT_VERSION}"

    def may_keep(self, chunks: Sequence[BChunk]) -> bool:
        """Whether an unchanged conversation keeps its chunks: this model and these rules cut it."""
        if self._failure is not None:
            return self._rules.may_keep(chunks)
        talk = [chunk for chunk in chunks if chunk.kind == SHOWN]
        return all(
            chunk.segmenter_version == self.version for chunk in talk
        ) and self._rules.may_keep(chunks)

    def prepare(self, days: Iterable[ConversationDay]) -> None:
        """Show the conversations to the model, many at once, and keep what it says of them."""
        self._results.clear()
        self.last_report = ModelReport()
        if self._failure is None:
            self._loop.run(self._show_all(iter(days)))
        else:
            for _ in days:
                self.last_report.fall_back(self._failure)
        self.report.add(self.last_report)

    def chunk(self, day: ConversationDay, *, created_at: datetime) -> list[BChunk]:
        """The basic chunks of a day, in order of where each begins. They satisfy law 1."""
        result = self._results.pop(_key(day), None)
        if result is None:
            return self._rules.chunk(day, created_at=created_at)
        lane = read_lane(SHOWN, lanes(day.messages)[SHOWN])
        by_model = {
            id(cut.draft): cut for cut in cut_by_topics(lane, result.topics, origin=self.version)
        }
        others = [
            draft
            for kind in lanes(day.messages)
            if kind != SHOWN
            for draft in self._rules.cut(day, kind)
        ]
        drafts = sort_drafts(day, [*(cut.draft for cut in by_model.values()), *others])
        language = conversation_language(day) if len(drafts) > 1 else None
        chunks = [
            self._described(by_model.get(id(draft)), draft, day, ordinal, language, created_at)
            for ordinal, draft in enumerate(drafts)
        ]
        return _with_usage(chunks, result)

    def _described(
        self,
        cut: TopicalDraft | None,
        draft: ChunkDraft,
        day: ConversationDay,
        ordinal: int,
        language: str | None,
        created_at: datetime,
    ) -> BChunk:
        if cut is None:
            version = self._rules.version
            return describe_draft(
                draft,
                day,
                ordinal=ordinal,
                language=language,
                version=version,
                created_at=created_at,
            )
        chunk = describe_by_topics(
            cut,
            day,
            ordinal=ordinal,
            language=language,
            version=self.version,
            created_at=created_at,
        )
        return replace(
            chunk,
            llm_provider=self._provider.name,
            llm_used=self._provider.model.served,
            prompt_version=PROMPT_VERSION,
        )

    async def _show_all(self, days: Iterator[ConversationDay]) -> None:
        """Workers take conversations one after the other, so that few are in memory at a time."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(workers_for(self._provider)):
                workers.create_task(self._show_each(days))

    async def _show_each(self, days: Iterator[ConversationDay]) -> None:
        for day in days:
            messages = lanes(day.messages).get(SHOWN)
            if messages:
                lane = read_lane(SHOWN, messages)
                await self._show(day, lane)

    async def _show(self, day: ConversationDay, lane: Lane) -> None:
        excerpt = Excerpt(
            conversation_id=day.conversation_id, units=lane.units, local_only=day.local_only
        )
        result = await self._provider.chunk_conversation(excerpt)
        self.last_report.count(result)
        if isinstance(result, Chunked):
            self._results[_key(day)] = result


def workers_for(provider: LLMProvider) -> int:
    """How many conversations are in work at once.

    Each has a reservation while it waits, which a crash would leave open: no more than are needed.
    """
    return math.ceil((1 + WAITING_SHARE) * provider.limits.max_concurrency) + 1


@contextmanager
def open_model_chunker(
    provider: LLMProvider, *, rules: RulesChunker | None = None
) -> Iterator[ModelChunker]:
    """A chunker with a provider, connected if that can be."""
    with EventLoop() as loop:
        try:
            failure = loop.run(provider.connect())
            yield ModelChunker(provider, loop, failure=failure, rules=rules or RulesChunker())
        finally:
            loop.run(provider.aclose())


def _key(day: ConversationDay) -> tuple[ConversationId, str]:
    return day.conversation_id, day.content_hash


def _with_usage(chunks: Sequence[BChunk], result: Chunked) -> list[BChunk]:
    """The chunks with the model's usage, split exactly over those that it cut, by their length."""
    weights = [max(chunk.token_count, 1) if was_cut_by_model(chunk) else 0 for chunk in chunks]
    used = result.usage
    inputs, outputs = (
        split_exactly(used.all_input_tokens, weights),
        split_exactly(used.output_tokens, weights),
    )
    times = split_exactly(round(result.seconds * 1000), weights)
    return [
        replace(
            chunk,
            tokens_used=inputs[n] + outputs[n],
            input_tokens=inputs[n],
            output_tokens=outputs[n],
            processing_time_ms=times[n],
        )
        for n, chunk in enumerate(chunks)
    ]
