"""Every attempt to ask a model, as the ledger holds it, and the replies that were had."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from dreaming.conversation import ConversationId, storable
from dreaming.model_call import Answer, Charge, ModelCall, Outcome, TokenUsage
from dreaming.storage.database import Database
from dreaming.storage.tables import calls

STATES: Mapping[Charge, str] = {"charged": "settled", "released": "released", "unknown": "unknown"}


class Calls:
    """The attempts: appended, never changed, but for what people ask to be forgotten."""

    def __init__(self, ledger: Database, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def reply(self, request_key: str) -> Answer | None:
        """The reply that an equal call has had, usable or not; None where there is none."""
        query = (
            sa.select(calls)
            .where(calls.c.request_key == request_key, calls.c.reply.is_not(None))
            .order_by(calls.c.ended_at.desc())
            .limit(1)
        )
        with self._ledger.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _answer(row)

    def record(
        self,
        request_key: str,
        call: ModelCall,
        outcome: Outcome,
        *,
        provider: str,
        model_asked: str,
        model: str,
        run_id: str | None,
        purpose: str,
    ) -> None:
        """Append an attempt that has ended."""
        row = {
            "call_id": uuid4().hex,
            "request_key": request_key,
            "run_id": run_id,
            "conversation_id": call.conversation_id,
            "provider": provider,
            "model_asked": model_asked,
            "model": model,
            "purpose": purpose,
            "prompt_version": call.prompt_version,
            "state": STATES[outcome.charge],
            "latency_ms": round(outcome.seconds * 1000),
            "vendor_ref": outcome.vendor_ref,
            "ended_at": self._clock(),
            **_ending(outcome),
            **_tokens(outcome.usage),
        }
        with self._ledger.write() as connection:
            connection.execute(calls.insert().values(row))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the replies about a conversation, and that they were about it; the figures stay. Returns how many."""
        mine = calls.update().where(calls.c.conversation_id == conversation_id)
        with self._ledger.write() as connection:
            return connection.execute(mine.values(reply=None, request_key=None, conversation_id=None)).rowcount


def _ending(outcome: Outcome) -> dict[str, str | None]:
    if isinstance(outcome, Answer):
        return {"failure": None, "stop": outcome.stop, "reply": storable(outcome.text)[0]}
    return {"failure": outcome.reason.value, "stop": None, "reply": None}


def _tokens(usage: TokenUsage | None) -> dict[str, int | None]:
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    return {name: None if usage is None else getattr(usage, name) for name in names}


def _answer(row: sa.RowMapping) -> Answer:
    told = row["output_tokens"] is not None
    return Answer(
        text=row["reply"],
        usage=TokenUsage(**{name: row[name] for name in _tokens(None)}) if told else None,
        stop=row["stop"],
        model=row["model"],
        vendor_ref=row["vendor_ref"],
        seconds=row["latency_ms"] / 1000,
        stored=True,
    )
