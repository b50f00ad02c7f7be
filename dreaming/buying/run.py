"""One run's share of an upgrade request: spans are bought, many at once, and days published.

A day on which something was bought is published when its last span has ended, or when the run
ends.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from datetime import date
from queue import SimpleQueue

import sqlalchemy as sa

from dreaming.buying import patience
from dreaming.buying.bought import answered_calls, make_paid_chunks, with_cost
from dreaming.buying.outbox import Outbox
from dreaming.buying.patience import ENDS, Patience, judge
from dreaming.buying.reading import asked_model
from dreaming.buying.settling import Settling
from dreaming.buying.spans import CurrentSpan, Obsolete, read_span
from dreaming.conversation import ConversationId
from dreaming.errors import DamagedPartition, DreamingError
from dreaming.event_loop import EventLoop, despite_interruption
from dreaming.home import Home
from dreaming.model_call import Failure, FailureReason
from dreaming.pipeline.model_chunker import workers_for
from dreaming.providers.provider import LLMProvider
from dreaming.providers.result import Chunked, GivenUp
from dreaming.spending.call_rows import attribute, mark_unusable
from dreaming.spending.meter import Meter
from dreaming.statistics import ChunkStatistics
from dreaming.storage.requests import SpanState, UpgradeRequest, end_span
from dreaming.task import DreamingTaskResult, Stopped
from dreaming.upgrading.grouping import PlannedSpan
from dreaming.upgrading.paid import PaidChunk

_log = logging.getLogger(__name__)

SMALLER = 0.75
"""After a budget refused a span, spans of at most this share of its tokens are tried next.

