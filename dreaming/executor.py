"""Upgrades: from terms to a plan, from the plan to calls, from replies to chunks that are paid for and published."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from queue import SimpleQueue
from time import perf_counter
from typing import Any, Literal

from dreaming.chunk import QUALITY_LEVELS, BChunk, QualityLevel, hash_slice
from dreaming.conversation import ConversationDay, ConversationId
from dreaming.errors import DreamingError, UsageError
from dreaming.estimating import Estimate
from dreaming.event_loop import EventLoop
from dreaming.home import Home
from dreaming.model_call import Answer, Failure, FailureReason
from dreaming.model_chunker import CONVERSATIONS_PER_PLACE
from dreaming.prompting.chunks import describe_by_topics
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.prompting.spans import ShownSpan, show_span
from dreaming.providers.metered import UNMETERED, CallMeter
from dreaming.providers.models import default_model
from dreaming.providers.provider import LLMProvider
from dreaming.providers.registry import ConfiguredProvider
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.amount import Amount
from dreaming.spending.budgets import Limit, request_scope
from dreaming.spending.meter import Meter
from dreaming.statistics import ChunkStatistics
from dreaming.storage.requests import UpgradeRequest
from dreaming.upgrading.filtering.expression import Expression, matches
from dreaming.upgrading.overlay import PICODOLLAR, split_exactly
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic, chunk_origin
from dreaming.upgrading.plan import Candidate, PlannedSpan, plan_groups, plan_spans
from dreaming.upgrading.terms import UpgradeTerms

_log = logging.getLogger(__name__)

DEFAULT_PROVIDER = "anthropic"
MOST_REFUSALS = 20
"""Spans that a budget refuses before the rest is taken to be too large as well."""
LEAST_CALL_TOKENS = 300
"""What any call takes beside its text; used to leave out what cannot fit without asking."""

Stopped = Literal["budget", "time", "provider"]
"""Why an upgrade ended before its plan was done."""

_ENDS: Mapping[FailureReason, Stopped] = {
    FailureReason.OUT_OF_TIME: "time",
    FailureReason.MISSING_KEY: "provider",
    FailureReason.UNAUTHORIZED: "provider",
    FailureReason.NO_SUCH_MODEL: "provider",
    FailureReason.QUOTA_EXHAUSTED: "provider",
    FailureReason.CIRCUIT_OPEN: "provider",
    FailureReason.UNREACHABLE: "provider",
}
"""Failures after which asking on is in vain."""

_GIVEN_UP = frozenset(
    {
        FailureReason.REFUSAL,
        FailureReason.MAX_TOKENS,
        FailureReason.EMPTY,
        FailureReason.INVALID_JSON,
        FailureReason.INVALID_REPLY,
        FailureReason.BAD_REQUEST,
        FailureReason.LOCAL_ONLY,
    }
)
"""Failures that the same request would meet again: the chunk that is there stays."""


@dataclass(slots=True, kw_only=True)
class DreamingTaskResult:
    """What a task came to. All money and tokens are the ledger's."""

    chunks_created: int = 0
    chunks_upgraded: int = 0
    quality_counts: dict[str, int] = field(default_factory=dict)
    """Of the days of the task, after it."""
    tokens_consumed: int = 0
    estimated_cost_usd: Decimal = Decimal(0)
    processing_time_seconds: float = 0.0
    llm_provider: str = "local"
    llm_model: str = "rules"
    request_id: str | None = None
    quality_before: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    """Chunks that were asked for and not upgraded, by reason; `left` are those that a further run would take."""
    stopped: Stopped | None = None
    message: str | None = None
    """For people: why it stopped, or the first thing that went wrong."""
    budget: dict[str, Any] = field(default_factory=dict)
    """Tokens and dollars: limit, used and left of the request's own budget."""
    days_published: list[str] = field(default_factory=list)
    failed_days: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: str(value) if isinstance(value, Decimal) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "DreamingTaskResult":
        """The result that was written as JSON."""
        return cls(**{**told, "estimated_cost_usd": Decimal(told["estimated_cost_usd"])})


