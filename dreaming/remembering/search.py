"""A question -> hits, and the conversation around a hit."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from dreaming.chunk import BChunk, ChunkId
from dreaming.conversation import ConversationId, storable
from dreaming.errors import UsageError
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.index import MemoryIndex
from dreaming.remembering.snippet import Snippet, make_snippet
from dreaming.remembering.words import query_terms
from dreaming.storage.database import Database
from dreaming.storage.tables import queries

MAX_LIMIT = 1_000
"""The most hits a search gives."""
HALF_LIFE = timedelta(days=30)
REMEMBERED = timedelta(days=365)
"""How long a search tells what matters."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query; a higher score is better, and means nothing beyond its own search."""

    chunk: BChunk
    score: float
    snippet: Snippet


class Memory:
    """Everything that was published, to be searched."""

    def __init__(
        self, index: MemoryIndex, ledger: Database, *, remember_queries: bool, clock: Callable[[], datetime]
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._remember_queries = remember_queries
        self._clock = clock

    def search(self, query: str, wanted: ChunkFilter | None = None, *, limit: int = 10) -> list[Hit]:
        """The chunks that answer a query, best first; raises `UsageError` for a query or a limit without sense."""
        if not 1 <= limit <= MAX_LIMIT:
            raise UsageError(f"limit={limit} is out of range; expected 1 to {MAX_LIMIT}.")
        query, _ = storable(query)
        terms = query_terms(query)
        if not terms.exact and not terms.prefixes:
            raise UsageError(f"The query {query!r} has no word to look for.")
        matches = self._index.find(terms, wanted or ChunkFilter(), limit=limit)
        hits = [Hit(match.chunk, match.score, make_snippet(match.chunk.content, terms)) for match in matches]
        if self._remember_queries:
            self._remember(query, hits)
        return hits

    def around(self, hit: Hit, *, chunks: int) -> list[BChunk]:
        """The conversation around a hit, the hit's own chunk included, in order."""
        return self._index.around(hit.chunk, chunks=chunks)

    def importance(self) -> dict[ChunkId, float]:
        """How prominently searches have found chunks: 1 for being first, 1/2 for second; halved with each month since.

        Empty where queries are not remembered.
        """
        now, found = self._clock(), defaultdict[ChunkId, float](float)
        recent = sa.select(queries.c.asked_at, queries.c.hits).where(queries.c.asked_at > now - REMEMBERED)
        with self._ledger.read() as connection:
            for asked_at, hits in connection.execute(recent):
                weight = 0.5 ** ((now - asked_at) / HALF_LIFE)
                for rank, (_, chunk_id) in enumerate(hits, start=1):
                    found[chunk_id] += weight / rank
        return dict(found)

    def _remember(self, query: str, hits: Sequence[Hit]) -> None:
        found = [[hit.chunk.conversation_id, hit.chunk.chunk_id] for hit in hits]
        with self._ledger.write() as connection:
            connection.execute(queries.insert().values(asked_at=self._clock(), query=query, hits=found))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the remembered queries that found a conversation; returns how many."""
        with self._ledger.write() as connection:
            rows = connection.execute(queries.select()).all()
            found = [row.query_id for row in rows if any(hit[0] == conversation_id for hit in row.hits)]
            connection.execute(queries.delete().where(queries.c.query_id.in_(found)))
        return len(found)
