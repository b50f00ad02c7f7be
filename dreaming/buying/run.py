"""One run's share of an upgrade request: span after span is bought, many at once, and each day
published when done.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from queue import SimpleQueue
from time import monotonic

import sqlalchemy as sa

from dreaming.buying.batching import Outbox, Settling
from dreaming.buying.reading import asked_model, chunk_slices
from dreaming.conversation import ConversationDay, ConversationId
from dreaming.errors import DamagedPartition, DreamingError
from dreaming.event_loop import EventLoop
from dreaming.home import Home
from dreaming.model_call import Answer, Failure, FailureReason
from dreaming.money import Amount, split_exactly, to_usd
from dreaming.pipeline.model_chunker import workers_for
from dreaming.prompting.chunks import describe_by_topics
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.prompting.spans import ShownSpan, show_span
from dreaming.providers.provider import LLMProvider
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.entries import attribute, mark_unusable
from dreaming.spending.meter import Meter
from dreaming.statistics import ChunkStatistics
from dreaming.storage.requests import SpanState, UpgradeRequest, end_span
from dreaming.task import DreamingTaskResult, Stopped
from dreaming.upgrading.grouping import PlannedSpan
from dreaming.upgrading.paid import PaidChunk, PaidSlice, PaidTopic, chunk_origin

_log = logging.getLogger(__name__)

SMALLER = 0.75
"""Where a span does not fit into what is left of a budget, one of so much of its size is tried
next.
"""

PROBE_SECONDS = 5.0
"""How often it is tried whether a vendor that was down is back."""
PATIENCE_SECONDS = 300.0
"""How long a vendor that has answered before may be down until the upgrade ends."""
FIRST_PATIENCE_SECONDS = 60.0
"""The same for one that has not."""
LOOK_SECONDS = 0.1
"""How often it is looked whether those under way have ended."""
MOST_SUSPECTS = 5
"""So many replies in a row that look like the fault of their request are the fault of something
else.
"""

_ENDS: Mapping[FailureReason, Stopped] = {
    FailureReason.OUT_OF_TIME: "time",
    FailureReason.TOO_SLOW: "time",
    FailureReason.MISSING_KEY: "provider",
    FailureReason.UNAUTHORIZED: "provider",
    FailureReason.NO_SUCH_MODEL: "provider",
    FailureReason.QUOTA_EXHAUSTED: "provider",
}
"""Failures after which asking on is in vain."""

_GIVEN_UP = frozenset(
    {
        FailureReason.REFUSAL,
        FailureReason.MAX_TOKENS,
        FailureReason.EMPTY,
        FailureReason.INVALID_JSON,
        FailureReason.INVALID_REPLY,
    }
)
"""Failures that the same request would meet again: the chunk that is there stays."""
_SUSPECT = frozenset({FailureReason.BAD_REQUEST, FailureReason.UNREADABLE})
"""These too, if the vendor answers others."""
_DOWN = frozenset({FailureReason.CIRCUIT_OPEN, FailureReason.UNREACHABLE})


class Buying:
    """Buys what is open of a request's plan on some days. `outcome` tells what has come of it so
    far.
    """

    def __init__(
        self,
        home: Home,
        provider: LLMProvider,
        meter: Meter,
        request: UpgradeRequest,
        days: Collection[date],
        *,
        settling: Settling,
        outbox: Outbox | None,
        on_published: Callable[[date, ChunkStatistics], None],
    ) -> None:
        """With an `outbox`, what is asked for goes to the vendor in batches."""
        self._home = home
        self._settling = settling
        self._outbox = outbox
        self._provider = provider
        self._meter = meter
        self._request = request
        self._on_published = on_published
        self._waiting = deque(home.requests.open_spans(request.request_id, days))
        self._days = frozenset(days)
        self._untaken: set[ConversationId] = set()
        """The conversations whose replies have come in batches, and are paid for."""
        self._left: list[PlannedSpan] = []
        self._pending_chunks = 0
        """Of the spans whose replies come in batches."""
        self._largest: float | None = None
        """Once a budget has refused a span: the most tokens that one may have which is tried next.
        """
        self._asking = 0
        """How many spans the vendor is being asked about."""
        self._suspects: list[tuple[PlannedSpan, FailureReason]] = []
        """What was asked for in vain since the last answer, and may be asked for in vain for ever.
        """
        self._answered = False
        self._down_since: float | None = None
        self._open_on_day = Counter(span.day for span in self._waiting)
        self._changed = set(days) & set(home.purchases.unpublished_days())
        self._done_days: SimpleQueue[date] = SimpleQueue()
        self.outcome = DreamingTaskResult(
            request_id=request.request_id,
            llm_provider=provider.name,
            llm_model=provider.model.served,
        )

    def run(self) -> None:
        """Buy and publish. Interrupted, it publishes what was bought, and goes on being
        interrupted.
        """
        try:
            with EventLoop() as loop:
                loop.run(self._buy_all(), meanwhile=self._publish_done, wind_up=self._meter.wind_up)
            self._publish_changed()
        finally:
            # What an interruption left, whenever it came.
            self._publish_changed()
            skipped = self._home.requests.skipped(self._request.request_id)
            left = (*self._left, *self._waiting, *(span for span, _ in self._suspects))
            skipped["left"] = sum(span.chunks for span in left)
            skipped["pending"] += self._pending_chunks
            self.outcome.skipped = dict(+skipped)

    async def _buy_all(self) -> None:
        async with self._provider:
            failure = await self._provider.connect()
            if failure is not None:
                self._stop("provider", failure.message)
                return
            self.outcome.llm_model = self._provider.model.served
            if failure := await self._settling.settle():
                self._stop("provider", failure.message)
                return
            ended = self._settling.ended()
            self._untaken = self._home.batches.untaken(self._request.request_id)
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(workers_for(self._provider)):
                        workers.create_task(self._buy_each())
            except* DreamingError as errors:
                # Where the ledger cannot be written, it can be for none of them: one is enough.
                raise errors.exceptions[0] from None
            if self._outbox and self._meter.is_winding_up:
                await self._outbox.give_up()
            elif self._outbox:
                await self._submit(self._outbox)
            # Replies about other days are left to a run that works on these too.
            if self._goes_on() and self._days.issuperset(
                self._home.requests.open_days(self._request.request_id)
            ):
                self._home.batches.note_collected(self._request.request_id, ended)

    async def _buy_each(self) -> None:
        while self._goes_on() and (span := self._next()) is not None:
            try:
                await self._buy(span)
            except BaseException:
                self._left.append(span)
                raise
            if self._outbox and self._outbox.is_full:
                await self._submit(self._outbox)

    async def _submit(self, outbox: Outbox) -> None:
        if failure := await outbox.submit(self._provider):
            self._stop("provider", failure.message)

    def _goes_on(self) -> bool:
        return self.outcome.stopped != "provider" and not self._meter.is_winding_up

    def _next(self) -> PlannedSpan | None:
        """The next span of the plan; once a budget has refused one, the largest that may still fit.

        One whose reply has come is taken whatever is over.
        """
        while self._waiting:
            span = self._waiting.popleft()
            if self._may_ask(span) or span.conversation_id in self._untaken:
                return span
            self._left.append(span)
        return None

    def _may_ask(self, span: PlannedSpan) -> bool:
        return self.outcome.stopped != "time" and (
            self._largest is None or span.tokens <= self._largest
        )

    async def _buy(self, span: PlannedSpan) -> None:
        try:
            found = await asyncio.to_thread(self._look, span)
        except DamagedPartition as error:
            self.outcome.failed_days[span.day.isoformat()] = str(error)
            self._left.append(span)
            return
        if isinstance(found, str):
            await self._end(span, "gone", reason=found)
            return
        day, shown = found
        self._asking += 1
        try:
            result = await self._provider.chunk_conversation(shown.passage)
        finally:
            self._asking -= 1
        if isinstance(result, GivenUp):
            await self._give_up(span, result)
            return
        await self._note_answer()
        now, request_id = self._home.clock(), self._request.request_id
        await self._take(
            span, _unpriced(self._provider, request_id, day, shown, result, now=now), result
        )

    def _look(self, span: PlannedSpan) -> tuple[ConversationDay, ShownSpan] | str:
        """A span as it is now; or why it is not to be bought any more: it was planned a while ago.

        Raises `UsageError` where the request was undone.
        """
        self._home.require_standing(self._request.request_id)
        if self._home.archive.is_local_only(span.conversation_id) and not self._provider.stays_here:
            return FailureReason.LOCAL_ONLY.value
        with self._home.store.open_conversations(span.day) as raw:
            day = next(iter(raw.only(span.conversation_id)), None)
        shown = None if day is None else _still_there(day, span)
        if day is None or shown is None:
            return "text_changed"
        bought = self._home.purchases.of_conversation(span.conversation_id)
        if _is_covered(
            day,
            span,
            [each for each in bought if not self._request.terms.improves(each.quality_level)],
        ):
            return "bought_meanwhile"
        return day, shown

    async def _take(self, span: PlannedSpan, chunks: Sequence[PaidChunk], result: Chunked) -> None:
        def write(connection: sa.Connection) -> None:
            cost = attribute(connection, _calls(result), request_id=self._request.request_id)
            end_span(
                connection,
                self._request.request_id,
                span,
                "bought",
                bought=_priced(chunks, cost, result),
            )

        await self._write_end(span, write)
        self._changed.add(span.day)
        self.outcome.chunks_upgraded += span.chunks
        self.outcome.chunks_created += len(chunks)

    async def _give_up(self, span: PlannedSpan, result: GivenUp) -> None:
        failure = result.failure
        if failure.reason == FailureReason.BUSY:
            self._waiting.append(span)
            return
        if failure.reason == FailureReason.PENDING:
            self._pending_chunks += span.chunks
            return
        self.outcome.message = self.outcome.message or failure.message
        if failure.reason in _GIVEN_UP:
            await self._note_answer()
            await self._end(span, "given_up", reason=failure.reason.value, unusable=_calls(result))
        elif failure.reason in _SUSPECT:
            await self._suspect(span, failure)
        elif failure.reason in _DOWN:
            await self._wait_for_vendor(span, failure)
        else:
            self._left.append(span)
            self._note_end(span, failure)

    async def _note_answer(self) -> None:
        """The vendor answers: what it made nothing of meanwhile is given up."""
        self._answered, self._down_since = True, None
        suspects, self._suspects = self._suspects, []
        for span, reason in suspects:
            await self._end(span, "given_up", reason=reason.value)

    async def _suspect(self, span: PlannedSpan, failure: Failure) -> None:
        """Give a span up if the vendor answers others. After several in a row nothing more is sent
        until one is.
        """
        self._suspects.append((span, failure.reason))
        while len(self._suspects) >= MOST_SUSPECTS:
            if not self._asking:
                self._stop("provider", failure.message)
                break
            if not await self._meter.pause(LOOK_SECONDS):
                break

    async def _wait_for_vendor(self, span: PlannedSpan, failure: Failure) -> None:
        """Try a span again a little later, for as long as it is
        likely that the vendor comes back.
        """
        now = monotonic()
        self._down_since = self._down_since or now
        patience = PATIENCE_SECONDS if self._answered else FIRST_PATIENCE_SECONDS
        never_there = not self._answered and FailureReason.UNREACHABLE in (
            failure.reason,
            failure.cause,
        )
        if never_there or now - self._down_since > patience:
            self._left.append(span)
            self._stop("provider", failure.message)
        else:
            self._waiting.appendleft(span)
            await self._meter.pause(PROBE_SECONDS)

    def _note_end(self, span: PlannedSpan, failure: Failure) -> None:
        if failure.reason == FailureReason.OVER_BUDGET:
            if self._largest is None:
                self._waiting = deque(sorted(self._waiting, key=lambda each: -each.tokens))
            self._largest = min(self._largest or span.tokens, SMALLER * span.tokens)
            self._stop("budget", failure.message)
        elif failure.reason in _ENDS:
            self._stop(_ENDS[failure.reason], failure.message)

    def _stop(self, why: Stopped, message: str) -> None:
        if self.outcome.stopped is None or (self.outcome.stopped == "budget" and why != "budget"):
            self.outcome.stopped, self.outcome.message = why, message

    async def _end(
        self, span: PlannedSpan, state: SpanState, *, reason: str, unusable: Sequence[str] = ()
    ) -> None:
        def write(connection: sa.Connection) -> None:
            mark_unusable(connection, unusable)
            asked = asked_model(self._provider)
            end_span(connection, self._request.request_id, span, state, reason=reason, asked=asked)

        await self._write_end(span, write)

    async def _write_end(self, span: PlannedSpan, write: Callable[[sa.Connection], None]) -> None:
        # Even when everything is called off now: what was bought is written down.
        await asyncio.shield(asyncio.wrap_future(self._home.ledger.write(write)))
        self._open_on_day[span.day] -= 1
        if not self._open_on_day[span.day]:
            self._done_days.put(span.day)

    def _publish_done(self) -> None:
        while not self._done_days.empty():
            day = self._done_days.get()
            if day in self._changed:
                self._publish(day)

    def _publish_changed(self) -> None:
        for day in sorted(self._changed):
            self._publish(day)

    def _publish(self, day: date) -> None:
        """Publish a day and tell of it; one that was interrupted in this is published again at the
        end.
        """
        try:
            statistics = self._home.pipeline.publish(day)
        except DreamingError as error:
            # What was bought is in the ledger; the next run of the day publishes it.
            _log.exception("%s was not published.", day)
            self.outcome.failed_days[day.isoformat()] = str(error)
        else:
            self._on_published(day, statistics)
            self.outcome.days_published.append(day.isoformat())
        self._changed.discard(day)


def _calls(result: Chunked | GivenUp) -> list[str]:
    """The ids of the calls that gave replies."""
    return [
        outcome.call_id
        for outcome in result.outcomes
        if isinstance(outcome, Answer) and outcome.call_id
    ]


def _still_there(day: ConversationDay, span: PlannedSpan) -> ShownSpan | None:
    """The span as it is shown; None where its text is not what was planned for any more."""
    contents = {message.id: message.content for message in day.messages}
    if not all(each.still_says(contents) for each in span.slices):
        return None
    return show_span(day, [(s.message_id, s.start, s.end) for s in span.slices])


def _is_covered(day: ConversationDay, span: PlannedSpan, bought: Sequence[PaidChunk]) -> bool:
    """Whether chunks that were bought, as far as they still hold, cover all of a span."""
    contents = {message.id: message.content for message in day.messages}
    parts = [
        each
        for chunk in bought
        if all(s.still_says(contents) for s in chunk.slices)
        for each in chunk.slices
    ]
    return all(_covers(parts, each) for each in span.slices)


def _covers(parts: Sequence[PaidSlice], whole: PaidSlice) -> bool:
    reached = whole.start
    for part in sorted(
        (each for each in parts if each.overlaps(whole)), key=lambda each: each.start
    ):
        if part.start > reached:
            break
        reached = max(reached, part.end)
    return reached >= whole.end


def _unpriced(
    provider: LLMProvider,
    request_id: str,
    day: ConversationDay,
    shown: ShownSpan,
    result: Chunked,
    *,
    now: datetime,
) -> list[PaidChunk]:
    """The chunks of a reply, with nothing charged for them yet."""
    call_id = _calls(result)[-1]
    origin = chunk_origin(request_id, call_id)
    chunks = [
        describe_by_topics(cut, day, ordinal=n, language=None, version=origin, created_at=now)
        for n, cut in enumerate(shown.cut(result.topics, origin=request_id))
    ]
    return [
        PaidChunk(
            paid_chunk_id=chunk.chunk_id,
            request_id=request_id,
            call_id=call_id,
            conversation_id=chunk.conversation_id,
            slices=chunk_slices(chunk),
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
            tokens_used=0,
            input_tokens=0,
            output_tokens=0,
            cost_usd=Decimal(0),
            processing_time_ms=0,
            bought_at=now,
        )
        for chunk in chunks
    ]


def _priced(chunks: Sequence[PaidChunk], cost: Amount, result: Chunked) -> list[PaidChunk]:
    """The chunks with what was charged and the model's time, split exactly over them by their
    length.
    """
    weights = [sum(each.end - each.start for each in chunk.slices) for chunk in chunks]
    output = min(result.usage.output_tokens, cost.tokens)
    inputs, outputs = split_exactly(cost.tokens - output, weights), split_exactly(output, weights)
    costs, times = (
        split_exactly(cost.picodollars, weights),
        split_exactly(round(result.seconds * 1000), weights),
    )
    return [
        replace(
            chunk,
            tokens_used=inputs[n] + outputs[n],
            input_tokens=inputs[n],
            output_tokens=outputs[n],
            cost_usd=to_usd(costs[n]),
            processing_time_ms=times[n],
        )
        for n, chunk in enumerate(chunks)
    ]
