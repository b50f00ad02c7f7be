"""A query -> hits, and the conversation around a hit."""

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
from dreaming.remembering.encoding import NamedEncoder, is_encoded
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.index import MemoryIndex
from dreaming.remembering.passages import Passage, SpokenChunk, Voice, read_passages
from dreaming.remembering.ranking import BY_MEANING_TOO, Question
from dreaming.remembering.reader import IndexReader
from dreaming.remembering.retrieval import find_passages
from dreaming.remembering.snippet import Snippet, make_snippet
from dreaming.remembering.words import first_words, query_terms
from dreaming.storage.database import Database
from dreaming.storage.tables import queries

DEFAULT_LIMIT = 10

# Every hit is read whole, in one statement with a parameter for each.
MAX_LIMIT = 1_000
"""Hits of a search, at most."""

# Fewer words do not hold the day, a name and a sentence.
LEAST_BUDGET_WORDS = 20

# What was looked for lately matters most for upgrades: a search counts half after a month, and
# after a year, by when it would count next to nothing, it is not read.
HALF_LIFE = timedelta(days=30)
IMPORTANCE_PERIOD = timedelta(days=365)

# A repeated query is listed once: this many rows are read for each query to list.
_ROWS_A_QUERY = 10

# Shown as `text`; and a topic boundary is about where a chunk was cut, not about what was said.
_HIDDEN_FIELDS = ("content", "topics")


@dataclass(frozen=True, slots=True)
class HitMessage:
    """What one message says in a hit."""

    voice: Voice
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that answers a query, and the messages of it to read."""

    chunk: BChunk
    score: float
    """The higher the better. Comparable with scores of the same search only."""
    said: tuple[HitMessage, ...]
    """The messages to read, in order: all of the chunk, or those that answer."""
    terms: frozenset[str]
    """The terms of the query."""

    @property
    def snippet(self) -> Snippet:
        """The part of the text that has most of the terms, on one line."""
        return make_snippet(self.text, self.terms)

    @property
    def text(self) -> str:
        """The messages word for word, with a blank line between them."""
        return CONTENT_SEPARATOR.join(message.text for message in self.said)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The ranges of the conversation's messages that `text` has."""
        return tuple(message.span for message in self.said)

    @property
    def reading(self) -> str:
        """The same for a reader: the day, and a line a message with the speaker."""
        messages = [f"{message.voice}: {message.text}" for message in self.said]
        return "\n".join([self.chunk.day.isoformat(), *messages])

    def as_json(self, *, reading: bool = False) -> dict[str, Any]:
        """The hit as commands, tools and the page return it: the text, and the chunk's fields."""
        record = chunk_record(self.chunk)
        for name in _HIDDEN_FIELDS:
            del record[name]
        record["score"] = self.score
        record["text"] = self.text
        record["spans"] = span_records(self.spans)
        record["snippet"] = self.snippet.text
        if reading:
            record["reading"] = self.reading
        return record


