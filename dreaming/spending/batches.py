"""Batches in the ledger: calls that a vendor answers together, within a day.

A batch is written here before it is submitted. So a process that dies in between leaves a batch
that can be looked for at the vendor, and no reply is paid for that no one knows of.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from dreaming.conversation import ConversationId
from dreaming.money import Amount
from dreaming.processes import is_over, this_process
from dreaming.storage.database import Database
from dreaming.storage.tables import batches, calls

BatchState = Literal["intended", "submitted", "ended", "collected", "dropped"]

# Longer than all attempts to submit one together (`buying.outbox`): a batch that is still on its
# way must not be taken for abandoned. Longer than needed, and calls of a dead machine wait.
SUBMITTED_WITHIN = timedelta(minutes=20)
"""After this no process submits a batch any more: the vendor has it, or never will."""

_OPEN: tuple[BatchState, ...] = ("intended", "submitted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls of one request that are submitted to a vendor together."""

    batch_id: str
    request_id: str
    run_id: str | None
    """The run that made the batch."""
    provider: str
    model: str
    """The name under which the vendor serves it."""
    state: BatchState
    vendor_ref: str | None = None
    """The vendor's id of the batch, when it is known."""
    owner: str | None = None
    """The process that is submitting the batch, while one is."""
    calls: int
    expected: Amount
    """The amount that its calls usually cost, for people."""
    made_at: datetime
    submitted_at: datetime | None = None
    ended_at: datetime | None = None

    def is_left(self, now: datetime) -> bool:
        """Whether the batch was to be submitted, and no process is doing that any more."""
        if self.state != "intended":
            return False
        return is_over(self.owner, self.made_at + SUBMITTED_WITHIN, now)


