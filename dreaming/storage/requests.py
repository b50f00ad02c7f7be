"""Upgrade requests: what was asked for, the plan that was frozen for it, and its progress.

A plan is frozen day by day: the spans to upgrade are written down once, and every run that works on
the request buys these and no others. A span is open until it is bought, given up or gone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import sqlalchemy as sa

from dreaming.conversation import ConversationId, MessageId
from dreaming.errors import UsageError
from dreaming.storage.database import Database, insert_new
from dreaming.storage.purchases import insert_paid, note_change
from dreaming.storage.tables import planned_days, task_results, upgrade_requests, upgrade_spans
from dreaming.upgrading.grouping import PlannedSpan
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.terms import UpgradeTerms

SpanState = Literal["open", "bought", "given_up", "gone"]


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """An upgrade that was asked for, however many runs work on it."""

    request_id: str
    terms: UpgradeTerms
    asked_at: datetime
    deadline_at: datetime | None


class Requests:
    """The upgrade requests of a home, in the ledger."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def begin(self, request: UpgradeRequest) -> UpgradeRequest:
        """Store a request; returns the stored one.

        Where the id exists already, its first terms and deadline are kept.
        """
        row = {
            "request_id": request.request_id,
            "asked_at": request.asked_at,
            "deadline_at": request.deadline_at,
            "terms": request.terms.as_json(),
        }
        with self._ledger.write() as connection:
            # Retried requests come with the same id: the first row is kept, and returned.
            insert_new(connection, upgrade_requests, [row])
            return self._find(connection, request.request_id) or request

    def end(self, request_id: str, *, at: datetime) -> None:
        """Set a request's deadline to now: runs that begin to work on it later buy nothing."""
        mine = upgrade_requests.c.request_id == request_id
        with self._ledger.write() as connection:
            connection.execute(upgrade_requests.update().where(mine).values(deadline_at=at))

    def is_known(self, request_id: str) -> bool:
        """Whether a request exists."""
        with self._ledger.read() as connection:
            return self._find(connection, request_id) is not None

    def get(self, request_id: str) -> UpgradeRequest:
        """A request; raises `UsageError` where it does not exist."""
        with self._ledger.read() as connection:
            request = self._find(connection, request_id)
        if request is None:
            raise UsageError(
                f"There is no upgrade request {request_id!r}. `dreaming ledger` lists them."
            )
        return request

    def _find(
        self,
        connection: sa.Connection,
        request_id: str,
    ) -> UpgradeRequest | None:
        query = sa.select(upgrade_requests).where(upgrade_requests.c.request_id == request_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        terms = UpgradeTerms.from_json(row.terms)
        return UpgradeRequest(row.request_id, terms, row.asked_at, row.deadline_at)

    def unplanned(
        self,
        request_id: str,
        days: Collection[date],
    ) -> list[date]:
        """The days that the request has no plan for yet."""
        with self._ledger.read() as connection:
            return sorted(set(days) - self._planned(connection, request_id))

    def freeze(
        self,
        request_id: str,
        skipped: Mapping[date, Mapping[str, int]],
        spans: Sequence[PlannedSpan],
        *,
        limit: int | None,
    ) -> None:
        """Freeze the plan for the days of `skipped`, which has the skipped chunks by reason.

        A day that another run has planned meanwhile keeps that plan. Over all runs, the plan has at
        most `limit` chunks; those over it are skipped.
        """
        is_own = upgrade_requests.c.request_id == request_id
        with self._ledger.write() as connection:
            # The lock of the request's row: of runs that plan at the same time, the second one
            # counts what the first one has planned, so that together they keep to the limit.
            connection.execute(sa.select(upgrade_requests).where(is_own).with_for_update())
            new_days = set(skipped) - self._planned(connection, request_id)
            span_count, chunk_count = self._totals(connection, request_id)
            remaining = None if limit is None else limit - chunk_count
            new_spans = [span for span in spans if span.day in new_days]
            within, over = _split_by_limit(new_spans, remaining)
            span_rows = [
                _span_row(request_id, position, span)
                for position, span in enumerate(within, start=span_count)
            ]
            if span_rows:
                connection.execute(upgrade_spans.insert(), span_rows)
            day_rows = []
            for day in sorted(new_days):
                counts = Counter(skipped[day]) + Counter(over_limit=over[day])
                day_rows.append(_planned_day_row(request_id, day, counts))
            insert_new(connection, planned_days, day_rows)

    def progress(self, request_id: str) -> dict[str, int]:
        """The number of chunks of the plan in each state."""
        column = upgrade_spans.c
        query = sa.select(
            column.state,
            sa.func.sum(column.chunks),
        )
        query = query.where(column.request_id == request_id).group_by(column.state)
        with self._ledger.read() as connection:
            return {state: int(chunks) for state, chunks in connection.execute(query)}

    def chunks_planned(self, request_id: str) -> int:
        """The number of chunks in the plan so far."""
        with self._ledger.read() as connection:
            _, chunk_count = self._totals(connection, request_id)
        return chunk_count

    def _totals(
        self,
        connection: sa.Connection,
        request_id: str,
    ) -> tuple[int, int]:
        """The numbers of spans and chunks in the plan so far."""
        # The sum over no rows is NULL.
        chunk_count = sa.func.coalesce(
            sa.func.sum(upgrade_spans.c.chunks),
            0,
        )
        query = sa.select(sa.func.count(), chunk_count)
        query = query.where(upgrade_spans.c.request_id == request_id)
        spans, chunks = connection.execute(query).one()
        return int(spans), int(chunks)

    def _planned(
        self,
        connection: sa.Connection,
        request_id: str,
    ) -> set[date]:
        query = sa.select(planned_days.c.day).where(planned_days.c.request_id == request_id)
        return {date.fromisoformat(day) for day in connection.execute(query).scalars()}

    def open_spans(
        self,
        request_id: str,
        days: Collection[date],
    ) -> list[PlannedSpan]:
        """The open spans of some days, in the order of the plan."""
        column = upgrade_spans.c
        query = sa.select(upgrade_spans).order_by(column.position)
        query = query.where(
            column.request_id == request_id,
            column.state == "open",
        )
        # Compared here, not in SQL: a plan may have more days than a statement takes values.
        wanted = {day.isoformat() for day in days}
        with self._ledger.read() as connection:
            return [_span(row) for row in connection.execute(query) if row.day in wanted]

    def open_days(self, request_id: str) -> list[date]:
        """The days that have open spans, in order."""
        column = upgrade_spans.c
        query = sa.select(column.day).distinct()
        query = query.where(
            column.request_id == request_id,
            column.state == "open",
        )
        with self._ledger.read() as connection:
            days = connection.execute(query).scalars().all()
        return sorted(map(date.fromisoformat, days))

    def given_up(self, asked: str) -> dict[ConversationId, list[PaidSlice]]:
        """The slices that a model gave no usable reply for, by conversation."""
        column = upgrade_spans.c
        query = sa.select(upgrade_spans)
        query = query.where(
            column.state == "given_up",
            column.asked == asked,
        )
        slices_of: dict[ConversationId, list[PaidSlice]] = {}
        with self._ledger.read() as connection:
            for row in connection.execute(query):
                slices = slices_of.setdefault(row.conversation_id, [])
                slices += _span(row).slices
        return slices_of

    def skipped(self, request_id: str) -> Counter[str]:
        """The number of chunks that the request does not upgrade, by reason.

        They are left out of the plan, given up, or gone.
        """
        left_out = sa.select(planned_days.c.skipped)
        left_out = left_out.where(planned_days.c.request_id == request_id)
        column = upgrade_spans.c
        is_skipped = column.state.in_(("given_up", "gone"))
        ended = sa.select(upgrade_spans).where(
            column.request_id == request_id,
            is_skipped,
        )
        counts: Counter[str] = Counter()
        with self._ledger.read() as connection:
            for of_day in connection.execute(left_out).scalars():
                counts.update(of_day)
            for row in connection.execute(ended):
                counts[row.reason or row.state] += row.chunks
        return counts

    def forget(self, conversation_id: ConversationId) -> None:
        """Delete the spans of a conversation from all plans."""
        is_own = upgrade_spans.c.conversation_id == conversation_id
        with self._ledger.write() as connection:
            connection.execute(upgrade_spans.delete().where(is_own))

    def store_result(
        self, run_id: str, request_id: str | None, result: Mapping[str, Any], *, at: datetime
    ) -> None:
        """Store the result of a run, in the place of an earlier one."""
        row = {
            "run_id": run_id,
            "request_id": request_id,
            "ended_at": at,
            "result": dict(result),
        }
        with self._ledger.write() as connection:
            connection.execute(task_results.delete().where(task_results.c.run_id == run_id))
            connection.execute(task_results.insert().values(row))

    def result(self, run_id: str) -> dict[str, Any] | None:
        """The result of a run; None while it has not ended."""
        query = sa.select(task_results.c.result).where(task_results.c.run_id == run_id)
        with self._ledger.read() as connection:
            result: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
        return result


def _split_by_limit(
    spans: Sequence[PlannedSpan], remaining: int | None
) -> tuple[list[PlannedSpan], Counter[date]]:
    """The spans that fit into the rest of a limit, and the number of chunks that do not, by day."""
    over: Counter[date] = Counter()
    if remaining is None:
        return list(spans), over
    within: list[PlannedSpan] = []
    for span in spans:
        # Not the end: a later, smaller span may fit.
        if span.chunks > remaining:
            over[span.day] += span.chunks
        else:
            within.append(span)
            remaining -= span.chunks
    return within, over


def end_span(
    connection: sa.Connection,
    request_id: str,
    span: PlannedSpan,
    state: SpanState,
    *,
    reason: str | None = None,
    asked: str | None = None,
    bought: Sequence[PaidChunk] = (),
) -> None:
    """Store the outcome of an open span, which model was asked, and the chunks that were bought.

    Nothing is stored where the plan has no such open span: its conversation was forgotten.
    """
    column = upgrade_spans.c
    is_span = sa.and_(
        column.request_id == request_id,
        column.conversation_id == span.conversation_id,
        column.day == span.day.isoformat(),
        column.span_key == span.key,
        column.state == "open",
    )
    update = upgrade_spans.update().where(is_span)
    ended = connection.execute(update.values(state=state, reason=reason, asked=asked))
    # By the count of updated rows: a look-up before it could be out of date by now.
    if bought and ended.rowcount:
        insert_paid(connection, bought)
        note_change(connection, [span.day.isoformat()], at=bought[0].bought_at)


def _planned_day_row(
    request_id: str,
    day: date,
    skipped: Mapping[str, int],
) -> dict[str, Any]:
    return {"request_id": request_id, "day": day.isoformat(), "skipped": dict(skipped)}


def _span_row(
    request_id: str,
    position: int,
    span: PlannedSpan,
) -> dict[str, Any]:
    slices = [[each.message_id, each.start, each.end, each.text_hash] for each in span.slices]
    return {
        "request_id": request_id,
        "conversation_id": span.conversation_id,
        "day": span.day.isoformat(),
        "span_key": span.key,
        "position": position,
        "slices": slices,
        "chunks": span.chunks,
        "tokens": span.tokens,
        "state": "open",
    }


def _span(row: sa.Row[Any]) -> PlannedSpan:
    slices = []
    for message_id, start, end, text_hash in row.slices:
        slices.append(PaidSlice(MessageId(message_id), start, end, text_hash))
    return PlannedSpan(
        ConversationId(row.conversation_id),
        date.fromisoformat(row.day),
        tuple(slices),
        row.chunks,
        row.tokens,
    )