class Memory:
    """Searches in everything that was published."""

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
        _check_limits(limit, budget_words)
        query, _ = storable(query)
        # The slot first: a read transaction that waited for it would keep an old state of the
        # index, and SQLite from reusing its log.
        with self._index.writer_priority.searching(), self._index.read() as reader:
            question = self.understand(query, reader)
            choices = _choose(reader, question, wanted, limit, budget_words, excluded)
            spoken = reader.spoken([choice.row_id for choice in choices])
        shown = [choice for choice in choices if choice.row_id in spoken]
        hits = [_hit(choice, spoken[choice.row_id], question.terms) for choice in shown]
        # After the read transaction: a writer may wait, and readers need not.
        if self._remember_queries:
            self._remember(query, hits)
        return hits

    def understand(self, query: str, reader: IndexReader) -> Question:
        """The terms and dates of a query and, where there is an encoder, its meaning.

        Raises `UsageError` for a query without a word.
        """
        terms = query_terms(query)
        if not terms:
            raise UsageError(f"The query {query!r} has no word to look for.")
        today = self._day_of(self._clock())
        dates = read_dates(query, today=today)
        question = Question(tuple(terms), dates, asks_when(query))
        if self._index.encoder is None:
            return question
        return _with_meaning(question, query, terms, self._index.encoder, reader)

    def around(
        self,
        hit: Hit,
        *,
        chunks: int,
    ) -> list[BChunk]:
        """The conversation around a hit, in order, with the hit's own chunk."""
        return self._index.around(hit.chunk, chunks=chunks)

    def importance(self) -> dict[ChunkId, float]:
        """How prominently searches have found chunks; empty where queries are not remembered.

        A first place counts 1, a second 1/2, a third 1/3; halved with each `HALF_LIFE` since.
        """
        now = self._clock()
        query = sa.select(
            queries.c.asked_at,
            queries.c.hits,
        )
        query = query.where(queries.c.asked_at > now - IMPORTANCE_PERIOD)
        importance = defaultdict[ChunkId, float](float)
        with self._ledger.read() as connection:
            for asked_at, hits in connection.execute(query):
                half_lives = (now - asked_at) / HALF_LIFE
                weight = 0.5**half_lives
                for rank, (_, chunk_id) in enumerate(hits, start=1):
                    importance[chunk_id] += weight / rank
        return dict(importance)

    def recent_queries(self, count: int) -> list[str]:
        """The last queries, each once, the newest first; none where they are not remembered."""
        newest_first = sa.select(queries.c.query).order_by(queries.c.asked_at.desc())
        with self._ledger.read() as connection:
            rows = connection.execute(newest_first.limit(_ROWS_A_QUERY * count)).scalars()
            different = list(dict.fromkeys(rows))
        return different[:count]

    def _remember(self, query: str, hits: Sequence[Hit]) -> None:
        ids = [[hit.chunk.conversation_id, hit.chunk.chunk_id] for hit in hits]
        cells = {"asked_at": self._clock(), "query": query, "hits": ids}
        with self._ledger.write() as connection:
            connection.execute(queries.insert().values(cells))

    def forget(self, conversation_id: ConversationId) -> int:
        """Delete the remembered queries that found a conversation; returns how many."""
        with self._ledger.write() as connection:
            # Compared here: the databases query JSON each in another way.
            rows = connection.execute(queries.select()).all()
            query_ids = [row.query_id for row in rows if _has_found(row.hits, conversation_id)]
            connection.execute(queries.delete().where(queries.c.query_id.in_(query_ids)))
        return len(query_ids)


def _has_found(hits: Sequence[Sequence[str]], conversation_id: ConversationId) -> bool:
    return any(found_id == conversation_id for found_id, _ in hits)


def _check_limits(limit: int | None, budget_words: int | None) -> None:
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"limit={limit} is out of range; expected 1 to {MAX_LIMIT}.")
    if budget_words is not None and budget_words < LEAST_BUDGET_WORDS:
        raise UsageError(
            f"budget_words={budget_words} is too little to show anything; expected "
            f"{LEAST_BUDGET_WORDS}+."
        )


def _choose(
    reader: IndexReader,
    question: Question,
    wanted: ChunkFilter | None,
    limit: int | None,
    budget_words: int | None,
    excluded: Collection[ConversationId],
) -> list[Choice]:
    """Rank passages, and choose those to show."""
    ranked = find_passages(
        reader,
        question,
        wanted or ChunkFilter(),
        excluded=excluded,
        least_chunks=limit or DEFAULT_LIMIT,
    )
    if ranked is None:
        return []
    if budget_words is None:
        return choose_hits(ranked, limit=limit or DEFAULT_LIMIT)
    return choose_to_fill(ranked, budget_words, limit=limit)


def _with_meaning(
    question: Question,
    query: str,
    terms: dict[str, str],
    encoder: NamedEncoder,
    reader: IndexReader,
) -> Question:
    """The question with its embedding, and with the terms of similar meaning; `terms` -> words."""
    encoded = [term for term in terms if is_encoded(term)]
    # The words are encoded, not their stems, of which an encoder knows fewer. One call for all.
    query_vector, *term_vectors = encoder.encode([query, *(terms[term] for term in encoded)])
    vocabulary, codes = reader.vocabulary()
    similar = {}
    for term, vector in zip(encoded, term_vectors, strict=True):
        similar[term] = similar_terms(vector, vocabulary, codes)
    return replace(question, weights=BY_MEANING_TOO, vector=query_vector, alike=similar)


def _hit(
    choice: Choice,
    spoken: SpokenChunk,
    terms: Collection[str],
) -> Hit:
    passages = read_passages(spoken.chunk)
    numbers = sorted(choice.numbers)
    shown = [_hit_message(passages[number], spoken.voices[number]) for number in numbers]
    if choice.cut_words is not None:
        shown = [_cut(shown[0], choice.cut_words)]
    return Hit(spoken.chunk, choice.score, tuple(shown), frozenset(terms))


def _hit_message(passage: Passage, voice: Voice) -> HitMessage:
    return HitMessage(voice, passage.span, passage.text)


def _cut(message: HitMessage, words: float) -> HitMessage:
    """The beginning of a message, of at most this many words."""
    text = first_words(message.text, words)
    start = message.span.start
    span = Span(message.span.message_id, start, start + len(text))
    return HitMessage(message.voice, span, text)
