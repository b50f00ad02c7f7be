"""What was given to vendors to answer within a day, as the ledger has it: written down before it is
given.
"""

from collections.abc import Callable, Collection, Sequence
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

SUBMITTED_WITHIN = timedelta(minutes=20)
"""After so long a batch is surely with its vendor, or never will be."""
_OPEN: tuple[BatchState, ...] = ("intended", "submitted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Calls of one request that a vendor is given together."""

    batch_id: str
    request_id: str
    run_id: str | None
    """The run that made it."""
    provider: str
    model: str
    """As the vendor serves it."""
    state: BatchState
    vendor_ref: str | None = None
    owner: str | None = None
    calls: int
    expected: Amount
    """What it is expected to come to."""
    made_at: datetime
    submitted_at: datetime | None = None
    ended_at: datetime | None = None

    def is_left(self, now: datetime) -> bool:
        """Whether it was to be given to the vendor, and nobody is at that any more."""
        return self.state == "intended" and is_over(
            self.owner, self.made_at + SUBMITTED_WITHIN, now
        )


class Batches:
    """The batches of a ledger."""

    def __init__(self, ledger: Database, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def intend(self, batch: Batch, call_ids: Collection[str]) -> set[str]:
        """Write down a batch about to be given to its vendor, by this process; returns the calls
        that are in it.

        A call that has ended meanwhile, such as one that was taken for lost, is not.
        """
        mine = (
            calls.c.call_id.in_(list(call_ids))
            & (calls.c.state == "reserved")
            & calls.c.batch_id.is_(None)
        )
        with self._ledger.write() as connection:
            taken = set(
                connection.execute(
                    sa.select(calls.c.call_id).where(mine).with_for_update()
                ).scalars()
            )
            if taken:
                row = _row(batch) | {"calls": len(taken), "owner": str(this_process())}
                connection.execute(batches.insert().values(row))
                named = calls.c.call_id.in_(list(taken))
                connection.execute(calls.update().where(named).values(batch_id=batch.batch_id))
        return taken

    def note_submitted(self, batch_id: str, vendor_ref: str) -> None:
        """Note that the vendor has a batch, and what it calls it."""
        self._change(
            batch_id,
            state="submitted",
            vendor_ref=vendor_ref,
            owner=None,
            submitted_at=self._clock(),
        )

    def note_unsure(self, batch_id: str) -> None:
        """Note that nobody is giving a batch to its vendor any more, who may have it."""
        self._change(batch_id, owner=None)

    def note_ended(self, batch_id: str, state: Literal["ended", "dropped"]) -> None:
        """Note that it is written down how all calls of a batch ended."""
        self._change(batch_id, state=state, owner=None, ended_at=self._clock())

    def note_collected(self, request_id: str, batch_ids: Collection[str]) -> None:
        """Note that what was to be made of the replies in a request's batches is made."""
        mine = (batches.c.request_id == request_id) & batches.c.batch_id.in_(list(batch_ids))
        with self._ledger.write() as connection:
            ended = mine & (batches.c.state == "ended")
            connection.execute(batches.update().where(ended).values(state="collected"))

    def _change(self, batch_id: str, **values: Any) -> None:
        with self._ledger.write() as connection:
            connection.execute(
                batches.update().where(batches.c.batch_id == batch_id).values(values)
            )

    def find(self, *states: BatchState, request_id: str | None = None) -> list[Batch]:
        """The batches that are so far, the oldest first; of all requests or of one."""
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
        """The conversations that a request has replies about of which nothing is made yet."""
        ended = sa.select(batches.c.batch_id).where(
            batches.c.request_id == request_id, batches.c.state == "ended"
        )
        query = sa.select(calls.c.conversation_id).where(
            calls.c.batch_id.in_(ended),
            calls.c.reply.is_not(None),
            ~calls.c.attributed,
            ~calls.c.unusable,
        )
        with self._ledger.read() as connection:
            return set(connection.execute(query).scalars())

    def waiting(self) -> dict[str, set[ConversationId]]:
        """The conversations that vendors have still to answer about, by request."""
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
        found: dict[str, set[ConversationId]] = {}
        with self._ledger.read() as connection:
            for request_id, conversation_id in connection.execute(query):
                found.setdefault(request_id, set()).add(conversation_id)
        return found

    def vendor_refs(self, provider: str) -> set[str]:
        """What a vendor calls the batches that are known."""
        query = sa.select(batches.c.vendor_ref).where(
            batches.c.provider == provider, batches.c.vendor_ref.is_not(None)
        )
        with self._ledger.read() as connection:
            return set(connection.execute(query).scalars())

    def pending(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """What waits at vendors, by request: since when, how many calls, and what they will come
        to.

        `at_most` is what is reserved for them, `expected` what such calls come to as a rule.
        """
        of_batch = (calls.c.batch_id == batches.c.batch_id) & (calls.c.state == "reserved")
        reserved = (
            sa.select(
                batches.c.batch_id,
                sa.func.count().label("calls"),
                sa.func.sum(calls.c.reserved_tokens).label("tokens"),
                sa.func.sum(calls.c.reserved_picodollars).label("picodollars"),
            )
            .join_from(batches, calls, of_batch)
            .where(batches.c.state.in_(_OPEN))
            .group_by(batches.c.batch_id)
        )
        with self._ledger.read() as connection:
            sums = {row.batch_id: row for row in connection.execute(reserved)}
        found: dict[str, list[Batch]] = {}
        for batch in self.find(*_OPEN, request_id=request_id):
            if batch.batch_id in sums:
                found.setdefault(batch.request_id, []).append(batch)
        return [
            _pending(request, own, [sums[each.batch_id] for each in own])
            for request, own in found.items()
        ]


def _pending(request_id: str, own: Sequence[Batch], sums: Sequence[sa.Row[Any]]) -> dict[str, Any]:
    expected = sum((batch.expected for batch in own), Amount())
    at_most = sum((Amount(int(row.tokens), int(row.picodollars)) for row in sums), Amount())
    return {
        "request_id": request_id,
        "provider": own[0].provider,
        "model": own[0].model,
        "batches": len(own),
        "calls": sum(int(row.calls) for row in sums),
        "since": own[0].made_at.isoformat(),
        "expected_tokens": expected.tokens,
        "expected_cost_usd": str(expected.cost_usd),
        "at_most_tokens": at_most.tokens,
        "at_most_cost_usd": str(at_most.cost_usd),
    }


def _row(batch: Batch) -> dict[str, Any]:
    named = ("batch_id", "request_id", "run_id", "provider", "model", "state", "calls", "made_at")
    expected = {
        "expected_tokens": batch.expected.tokens,
        "expected_picodollars": batch.expected.picodollars,
    }
    return {name: getattr(batch, name) for name in named} | expected


def _batch(row: sa.RowMapping) -> Batch:
    cells = dict(row)
    expected = Amount(cells.pop("expected_tokens"), cells.pop("expected_picodollars"))
    return Batch(**cells, expected=expected)