class Batches:
    """The batches of a ledger."""

    def __init__(self, ledger: Database, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def intend(self, batch: Batch, call_ids: Collection[str]) -> set[str]:
        """Write a batch that this process is about to submit; returns the calls that are in it.

        A call that has ended meanwhile is left out, such as one that was taken for lost.
        """
        is_open = (
            calls.c.call_id.in_(list(call_ids))
            & (calls.c.state == "reserved")
            & calls.c.batch_id.is_(None)
        )
        # Locked: another process could give the calls up between the query and the update.
        query = sa.select(calls.c.call_id).where(is_open).with_for_update()
        with self._ledger.write() as connection:
            taken = set(connection.execute(query).scalars())
            if taken:
                row = _row(batch) | {"calls": len(taken), "owner": str(this_process())}
                connection.execute(batches.insert().values(row))
                # From here on only what the vendor reports ends these calls.
                is_taken = calls.c.call_id.in_(list(taken))
                connection.execute(calls.update().where(is_taken).values(batch_id=batch.batch_id))
        return taken

    def note_submitted(self, batch_id: str, vendor_ref: str) -> None:
        """Note that the vendor has a batch, and its id there."""
        self._change(
            batch_id,
            state="submitted",
            vendor_ref=vendor_ref,
            owner=None,
            submitted_at=self._clock(),
        )

    def note_unsure(self, batch_id: str) -> None:
        """Note that a batch is not being submitted any more, and that the vendor may have it."""
        self._change(batch_id, owner=None)

    def note_ended(self, batch_id: str, state: Literal["ended", "dropped"]) -> None:
        """Note that the outcomes of all calls of a batch are in the ledger."""
        self._change(batch_id, state=state, owner=None, ended_at=self._clock())

    def note_collected(self, request_id: str, batch_ids: Collection[str]) -> None:
        """Note that the replies in some batches of a request are used."""
        is_own = (batches.c.request_id == request_id) & batches.c.batch_id.in_(list(batch_ids))
        # Only from "ended": the vendor may still have replies of the others.
        is_ended = is_own & (batches.c.state == "ended")
        with self._ledger.write() as connection:
            connection.execute(batches.update().where(is_ended).values(state="collected"))

    def _change(self, batch_id: str, **values: Any) -> None:
        update = batches.update().where(batches.c.batch_id == batch_id)
        with self._ledger.write() as connection:
            connection.execute(update.values(values))

    def find(self, *states: BatchState, request_id: str | None = None) -> list[Batch]:
        """The batches in some states, the oldest first; of all requests or of one."""
        query = sa.select(batches).where(batches.c.state.in_(states)).order_by(batches.c.made_at)
        if request_id is not None:
            query = query.where(batches.c.request_id == request_id)
        with self._ledger.read() as connection:
            return [_batch(row) for row in connection.execute(query).mappings()]

    def open_calls(self, batch_id: str) -> list[str]:
        """The calls of a batch that have not ended."""
        query = sa.select(calls.c.call_id).where(
            calls.c.batch_id == batch_id, calls.c.state == "reserved"
        )
        with self._ledger.read() as connection:
            return list(connection.execute(query).scalars())

    def untaken(self, request_id: str) -> set[ConversationId]:
        """The conversations about which a request has replies that are not used yet."""
        ended_ids = sa.select(batches.c.batch_id).where(
            batches.c.request_id == request_id, batches.c.state == "ended"
        )
        query = sa.select(calls.c.conversation_id).where(
            calls.c.batch_id.in_(ended_ids),
            calls.c.reply.is_not(None),
            ~calls.c.attributed,
            ~calls.c.unusable,
        )
        with self._ledger.read() as connection:
            return set(connection.execute(query).scalars())

    def waiting(self) -> dict[str, set[ConversationId]]:
        """The conversations about which replies of vendors are still missing, by request."""
        query = (
            sa.select(batches.c.request_id, calls.c.conversation_id)
            .join_from(batches, calls, calls.c.batch_id == batches.c.batch_id)
            .where(
                batches.c.state.in_(_OPEN),
                calls.c.state == "reserved",
                calls.c.conversation_id.is_not(None),
            )
            .distinct()
        )
        by_request: dict[str, set[ConversationId]] = {}
        with self._ledger.read() as connection:
            for request_id, conversation_id in connection.execute(query):
                by_request.setdefault(request_id, set()).add(conversation_id)
        return by_request

    def vendor_refs(self, provider: str) -> set[str]:
        """A vendor's ids of the batches that the ledger knows."""
        query = sa.select(batches.c.vendor_ref).where(
            batches.c.provider == provider, batches.c.vendor_ref.is_not(None)
        )
        with self._ledger.read() as connection:
            return set(connection.execute(query).scalars())

    def pending(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """A summary of what waits at vendors, a dict per request, for people.

        `at_most` is the amount reserved for the calls, `expected` what such calls usually cost.
        """
        # Only the open calls of a batch: some of an ended batch may be settled already.
        is_open_call = (calls.c.batch_id == batches.c.batch_id) & (calls.c.state == "reserved")
        reserved = (
            sa.select(
                batches.c.batch_id,
                sa.func.count().label("calls"),
                sa.func.sum(calls.c.reserved_tokens).label("tokens"),
                sa.func.sum(calls.c.reserved_picodollars).label("picodollars"),
            )
            .join_from(batches, calls, is_open_call)
            .where(batches.c.state.in_(_OPEN))
            .group_by(batches.c.batch_id)
        )
        with self._ledger.read() as connection:
            sums = {row.batch_id: row for row in connection.execute(reserved)}
        by_request: dict[str, list[Batch]] = {}
        for batch in self.find(*_OPEN, request_id=request_id):
            if batch.batch_id in sums:
                by_request.setdefault(batch.request_id, []).append(batch)
        return [_summary(own, sums) for own in by_request.values()]


def _summary(own: Sequence[Batch], sums: Mapping[str, sa.Row[Any]]) -> dict[str, Any]:
    """The summary of a request's open batches, which are in the order of their making."""
    expected = Amount()
    at_most = Amount()
    open_calls = 0
    for batch in own:
        row = sums[batch.batch_id]
        expected += batch.expected
        # PostgreSQL sums BIGINT as NUMERIC, which arrives as a Decimal.
        at_most += Amount(int(row.tokens), int(row.picodollars))
        open_calls += int(row.calls)
    oldest = own[0]
    return {
        "request_id": oldest.request_id,
        "provider": oldest.provider,
        "model": oldest.model,
        "batches": len(own),
        "calls": open_calls,
        "since": oldest.made_at.isoformat(),
        "expected_tokens": expected.tokens,
        "expected_cost_usd": str(expected.cost_usd),
        "at_most_tokens": at_most.tokens,
        "at_most_cost_usd": str(at_most.cost_usd),
    }


def _row(batch: Batch) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "request_id": batch.request_id,
        "run_id": batch.run_id,
        "provider": batch.provider,
        "model": batch.model,
        "state": batch.state,
        "calls": batch.calls,
        "made_at": batch.made_at,
        "expected_tokens": batch.expected.tokens,
        "expected_picodollars": batch.expected.picodollars,
    }


def _batch(row: sa.RowMapping) -> Batch:
    cells = dict(row)
    expected = Amount(cells.pop("expected_tokens"), cells.pop("expected_picodollars"))
    return Batch(**cells, expected=expected)