class DreamingExecutor:
    """Works on upgrade requests with the providers that are configured."""

    def __init__(
        self,
        home: Home,
        providers: Mapping[str, ConfiguredProvider],
        *,
        run_id: str,
        on_published: Callable[[date, ChunkStatistics], None] = lambda _day, _statistics: None,
    ) -> None:
        self.home = home
        self.providers = providers
        self.run_id = run_id
        self.on_published = on_published

    def begin(self, request_id: str, terms: UpgradeTerms) -> UpgradeRequest:
        """The request of an id, written down with these terms unless it is known.

        Raises `UsageError` where the terms ask for what no configured provider gives, or where nothing bounds what is
        spent.
        """
        now = self.home.pipeline.clock()
        seconds = terms.max_duration_seconds
        deadline_at = None if seconds is None else now + timedelta(seconds=seconds)
        request = self.home.requests.begin(UpgradeRequest(request_id, terms, now, deadline_at))
        self._open_scope(request)
        return request

    def _open_scope(self, request: UpgradeRequest) -> None:
        terms = request.terms
        usd = terms.max_cost_usd
        limit = Limit(terms.max_tokens, None if usd is None else int(usd.scaleb(12)))
        self.home.ledger.open_scope(request_scope(request.request_id), limit)

    def plan(self, request: UpgradeRequest, days: Collection[date]) -> None:
        """Freeze the plan of a request for days, where it has none."""
        terms = request.terms
        new = self.home.requests.unplanned(request.request_id, [day for day in days if terms.allows_day(day)])
        if not new:
            return
        skipped: dict[date, Counter[str]] = {day: Counter() for day in new}
        candidates = list(self._candidates(terms, new, skipped))
        limit = terms.limit
        left = None if limit is None else max(limit - self.home.requests.chunks_planned(request.request_id), 0)
        spans = plan_spans(candidates, limit=left)
        planned = Counter[date]()
        for span in spans:
            planned[span.day] += span.chunks
        for day, count in Counter(candidate.day for candidate in candidates).items():
            if count > planned[day]:
                skipped[day]["over_limit"] = count - planned[day]
        self.home.requests.freeze(request.request_id, skipped, spans)

    def estimate(self, terms: UpgradeTerms, days: Collection[date]) -> dict[str, Any]:
        """What an upgrade would take: spans, tokens and dollars, expected and at worst, by day and label. Free."""
        skipped: dict[date, Counter[str]] = {day: Counter() for day in days}
        candidates = list(self._candidates(terms, sorted(days), skipped))
        provider = self._provider(terms, UNMETERED)
        groups = plan_groups(candidates, limit=terms.limit)
        estimate = Estimate.of(groups, provider, at=self.home.pipeline.clock())
        return {
            "target_quality": terms.target_quality,
            "provider": provider.name,
            "model": provider.model.served,
            "candidates": len(candidates),
            "skipped": dict(sum(skipped.values(), Counter())),
            **estimate.as_json(),
        }

    def _candidates(
        self, terms: UpgradeTerms, days: Sequence[date], skipped: Mapping[date, Counter[str]]
    ) -> Iterator[Candidate]:
        expression = terms.expression()
        for day in days:
            with self.home.store.open_chunks("upgraded_chunks", day) as chunks:
                yield from self._candidates_of_day(terms, expression, chunks.rows(), skipped[day])

    def _candidates_of_day(
        self, terms: UpgradeTerms, expression: Expression, chunks: Iterator[BChunk], skipped: Counter[str]
    ) -> Iterator[Candidate]:
        places = Counter[ConversationId]()
        for chunk in chunks:
            places[chunk.conversation_id] += chunk.kind == "text"
            if not matches(expression, chunk):
                continue
            reason = self._reason_to_skip(terms, chunk)
            if reason:
                skipped[reason] += 1
            else:
                yield _candidate(chunk, places[chunk.conversation_id])

    def _reason_to_skip(self, terms: UpgradeTerms, chunk: BChunk) -> str | None:
        if chunk.kind != "text":
            return "not_talk"
        if terms.is_below(chunk.quality_level):
            return f"already_{chunk.quality_level}"
        if not terms.include_undone and self._was_undone(chunk, terms.target_quality):
            return "undone"
        return None

    def _was_undone(self, chunk: BChunk, target: QualityLevel) -> bool:
        order = list(QUALITY_LEVELS)
        own = {(span.message_id, at) for span in chunk.spans for at in (span.start, span.end - 1)}
        return any(
            (s.message_id, s.start) in own or any(s.message_id == m and s.start <= at < s.end for m, at in own)
            for paid in self.home.pipeline.purchases.undone_of_conversation(chunk.conversation_id)
            if order.index(paid.quality_level) >= order.index(target)
            for s in paid.slices
        )

    def upgrade(self, request: UpgradeRequest, days: Collection[date]) -> DreamingTaskResult:
        """Buy what is left of a request's plan on days, and publish the days that change.

        Ends normally when a budget or the time is used up: `stopped` says so. Interrupted, it publishes what was
        bought, and goes on being interrupted.
        """
        started = perf_counter()
        self.plan(request, days)
        before = self._quality(days)
        work = _Work(self, request, days)
        try:
            work.run()
        finally:
            result = work.result()
            spent = self.home.ledger.spent_in_run(self.run_id)
            result = replace(
                result,
                quality_before=before,
                quality_counts=self._quality(days),
                tokens_consumed=spent.tokens,
                estimated_cost_usd=spent.cost_usd,
                budget=self.home.ledger.balance(request_scope(request.request_id)).as_json(),
                processing_time_seconds=round(perf_counter() - started, 3),
            )
            self.home.requests.store_result(
                self.run_id, request.request_id, result.as_json(), at=self.home.pipeline.clock()
            )
        return result

    def _quality(self, days: Collection[date]) -> dict[str, int]:
        counts: dict[str, int] = dict.fromkeys(QUALITY_LEVELS, 0)
        for day in days:
            with self.home.store.open_chunks("upgraded_chunks", day) as chunks:
                for (level,) in chunks.cells("quality_level"):
                    counts[level] += 1
        return counts

    def open_provider(self, request: UpgradeRequest) -> LLMProvider:
        """The metered provider that a request asks for; raises `UsageError` where it does not give the quality."""
        meter = Meter(
            self.home.ledger,
            purpose="upgrade",
            run_id=self.run_id,
            request_id=request.request_id,
            deadline_at=request.deadline_at,
            retry_failed=request.terms.retry_failed,
        )
        provider = self._provider(request.terms, meter)
        self._require_budget(request, provider)
        return provider

    def _provider(self, terms: UpgradeTerms, meter: CallMeter) -> LLMProvider:
        name = terms.provider or DEFAULT_PROVIDER
        if name not in self.providers:
            raise UsageError(f"There is no provider {name!r}. Choose one of {', '.join(self.providers)}.")
        configured = self.providers[name]
        model = terms.model or configured.settings.model or default_model(name, terms.target_quality)
        provider = configured.open(meter, today=self.home.pipeline.clock().date(), model=model)
        order = list(QUALITY_LEVELS)
        if order.index(provider.model.quality_level) < order.index(terms.target_quality):
            raise UsageError(
                f"The model {provider.model.served!r} of {name} gives {provider.model.quality_level} chunks, and "
                f"{terms.target_quality} ones are asked for. Choose a better model, or a lower target_quality."
            )
        return provider

    def _require_budget(self, request: UpgradeRequest, provider: LLMProvider) -> None:
        level = provider.model.quality_level
        standing = self.home.ledger.window_balances(provider.name, level).values()
        own = self.home.ledger.balance(request_scope(request.request_id))
        if provider.is_local or own.limit or any(balance.limit for balance in standing):
            return
        raise UsageError(
            "Nothing bounds what this upgrade may spend. Give it max_tokens or max_cost_usd, or set a standing budget: "
            f"dreaming budget set --provider {provider.name} --tier {level} --max-tokens 50000"
        )


