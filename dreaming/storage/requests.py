"""Upgrade requests: what was asked for once, the plan that was frozen for it, and how far it has
come.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    """An upgrade that was asked for once."""

    request_id: str
    terms: UpgradeTerms
    asked_at: datetime
    deadline_at: datetime | None


class Requests:
    """The upgrade requests of a home."""

    def __init__(self, ledger: Database) -> None:
        self._ledger = ledger

    def begin(self, request: UpgradeRequest) -> UpgradeRequest:
        """Write a request down; where its id is known, the terms and the deadline stand that came
        first.
        """
        row = {
            "request_id": request.request_id,
            "asked_at": request.asked_at,
            "deadline_at": request.deadline_at,
            "terms": request.terms.as_json(),
        }
        with self._ledger.write() as connection:
            insert_new(connection, upgrade_requests, [row])
            return self._find(connection, request.request_id) or request

    def end(self, request_id: str, *, at: datetime) -> None:
        """Let a request's time be over: whatever run begins to work
        on it from now on buys nothing.
        """
        mine = upgrade_requests.c.request_id == request_id
        with self._ledger.write() as connection:
            connection.execute(upgrade_requests.update().where(mine).values(deadline_at=at))

    def is_known(self, request_id: str) -> bool:
        """Whether a request was begun."""
        with self._ledger.read() as connection:
            return self._find(connection, request_id) is not None

    def get(self, request_id: str) -> UpgradeRequest:
        """A request; raises `UsageError` where there is none of that id."""
        with self._ledger.read() as connection:
            found = self._find(connection, request_id)
        if found is None:
            raise UsageError(
                f"There is no upgrade request {request_id!r}. `dreaming ledger` lists them."
            )
        return found

    def _find(self, connection: sa.Connection, request_id: str) -> UpgradeRequest | None:
        query = sa.select(upgrade_requests).where(upgrade_requests.c.request_id == request_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return UpgradeRequest(
            row.request_id, UpgradeTerms.from_json(row.terms), row.asked_at, row.deadline_at
        )

    def unplanned(self, request_id: str, days: Collection[date]) -> list[date]:
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
        """Freeze the plan for the days of `skipped`; for one that another run has planned
        meanwhile, that plan stands.

        Over all its runs, the plan holds at most `limit` chunks; those over it are skipped.
        """
        with self._ledger.write() as connection:
            # Runs that plan at the same time take turns, so that together they keep to the limit.
            mine = upgrade_requests.c.request_id == request_id
            connection.execute(sa.select(upgrade_requests).where(mine).with_for_update())
            new = set(skipped) - self._planned(connection, request_id)
            count, chunks = self._totals(connection, request_id)
            left = None if limit is None else limit - chunks
            taken, over = _within([span for span in spans if span.day in new], left)
            if taken:
                rows = [_span_row(request_id, count + n, span) for n, span in enumerate(taken)]
                connection.execute(upgrade_spans.insert(), rows)
            insert_new(
                connection,
                planned_days,
                [
                    {
                        "request_id": request_id,
                        "day": day.isoformat(),
                        "skipped": dict(Counter(skipped[day]) + Counter(over_limit=over[day])),
                    }
                    for day in sorted(new)
                ],
            )

    def progress(self, request_id: str) -> dict[str, int]:
        """How many chunks of the plan are in each state."""
        query = (
            sa.select(upgrade_spans.c.state, sa.func.sum(upgrade_spans.c.chunks))
            .where(upgrade_spans.c.request_id == request_id)
            .group_by(upgrade_spans.c.state)
        )
        with self._ledger.read() as connection:
            return {state: int(chunks) for state, chunks in connection.execute(query)}

    def chunks_planned(self, request_id: str) -> int:
        """How many chunks the plan holds so far."""
        with self._ledger.read() as connection:
            return self._totals(connection, request_id)[1]

    def _totals(self, connection: sa.Connection, request_id: str) -> tuple[int, int]:
        """How many spans and chunks the plan holds so far."""
        totals = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(upgrade_spans.c.chunks), 0)
        )
        count, chunks = connection.execute(
            totals.where(upgrade_spans.c.request_id == request_id)
        ).one()
        return int(count), int(chunks)

    def _planned(self, connection: sa.Connection, request_id: str) -> set[date]:
        query = sa.select(planned_days.c.day).where(planned_days.c.request_id == request_id)
        return {date.fromisoformat(day) for day in connection.execute(query).scalars()}

    def open_spans(self, request_id: str, days: Collection[date]) -> list[PlannedSpan]:
        """What is left of the plan on some days, in its order."""
        query = (
            sa.select(upgrade_spans)
            .where(upgrade_spans.c.request_id == request_id, upgrade_spans.c.state == "open")
            .order_by(upgrade_spans.c.position)
        )
        wanted = {day.isoformat() for day in days}
        with self._ledger.read() as connection:
            return [_span(row) for row in connection.execute(query) if row.day in wanted]

    def open_days(self, request_id: str) -> list[date]:
        """The days that something is left of the plan on."""
        query = sa.select(upgrade_spans.c.day).where(
            upgrade_spans.c.request_id == request_id, upgrade_spans.c.state == "open"
        )
        with self._ledger.read() as connection:
            return sorted(map(date.fromisoformat, connection.execute(query.distinct()).scalars()))

    def given_up(self, asked: str) -> dict[ConversationId, list[PaidSlice]]:
        """What a model gave no usable reply for, by conversation."""
        query = sa.select(upgrade_spans).where(
            upgrade_spans.c.state == "given_up", upgrade_spans.c.asked == asked
        )
        found: dict[ConversationId, list[PaidSlice]] = {}
        with self._ledger.read() as connection:
            for row in connection.execute(query):
                found.setdefault(row.conversation_id, []).extend(_span(row).slices)
        return found

    def skipped(self, request_id: str) -> Counter[str]:
        """Chunks that the request does not upgrade, by reason: left out of the plan, given up, or
        gone.
        """
        counts: Counter[str] = Counter()
        with self._ledger.read() as connection:
            for (told,) in connection.execute(
                sa.select(planned_days.c.skipped).where(planned_days.c.request_id == request_id)
            ):
                counts.update(told)
            ended = sa.select(upgrade_spans).where(
                upgrade_spans.c.request_id == request_id,
                upgrade_spans.c.state.in_(("given_up", "gone")),
            )
            for row in connection.execute(ended):
                counts[row.reason or row.state] += row.chunks
        return counts

    def forget(self, conversation_id: ConversationId) -> None:
        """Delete what was planned for a conversation."""
        with self._ledger.write() as connection:
            connection.execute(
                upgrade_spans.delete().where(upgrade_spans.c.conversation_id == conversation_id)
            )

    def store_result(
        self, run_id: str, request_id: str | None, result: Mapping[str, Any], *, at: datetime
    ) -> None:
        """Keep what a run came to."""
        with self._ledger.write() as connection:
            connection.execute(task_results.delete().where(task_results.c.run_id == run_id))
            row = {
                "run_id": run_id,
                "request_id": request_id,
                "ended_at": at,
                "result": dict(result),
            }
            connection.execute(task_results.insert().values(row))

    def result(self, run_id: str) -> dict[str, Any] | None:
        """What a run came to; None where it has not ended."""
        query = sa.select(task_results.c.result).where(task_results.c.run_id == run_id)
        with self._ledger.read() as connection:
            found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
        return found


def _within(
    spans: Iterable[PlannedSpan], left: int | None
) -> tuple[list[PlannedSpan], Counter[date]]:
    """The spans that fit into what a limit leaves, and the chunks of the others by day."""
    taken: list[PlannedSpan] = []
    over: Counter[date] = Counter()
    for span in spans:
        if left is not None and span.chunks > left:
            over[span.day] += span.chunks
        else:
            taken.append(span)
            left = None if left is None else left - span.chunks
    return taken, over


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
    """Note how an open span ended, which model was asked, and what was bought with it.

    Nothing is kept where the plan has no such span any more: the conversation was forgotten.
    """
    column = upgrade_spans.c
    mine = (column.request_id == request_id) & (column.conversation_id == span.conversation_id)
    mine &= (column.day == span.day.isoformat()) & (column.span_key == span.key)
    mine &= column.state == "open"
    ended = connection.execute(
        upgrade_spans.update().where(mine).values(state=state, reason=reason, asked=asked)
    )
    if bought and ended.rowcount:
        insert_paid(connection, bought)
        note_change(connection, [span.day.isoformat()], at=bought[0].bought_at)


def _span_row(request_id: str, position: int, span: PlannedSpan) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "conversation_id": span.conversation_id,
        "day": span.day.isoformat(),
        "span_key": span.key,
        "position": position,
        "slices": [[s.message_id, s.start, s.end, s.text_hash] for s in span.slices],
        "chunks": span.chunks,
        "tokens": span.tokens,
        "state": "open",
    }


def _span(row: sa.Row[Any]) -> PlannedSpan:
    slices = tuple(
        PaidSlice(MessageId(m), start, end, digest) for m, start, end, digest in row.slices
    )
    day = date.fromisoformat(row.day)
    return PlannedSpan(ConversationId(row.conversation_id), day, slices, row.chunks, row.tokens)
