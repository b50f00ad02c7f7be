"""Upgrade requests: what was asked for once, the plan that was frozen for it, and how far it has come."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from dreaming.conversation import ConversationId, MessageId
from dreaming.errors import UsageError
from dreaming.storage.database import Database
from dreaming.storage.purchases import insert_paid
from dreaming.storage.tables import planned_days, task_results, upgrade_requests, upgrade_spans
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.plan import PlannedSpan
from dreaming.upgrading.terms import UpgradeTerms


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
        """Write a request down; where its id is known, the terms and the deadline stand that came first."""
        with self._ledger.write() as connection:
            found = self._find(connection, request.request_id)
            if found is None:
                row = {
                    "request_id": request.request_id,
                    "asked_at": request.asked_at,
                    "deadline_at": request.deadline_at,
                    "terms": request.terms.as_json(),
                }
                connection.execute(upgrade_requests.insert().values(row))
            return found or request

    def get(self, request_id: str) -> UpgradeRequest:
        """A request; raises `UsageError` where there is none of that id."""
        with self._ledger.read() as connection:
            found = self._find(connection, request_id)
        if found is None:
            raise UsageError(f"There is no upgrade request {request_id!r}. `dreaming ledger` lists them.")
        return found

    def _find(self, connection: sa.Connection, request_id: str) -> UpgradeRequest | None:
        query = sa.select(upgrade_requests).where(upgrade_requests.c.request_id == request_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return UpgradeRequest(row.request_id, UpgradeTerms.from_json(row.terms), row.asked_at, row.deadline_at)

    def unplanned(self, request_id: str, days: Collection[date]) -> list[date]:
        """The days that the request has no plan for yet."""
        query = sa.select(planned_days.c.day).where(planned_days.c.request_id == request_id)
        with self._ledger.read() as connection:
            known = set(connection.execute(query).scalars())
        return sorted(day for day in days if day.isoformat() not in known)

    def chunks_planned(self, request_id: str) -> int:
        """How many chunks the plan holds so far."""
        query = sa.select(sa.func.coalesce(sa.func.sum(upgrade_spans.c.chunks), 0)).where(
            upgrade_spans.c.request_id == request_id
        )
        with self._ledger.read() as connection:
            return int(connection.execute(query).scalar_one())

    def freeze(self, request_id: str, skipped: Mapping[date, Mapping[str, int]], spans: Sequence[PlannedSpan]) -> None:
        """Freeze the plan for days; for a day that another run has planned meanwhile, that plan stands."""
        with self._ledger.write() as connection:
            mine = planned_days.c.request_id == request_id
            known = set(connection.execute(sa.select(planned_days.c.day).where(mine)).scalars())
            new = [day for day in skipped if day.isoformat() not in known]
            position = connection.execute(
                sa.select(sa.func.count()).select_from(upgrade_spans).where(upgrade_spans.c.request_id == request_id)
            ).scalar_one()
            rows = [
                _span_row(request_id, position + n, span) for n, span in enumerate(s for s in spans if s.day in new)
            ]
            if rows:
                connection.execute(upgrade_spans.insert(), rows)
            if new:
                days = [{"request_id": request_id, "day": str(day), "skipped": dict(skipped[day])} for day in new]
                connection.execute(planned_days.insert(), days)

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

    def end_span(
        self,
        request_id: str,
        span: PlannedSpan,
        state: str,
        *,
        reason: str | None = None,
        bought: Sequence[PaidChunk] = (),
    ) -> None:
        """Note how a span ended, and what was bought with it, in one transaction."""
        mine = (
            (upgrade_spans.c.request_id == request_id)
            & (upgrade_spans.c.conversation_id == span.conversation_id)
            & (upgrade_spans.c.day == span.day.isoformat())
            & (upgrade_spans.c.span_key == span.key)
        )
        with self._ledger.write() as connection:
            insert_paid(connection, bought)
            connection.execute(upgrade_spans.update().where(mine).values(state=state, reason=reason))

    def skipped(self, request_id: str) -> Counter[str]:
        """Chunks that the request does not upgrade, by reason: left out of the plan, given up, or gone."""
        counts: Counter[str] = Counter()
        with self._ledger.read() as connection:
            for (told,) in connection.execute(
                sa.select(planned_days.c.skipped).where(planned_days.c.request_id == request_id)
            ):
                counts.update(told)
            ended = sa.select(upgrade_spans).where(
                upgrade_spans.c.request_id == request_id, upgrade_spans.c.state.in_(("given_up", "gone"))
            )
            for row in connection.execute(ended):
                counts[row.reason or row.state] += row.chunks
        return counts

    def forget(self, conversation_id: ConversationId) -> None:
        """Delete what was planned for a conversation."""
        with self._ledger.write() as connection:
            connection.execute(upgrade_spans.delete().where(upgrade_spans.c.conversation_id == conversation_id))

    def store_result(self, run_id: str, request_id: str | None, result: Mapping[str, Any], *, at: datetime) -> None:
        """Keep what a run came to."""
        with self._ledger.write() as connection:
            connection.execute(task_results.delete().where(task_results.c.run_id == run_id))
            row = {"run_id": run_id, "request_id": request_id, "ended_at": at, "result": dict(result)}
            connection.execute(task_results.insert().values(row))

    def result(self, run_id: str) -> dict[str, Any] | None:
        """What a run came to; None where it has not ended."""
        query = sa.select(task_results.c.result).where(task_results.c.run_id == run_id)
        with self._ledger.read() as connection:
            found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
        return found


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
    slices = tuple(PaidSlice(MessageId(m), start, end, digest) for m, start, end, digest in row.slices)
    day = date.fromisoformat(row.day)
    return PlannedSpan(ConversationId(row.conversation_id), day, slices, row.chunks, row.tokens, 0.0)