Trying the next smaller one each time would cost a reservation a span; a much smaller share would
leave money unspent.
"""
LOOK_SECONDS = 0.1
"""The pause between looks at whether calls under way have ended."""


class UpgradeRun:
    """Buys the open spans of a request's plan on some days; `outcome` is what has come of it."""

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
        """With an `outbox`, calls go to the vendor in batches."""
        self._home = home
        self._provider = provider
        self._meter = meter
        self._request = request
        self._days = frozenset(days)
        self._settling = settling
        self._outbox = outbox
        self._on_published = on_published
        self._patience = Patience()

        self._waiting = deque(home.requests.open_spans(request.request_id, days))
        self._open = set(self._waiting)
        """Spans that have not ended: what is left of them at the end is left to a later run."""
        self._largest: float | None = None
        """Once a budget has refused a span: the most tokens of spans that are still tried."""
        self._calls_under_way = 0
        self._untaken: set[ConversationId] = set()
        """The conversations whose replies have come in batches, and are paid for."""
        self._pending_chunks = 0
        """Chunks of the spans whose replies will come in batches."""

        self._open_on_day = Counter(span.day for span in self._waiting)
        self._changed = set(days) & set(home.purchases.unpublished_days())
        """Days with purchases that are not published."""
        # The event loop's thread puts days in, the main thread publishes them.
        self._done_days: SimpleQueue[date] = SimpleQueue()
        self.outcome = DreamingTaskResult(
            request_id=request.request_id,
            llm_provider=provider.name,
            llm_model=provider.model.served,
        )

    def run(self) -> None:
        """Buy and publish; interrupted, it publishes what was bought before it raises again."""
        try:
            with EventLoop() as loop:
                loop.run(self._buy_all(), meanwhile=self._publish_done, wind_up=self._meter.wind_up)
        finally:
            despite_interruption(self._finish)

    def _finish(self) -> None:
        self._publish_changed()
        self._count_skipped()

    def _count_skipped(self) -> None:
        skipped = self._home.requests.skipped(self._request.request_id)
        skipped["left"] = sum(span.chunks for span in self._open)
        skipped["pending"] += self._pending_chunks
        # `+` drops what is zero.
        self.outcome.skipped = dict(+skipped)

    # Buying: on the event loop's thread

    async def _buy_all(self) -> None:
        async with self._provider:
            if failure := await self._provider.connect():
                self._stop("provider", failure.message)
                return
            # A local server says only now which model it has.
            self.outcome.llm_model = self._provider.model.served
            # Before anything is asked: replies that came in batches are paid for already.
            if failure := await self._settling.settle():
                self._stop("provider", failure.message)
                return
            ended = self._settling.ended()
            self._untaken = self._home.batches.untaken(self._request.request_id)
            await self._work()
            await self._empty_outbox()
            self._note_collected(ended)

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(workers_for(self._provider)):
                    workers.create_task(self._buy_each())
        except* DreamingError as errors:
            # What fails one worker (the ledger, a request that was undone) fails all: one error is
            # enough.
            raise errors.exceptions[0] from None

    async def _empty_outbox(self) -> None:
        if self._outbox is None:
            return
        if self._meter.is_winding_up:
            await self._outbox.give_up()
        else:
            await self._submit(self._outbox)

    def _note_collected(self, ended: Sequence[str]) -> None:
        """Note that chunks were made of all replies of ended batches.

        Replies about other days are left to a run that works on these days too.
        """
        open_days = self._home.requests.open_days(self._request.request_id)
        if self._goes_on() and self._days.issuperset(open_days):
            self._home.batches.note_collected(self._request.request_id, ended)

    async def _buy_each(self) -> None:
        while self._goes_on() and (span := self._next()) is not None:
            await self._buy(span)
            if self._outbox and self._outbox.is_full:
                await self._submit(self._outbox)

    async def _submit(self, outbox: Outbox) -> None:
        if failure := await outbox.submit(self._provider):
            self._stop("provider", failure.message)

    def _goes_on(self) -> bool:
        return self.outcome.stopped != "provider" and not self._meter.is_winding_up

    def _next(self) -> PlannedSpan | None:
        """The next span of the plan that may be asked for.

        A span whose reply has come in a batch is taken even after the time or the budget is over.
        """
        while self._waiting:
            span = self._waiting.popleft()
            if self._may_ask(span) or span.conversation_id in self._untaken:
                return span
        return None

    def _may_ask(self, span: PlannedSpan) -> bool:
        fits = self._largest is None or span.tokens <= self._largest
        return fits and self.outcome.stopped != "time"

    async def _buy(self, span: PlannedSpan) -> None:
        try:
            current = await asyncio.to_thread(self._read, span)
        except DamagedPartition as error:
            self.outcome.failed_days[span.day.isoformat()] = str(error)
            return
        if not isinstance(current, CurrentSpan):
            await self._end_span(span, "gone", reason=current)
            return
        self._calls_under_way += 1
        try:
            result = await self._provider.chunk_conversation(current.shown.excerpt)
        finally:
            self._calls_under_way -= 1
        if isinstance(result, GivenUp):
            await self._handle_failure(span, result)
            return
        await self._note_answer()
        chunks = make_paid_chunks(
            self._request.request_id,
            current.day,
            current.shown,
            result,
            now=self._home.clock(),
        )
        await self._keep_bought(span, chunks, result)

    def _read(self, span: PlannedSpan) -> CurrentSpan | Obsolete:
        """The span as it is now; raises `UsageError` where the request was undone meanwhile."""
        self._home.require_standing(self._request.request_id)
        stays_here = self._provider.stays_here
        return read_span(self._home, span, self._request.terms, stays_here=stays_here)

    async def _keep_bought(
        self, span: PlannedSpan, chunks: Sequence[PaidChunk], result: Chunked
    ) -> None:
        request_id = self._request.request_id

        def write(connection: sa.Connection) -> None:
            # In one transaction: a chunk is never without its cost, nor a cost without its chunk.
            cost = attribute(connection, answered_calls(result), request_id=request_id)
            bought = with_cost(chunks, cost, result)
            end_span(connection, request_id, span, "bought", bought=bought)

        def note() -> None:
            self._changed.add(span.day)
            self.outcome.chunks_upgraded += span.chunks
            self.outcome.chunks_created += len(chunks)

        await self._write_end(span, write, note)

    async def _handle_failure(self, span: PlannedSpan, result: GivenUp) -> None:
        failure = result.failure
        verdict = judge(failure)
        if verdict == "ask_later":
            self._waiting.append(span)
            return
        if verdict == "pending":
            self._pending_chunks += span.chunks
            self._open.discard(span)
            return
        self.outcome.message = self.outcome.message or failure.message
        if verdict == "give_up":
            # The vendor did answer, if only with something that is of no use.
            await self._note_answer()
            unusable = answered_calls(result)
            await self._end_span(span, "given_up", reason=failure.reason.value, unusable=unusable)
        elif verdict == "suspect":
            await self._suspect(span, failure)
        elif verdict == "wait":
            await self._wait_for_vendor(span, failure)
        else:
            self._note_limit(span, failure)

    async def _note_answer(self) -> None:
        """The vendor answers: what it rejected meanwhile is given up."""
        for span, reason in self._patience.note_answer():
            await self._end_span(span, "given_up", reason=reason.value)

    async def _suspect(self, span: PlannedSpan, failure: Failure) -> None:
        """Hold a rejected span back until the vendor answers another one.

        After several rejections in a row, nothing more is sent until a call under way is answered;
        when none is under way, the run stops.
        """
        self._patience.note_suspect(span, failure)
        while self._patience.blames_vendor:
            if not self._calls_under_way:
                self._stop("provider", failure.message)
                break
            if not await self._meter.pause(LOOK_SECONDS):
                break

    async def _wait_for_vendor(self, span: PlannedSpan, failure: Failure) -> None:
        """Try a span again after a pause, as long as the vendor is likely to come back."""
        if self._patience.is_over(failure):
            self._stop("provider", failure.message)
        else:
            self._waiting.appendleft(span)
            await self._meter.pause(patience.PROBE_SECONDS)

    def _note_limit(self, span: PlannedSpan, failure: Failure) -> None:
        if failure.reason == FailureReason.OVER_BUDGET:
            self._try_smaller(span)
            self._stop("budget", failure.message)
        elif failure.reason in ENDS:
            self._stop(ENDS[failure.reason], failure.message)

    def _try_smaller(self, refused: PlannedSpan) -> None:
        """After a budget refused a span: go on with the largest that may still fit."""
        if self._largest is None:
            by_size = sorted(self._waiting, key=lambda span: -span.tokens)
            self._waiting = deque(by_size)
        self._largest = min(self._largest or refused.tokens, SMALLER * refused.tokens)

    def _stop(self, why: Stopped, message: str) -> None:
        # The first reason counts, but for a budget, after which work goes on with smaller spans.
        if self.outcome.stopped is None or (self.outcome.stopped == "budget" and why != "budget"):
            self.outcome.stopped = why
            self.outcome.message = message

    async def _end_span(
        self, span: PlannedSpan, state: SpanState, *, reason: str, unusable: Sequence[str] = ()
    ) -> None:
        def write(connection: sa.Connection) -> None:
            mark_unusable(connection, unusable)
            asked = asked_model(self._provider)
            end_span(connection, self._request.request_id, span, state, reason=reason, asked=asked)

        await self._write_end(span, write)

    async def _write_end(
        self,
        span: PlannedSpan,
        write: Callable[[sa.Connection], None],
        note: Callable[[], None] = lambda: None,
    ) -> None:
        """Write down how a span ended, then `note` it; a cancellation waits for both."""
        writing = asyncio.wrap_future(self._home.ledger.write(write))
        try:
            await asyncio.shield(writing)
        finally:
            # Also when this is cancelled: the ledger writes all the same. Not noted, the day would
            # not be published, and the span would be counted as left.
            await asyncio.wait([writing])
            if not writing.cancelled() and writing.exception() is None:
                self._note_ended(span, note)

    def _note_ended(self, span: PlannedSpan, note: Callable[[], None]) -> None:
        # First: a day without open spans is published if it is among the changed ones.
        note()
        self._open.discard(span)
        self._open_on_day[span.day] -= 1
        if not self._open_on_day[span.day]:
            self._done_days.put(span.day)

    # Publishing: on the main thread

    def _publish_done(self) -> None:
        while not self._done_days.empty():
            day = self._done_days.get()
            if day in self._changed:
                self._publish(day)

    def _publish_changed(self) -> None:
        for day in sorted(self._changed):
            self._publish(day)

    def _publish(self, day: date) -> None:
        """Publish a day and report it; interrupted in this, it is published again at the end."""
        try:
            statistics = self._home.pipeline.publish(day)
        except DreamingError as error:
            # What was bought is in the ledger; the next run of the day publishes it.
            _log.exception("%s was not published.", day)
            self.outcome.failed_days[day.isoformat()] = str(error)
        else:
            self._on_published(day, statistics)
            self.outcome.days_published.append(day.isoformat())
        # Not in a `finally`: an interrupted day stays changed, and is published again at the end.
        # A day that failed is left to the next run.
        self._changed.discard(day)