class _Work:
    """One run's share of a request."""

    def __init__(self, executor: DreamingExecutor, request: UpgradeRequest, days: Collection[date]) -> None:
        self.executor = executor
        self.home = executor.home
        self.request = request
        self.waiting = deque(self.home.requests.open_spans(request.request_id, days))
        self.left: list[PlannedSpan] = []
        self.open_on_day = Counter(span.day for span in self.waiting)
        self.changed: set[date] = set()
        self.done_days: SimpleQueue[date] = SimpleQueue()
        self.outcome = DreamingTaskResult(request_id=request.request_id)
        self.refusals = 0
        self._charging = asyncio.Lock()
        self._conversations = lru_cache(maxsize=8)(self._read_day)

    def run(self) -> None:
        """Buy span after span, many at once; publish each day when it is done."""
        provider = self.executor.open_provider(self.request)
        try:
            with EventLoop() as loop:
                loop.run(self._buy_all(provider), meanwhile=self._publish_done)
        finally:
            self._publish_done()
            for day in sorted(self.changed):
                self._publish(day)

    def result(self) -> DreamingTaskResult:
        """What has come of it so far."""
        skipped = self.home.requests.skipped(self.request.request_id)
        left = sum(span.chunks for span in (*self.left, *self.waiting))
        self.outcome.skipped = dict(skipped) | ({"left": left} if left else {})
        return self.outcome

    async def _buy_all(self, provider: LLMProvider) -> None:
        async with provider:
            failure = await provider.connect()
            self.outcome.llm_provider, self.outcome.llm_model = provider.name, provider.model.served
            if failure is not None:
                self._stop("provider", failure.message)
                return
            async with asyncio.TaskGroup() as workers:
                for _ in range(CONVERSATIONS_PER_PLACE * provider.limits.max_concurrency):
                    workers.create_task(self._buy_each(provider))

    async def _buy_each(self, provider: LLMProvider) -> None:
        while self.waiting and self.outcome.stopped not in ("time", "provider"):
            span = await self._next()
            if span is None:
                return
            try:
                await self._buy(provider, span)
            except asyncio.CancelledError:
                self.left.append(span)
                raise

    async def _next(self) -> PlannedSpan | None:
        """The next span of the plan; once a budget has refused one, the largest that may still fit."""
        if not self.refusals:
            return self.waiting.popleft()
        if self.refusals >= MOST_REFUSALS:
            return None
        room = (await asyncio.to_thread(self.home.ledger.balance, request_scope(self.request.request_id))).room
        fitting = [
            span for span in self.waiting if room.tokens is None or span.tokens + LEAST_CALL_TOKENS <= room.tokens
        ]
        if not fitting:
            return None
        largest = max(fitting, key=lambda span: span.tokens)
        self.waiting.remove(largest)
        return largest

    async def _buy(self, provider: LLMProvider, span: PlannedSpan) -> None:
        day = (await asyncio.to_thread(self._conversations, span.day)).get(span.conversation_id)
        shown = _still_there(day, span) if day is not None else None
        if day is None or shown is None:
            await self._end(span, "gone", reason="text_changed")
            return
        result = await provider.chunk_conversation(shown.passage)
        if isinstance(result, Chunked):
            await self._take(provider, span, day, shown, result)
        else:
            await self._give_up(span, result)

    async def _take(
        self, provider: LLMProvider, span: PlannedSpan, day: ConversationDay, shown: ShownSpan, result: Chunked
    ) -> None:
        calls = _calls(result)
        # One at a time: where equal texts share a call, the first is charged with it.
        async with self._charging:
            cost = await asyncio.to_thread(self.home.ledger.charged_for, calls, request_id=self.request.request_id)
            bought = self._paid_chunks(provider, day, shown, result, calls[-1], cost)
            await self._end(span, "bought", bought=bought)
        self.changed.add(span.day)
        self.outcome.chunks_upgraded += span.chunks
        self.outcome.chunks_created += len(bought)

    def _paid_chunks(
        self,
        provider: LLMProvider,
        day: ConversationDay,
        shown: ShownSpan,
        result: Chunked,
        call_id: str,
        cost: Amount,
    ) -> list[PaidChunk]:
        now = self.home.pipeline.clock()
        origin = chunk_origin(self.request.request_id, call_id)
        cuts = shown.cut(result.topics, origin=self.request.request_id)
        chunks = [
            describe_by_topics(cut, day, ordinal=n, language=None, version=origin, created_at=now)
            for n, cut in enumerate(cuts)
        ]
        weights = [max(chunk.token_count, 1) for chunk in chunks]
        output = min(result.usage.output_tokens, cost.tokens)
        inputs, outputs = split_exactly(cost.tokens - output, weights), split_exactly(output, weights)
        costs = split_exactly(cost.picodollars, weights)
        times = split_exactly(round(result.seconds * 1000), weights)
        return [
            PaidChunk(
                paid_chunk_id=chunk.chunk_id,
                request_id=self.request.request_id,
                call_id=call_id,
                conversation_id=chunk.conversation_id,
                slices=_slices(chunk),
                topics=tuple(PaidTopic(t.message_id, t.start, t.score) for t in chunk.topics),
                quality_level=provider.model.quality_level,
                language=chunk.language,
                labels=chunk.labels,
                entities=chunk.entities,
                summary=chunk.summary,
                speaker=chunk.speaker,
                confidence=chunk.confidence,
                llm_provider=provider.name,
                llm_used=provider.model.served,
                prompt_version=PROMPT_VERSION,
                tokens_used=inputs[n] + outputs[n],
                input_tokens=inputs[n],
                output_tokens=outputs[n],
                cost_usd=costs[n] * PICODOLLAR,
                processing_time_ms=times[n],
                bought_at=now,
            )
            for n, chunk in enumerate(chunks)
        ]

    async def _give_up(self, span: PlannedSpan, result: GivenUp) -> None:
        failure = result.failure
        self.outcome.message = self.outcome.message or failure.message
        if failure.reason in _GIVEN_UP:
            await asyncio.to_thread(self.home.ledger.mark_unusable, _calls(result))
            await self._end(span, "given_up", reason=failure.reason.value)
            return
        self.left.append(span)
        self._note_end(failure)

    def _note_end(self, failure: Failure) -> None:
        if failure.reason == FailureReason.OVER_BUDGET:
            self.refusals += 1
            self._stop("budget", failure.message)
        elif failure.reason in _ENDS:
            self._stop(_ENDS[failure.reason], failure.message)

    def _stop(self, why: Stopped, message: str) -> None:
        if self.outcome.stopped in (None, "budget"):
            self.outcome.stopped, self.outcome.message = why, message

    async def _end(
        self, span: PlannedSpan, state: str, *, reason: str | None = None, bought: Sequence[PaidChunk] = ()
    ) -> None:
        # Even when everything is called off now: what was bought is written down.
        await asyncio.shield(asyncio.to_thread(self._write_end, span, state, reason, bought))
        self.open_on_day[span.day] -= 1
        if not self.open_on_day[span.day]:
            self.done_days.put(span.day)

    def _write_end(self, span: PlannedSpan, state: str, reason: str | None, bought: Sequence[PaidChunk]) -> None:
        self.home.requests.end_span(self.request.request_id, span, state, reason=reason, bought=bought)

    def _read_day(self, day: date) -> dict[ConversationId, ConversationDay]:
        with self.home.store.open_conversations(day) as raw:
            return {row.conversation_id: row for row in raw.rows()}

    def _publish_done(self) -> None:
        while not self.done_days.empty():
            day = self.done_days.get()
            if day in self.changed:
                self._publish(day)

    def _publish(self, day: date) -> None:
        self.changed.discard(day)
        try:
            statistics = self.home.pipeline.publish(day)
        except DreamingError as error:
            # What was bought is in the ledger; the next run of the day publishes it.
            _log.exception("%s was not published.", day)
            self.outcome.failed_days[day.isoformat()] = str(error)
        else:
            self.outcome.days_published.append(day.isoformat())
            self.executor.on_published(day, statistics)


