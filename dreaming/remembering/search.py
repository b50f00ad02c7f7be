"""A question -> hits, and the conversation around a hit."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dreaming.chunk import CONTENT_SEPARATOR, BChunk, ChunkId, Span, chunk_record, span_records
from dreaming.conversation import ConversationId, storable
from dreaming.errors import UsageError
from dreaming.remembering.binary_embeddings import similar_terms
from dreaming.remembering.choosing import Choice, choose_hits, choose_to_fill
from dreaming.remembering.dates import asks_when, read_dates
from dreaming.remembering.encoding import is_encoded
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.index import MemoryIndex
from dreaming.remembering.passages import SpokenChunk, Voice, read_passages
from dreaming.remembering.ranking import BY_MEANING_TOO, Question
from dreaming.remembering.reader import IndexReader
from dreaming.remembering.retrieval import find_passages
from dreaming.remembering.snippet import Snippet, make_snippet
from dreaming.remembering.words import first_words, query_terms
from dreaming.storage.database import Database
from dreaming.storage.tables import queries

DEFAULT_LIMIT = 10
MAX_LIMIT = 1_000
"""The most hits a search gives."""
LEAST_BUDGET_WORDS = 20
"""Fewer cannot say what was said, by whom and when."""
HALF_LIFE = timedelta(days=30)
REMEMBERED = timedelta(days=365)
"""How long a search tells what matters."""


@dataclass(frozen=True, slots=True)
class HitMessage:
    """What one message says of a hit."""

    voice: Voice
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query, and what of it is worth its words."""

    chunk: BChunk
    score: float
    """The higher the better; it means nothing beyond its own search."""
    said: tuple[HitMessage, ...]
    """The messages to be read, in order: all of the chunk, or those of it that answer."""
    terms: frozenset[str]
    """What was looked for."""

    @property
    def snippet(self) -> Snippet:
        """The part of the text that has most of what was looked for, on one line."""
        return make_snippet(self.text, self.terms)

    @property
    def text(self) -> str:
        """What they say, word for word, with a blank line between messages."""
        return CONTENT_SEPARATOR.join(said.text for said in self.said)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where that stands in the conversation."""
        return tuple(said.span for said in self.said)

    @property
    def reading(self) -> str:
        """The same for a reader: the day, and a line a message with who says it."""
        return "\n".join(
            [self.chunk.day.isoformat(), *(f"{said.voice}: {said.text}" for said in self.said)]
        )

    def as_json(self, *, reading: bool = False) -> dict[str, Any]:
        """The hit as every front door gives it: what is shown of the chunk, and what is known about
        the chunk.
        """
        record = chunk_record(self.chunk)
        for name in _NOT_OF_A_HIT:
            del record[name]
        shown = {"score": self.score, "text": self.text, "spans": span_records(self.spans)}
        return (
            record
            | shown
            | {"snippet": self.snippet.text}
            | ({"reading": self.reading} if reading else {})
        )


_NOT_OF_A_HIT = ("content", "topics")
"""`text` stands in the place of the one; the other is about cutting, not about what was said."""


class Memory:
    """Everything that was published, to be searched."""

    def __init__(
        self,
        index: MemoryIndex,
        ledger: Database,
        *,
        remember_queries: bool,
        clock: Callable[[], datetime],
        day_of: Callable[[datetime], date],
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._remember_queries = remember_queries
        self._clock = clock
        self._day_of = day_of

    def search(
        self,
        query: str,
        wanted: ChunkFilter | None = None,
        *,
        limit: int | None = None,
        budget_words: int | None = None,
        excluded: Collection[ConversationId] = (),
    ) -> list[Hit]:
        """The chunks that answer a query, best first.

        Args:
            query: words of any language, or a question.
            wanted: which chunks may be found.
            limit: how many hits at most; by default `DEFAULT_LIMIT`, or with a budget as many as
                fit.
            budget_words: how many words the `reading` of all hits together may have, so that they
                fit a prompt; two characters of a script without spaces count as a word.
            excluded: conversations that are left out.

        Raises:
            UsageError: the query has no word, or the limit or budget makes no sense.

        """
        _require_sense(limit, budget_words)
        query, _ = storable(query)
        with self._index.writer_priority.searching(), self._index.read() as reader:
            question = self.understand(query, reader)
            found = find_passages(
                reader,
                question,
                wanted or ChunkFilter(),
                excluded=excluded,
                least_chunks=limit or DEFAULT_LIMIT,
            )
            if found is None:
                choices = []
            elif budget_words is None:
                choices = choose_hits(found, limit=limit or DEFAULT_LIMIT)
            else:
                choices = choose_to_fill(found, budget_words, limit=limit)
            spoken = reader.spoken([choice.row_id for choice in choices])
        hits = [
            _hit(choice, spoken[choice.row_id], question.terms)
            for choice in choices
            if choice.row_id in spoken
        ]
        if self._remember_queries:
            self._remember(query, hits)
        return hits

    def understand(self, query: str, reader: IndexReader) -> Question:
        """What a query looks for; by its meaning too, where there is an encoder. Raises
        `UsageError` for no word.
        """
        terms = query_terms(query)
        if not terms:
            raise UsageError(f"The query {query!r} has no word to look for.")
        today = self._day_of(self._clock())
        question = Question(tuple(terms), read_dates(query, today=today), asks_when(query))
        if self._index.encoder is None:
            return question
        encoded = [term for term in terms if is_encoded(term)]
        vectors = self._index.encoder.encode([query, *(terms[term] for term in encoded)])
        vocabulary, codes = reader.vocabulary()
        alike = {
            term: similar_terms(vector, vocabulary, codes)
            for term, vector in zip(encoded, vectors[1:], strict=True)
        }
        return replace(question, weights=BY_MEANING_TOO, vector=vectors[0], alike=alike)

    def around(self, hit: Hit, *, chunks: int) -> list[BChunk]:
        """The conversation around a hit, the hit's own chunk included, in order."""
        return self._index.around(hit.chunk, chunks=chunks)

    def importance(self) -> dict[ChunkId, float]:
        """How prominently searches have found chunks: 1 for being first, 1/2 for second; halved
        with each month since.

        Empty where queries are not remembered.
        """
        now, found = self._clock(), defaultdict[ChunkId, float](float)
        recent = sa.select(queries.c.asked_at, queries.c.hits).where(
            queries.c.asked_at > now - REMEMBERED
        )
        with self._ledger.read() as connection:
            for asked_at, hits in connection.execute(recent):
                weight = 0.5 ** ((now - asked_at) / HALF_LIFE)
                for rank, (_, chunk_id) in enumerate(hits, start=1):
                    found[chunk_id] += weight / rank
        return dict(found)

    def recent_queries(self, count: int) -> list[str]:
        """What was looked for last, each once, the newest first; none where queries are not
        remembered.
        """
        newest = sa.select(queries.c.query).order_by(queries.c.asked_at.desc()).limit(10 * count)
        with self._ledger.read() as connection:
            return list(dict.fromkeys(connection.execute(newest).scalars()))[:count]

    def _remember(self, query: str, hits: Sequence[Hit]) -> None:
        found = [[hit.chunk.conversation_id, hit.chunk.chunk_id] for hit in hits]
        with self._ledger.write() as connection:
            connection.execute(
                queries.insert().values(asked_at=self._clock(), query=query, hits=found)
            )

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the remembered queries that found a conversation; returns how many."""
        with self._ledger.write() as connection:
            rows = connection.execute(queries.select()).all()
            found = [
                row.query_id for row in rows if any(hit[0] == conversation_id for hit in row.hits)
            ]
            connection.execute(queries.delete().where(queries.c.query_id.in_(found)))
        return len(found)


def _require_sense(limit: int | None, budget_words: int | None) -> None:
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"limit={limit} is out of range; expected 1 to {MAX_LIMIT}.")
    if budget_words is not None and budget_words < LEAST_BUDGET_WORDS:
        raise UsageError(
            f"budget_words={budget_words} is too little to show anything; expected "
            f"{LEAST_BUDGET_WORDS}+."
        )


def _hit(choice: Choice, spoken: SpokenChunk, terms: Collection[str]) -> Hit:
    passages = list(zip(read_passages(spoken.chunk), spoken.voices, strict=True))
    said = [HitMessage(passages[n][1], *passages[n][0]) for n in sorted(choice.numbers)]
    if choice.cut_words is not None:
        said = [_cut(said[0], choice.cut_words)]
    return Hit(spoken.chunk, choice.score, tuple(said), frozenset(terms))


def _cut(said: HitMessage, words: float) -> HitMessage:
    text = first_words(said.text, words)
    return HitMessage(
        said.voice, Span(said.span.message_id, said.span.start, said.span.start + len(text)), text
    )