def _calls(result: Chunked | GivenUp) -> list[str]:
    """The ids of the calls that gave replies."""
    return [outcome.call_id for outcome in result.outcomes if isinstance(outcome, Answer) and outcome.call_id]


def _candidate(chunk: BChunk, place: int) -> Candidate:
    return Candidate(
        chunk_id=chunk.chunk_id,
        conversation_id=chunk.conversation_id,
        day=chunk.day,
        place=place,
        tokens=chunk.token_count,
        confidence=chunk.confidence,
        labels=chunk.labels,
        slices=_slices(chunk),
    )


def _slices(chunk: BChunk) -> tuple[PaidSlice, ...]:
    """The chunk's slices of messages: its content is their texts, joined by a blank line."""
    slices, at = [], 0
    for span in chunk.spans:
        text = chunk.content[at : at + span.end - span.start]
        slices.append(PaidSlice(span.message_id, span.start, span.end, hash_slice(text)))
        at += len(text) + 2
    return tuple(slices)


def _still_there(day: ConversationDay, span: PlannedSpan) -> ShownSpan | None:
    """The span as it is shown; None where its text is not what was planned for any more."""
    contents = {message.id: message.content for message in day.messages}
    if not all(each.still_says(contents) for each in span.slices):
        return None
    return show_span(day, [(s.message_id, s.start, s.end) for s in span.slices])
