"""The memory index: a row a chunk and its words, on SQLite (FTS5) or PostgreSQL, always rebuildable."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from dreaming.chunk import BChunk, Span, TopicBoundary
from dreaming.remembering.filters import ChunkFilter
from dreaming.remembering.words import QueryTerms, words
from dreaming.storage.database import Database
from dreaming.storage.tables import chunk_labels, chunk_words, indexed_chunks, indexed_days

BATCH_CHUNKS = 500
"""Chunks a statement: keeps memory flat on big days."""

_COLUMNS = tuple(column.name for column in indexed_chunks.c if column.name not in ("row_id", "details"))
_DETAILS = tuple(field.name for field in fields(BChunk) if field.name not in _COLUMNS)
_MOMENTS = ("started_at", "ended_at", "created_at")
_TUPLES = ("labels", "entities", "speakers", "supersedes")


class Match(NamedTuple):
    """A chunk that a query found; a higher score is better, and means nothing beyond its own search."""

    chunk: BChunk
    score: float


class MemoryIndex:
    """The chunks of all published days, by their words."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def replace_day(self, day: date, chunks: Iterable[BChunk], *, partition_hash: str) -> int:
        """Hold exactly these chunks of a day, in one transaction; returns how many.

        Reads none of `chunks` when the day was indexed from a partition with the same hash before.
        """
        with self.database.write() as connection:
            held = connection.execute(
                sa.select(indexed_days).where(indexed_days.c.day == day.isoformat())
            ).one_or_none()
            if held is not None and held.partition_hash == partition_hash:
                return int(held.chunk_count)
            self._delete_day(connection, day)
            count = sum(self._insert(connection, batch) for batch in _batches(chunks))
            connection.execute(
                indexed_days.insert().values(day=day.isoformat(), partition_hash=partition_hash, chunk_count=count)
            )
        return count

    def _delete_day(self, connection: sa.Connection, day: date) -> None:
        rows = sa.select(indexed_chunks.c.row_id).where(indexed_chunks.c.day == day.isoformat())
        if self.database.is_sqlite:
            connection.execute(
                sa.text("DELETE FROM chunk_words WHERE rowid IN (SELECT row_id FROM indexed_chunks WHERE day = :day)"),
                {"day": day.isoformat()},
            )
        else:
            connection.execute(chunk_words.delete().where(chunk_words.c.row_id.in_(rows)))
        connection.execute(chunk_labels.delete().where(chunk_labels.c.row_id.in_(rows)))
        connection.execute(indexed_chunks.delete().where(indexed_chunks.c.day == day.isoformat()))
        connection.execute(indexed_days.delete().where(indexed_days.c.day == day.isoformat()))

    def _insert(self, connection: sa.Connection, chunks: Sequence[BChunk]) -> int:
        insert = indexed_chunks.insert().returning(indexed_chunks.c.row_id, sort_by_parameter_order=True)
        row_ids = connection.execute(insert, [_cells(chunk) for chunk in chunks]).scalars().all()
        words_of = [(row_id, _indexed_words(chunk)) for row_id, chunk in zip(row_ids, chunks, strict=True)]
        if self.database.is_sqlite:
            connection.execute(
                sa.text("INSERT INTO chunk_words (rowid, words) VALUES (:row_id, :words)"),
                [{"row_id": row_id, "words": " ".join(terms)} for row_id, terms in words_of],
            )
        else:
            connection.execute(chunk_words.insert(), [{"row_id": row_id, "words": terms} for row_id, terms in words_of])
        labels = [
            {"label": label, "row_id": row_id}
            for row_id, chunk in zip(row_ids, chunks, strict=True)
            for label in dict.fromkeys(chunk.labels)
        ]
        if labels:
            connection.execute(chunk_labels.insert(), labels)
        return len(chunks)

    def erase_deleted(self) -> None:
        """Make the words of deleted chunks unreadable in the file too."""
        if self.database.is_sqlite:
            with self.database.write() as connection:
                # FTS5 only marks deleted words until it merges what holds them.
                connection.exec_driver_sql("INSERT INTO chunk_words(chunk_words) VALUES ('optimize')")
        self.database.erase_deleted()

    def find(self, terms: QueryTerms, wanted: ChunkFilter, *, limit: int) -> list[Match]:
        """The chunks that have any of the terms and satisfy the filter, best first."""
        if not terms.exact and not terms.prefixes:
            return []
        ranked = self._ranked_by_fts5(terms) if self.database.is_sqlite else self._ranked_by_array(terms)
        query = (
            sa.select(indexed_chunks, ranked.c.score)
            .join_from(indexed_chunks, ranked, indexed_chunks.c.row_id == ranked.c.row_id)
            .where(*_conditions(wanted))
            .order_by(ranked.c.score.desc(), indexed_chunks.c.day.desc(), indexed_chunks.c.row_id)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [Match(_chunk(row), row["score"]) for row in connection.execute(query).mappings()]

    def _ranked_by_fts5(self, terms: QueryTerms) -> sa.Subquery:
        match = " OR ".join([*(f'"{term}"' for term in terms.exact), *(f'"{term}"*' for term in terms.prefixes)])
        # bm25() is negative, and the more so the better the match.
        return (
            sa.text(
                "SELECT rowid AS row_id, -bm25(chunk_words) AS score FROM chunk_words WHERE chunk_words MATCH :match"
            )
            .bindparams(match=match)
            .columns(row_id=sa.Integer, score=sa.Float)
            .subquery()
        )

    def _ranked_by_array(self, terms: QueryTerms) -> sa.Subquery:
        held = chunk_words.c.words
        found: list[sa.ColumnElement[bool]] = [held.op("&&")(sa.cast(list(terms.exact), held.type))]
        for prefix in terms.prefixes:
            word = sa.func.unnest(held).column_valued("word")
            found.append(sa.exists(sa.select(1).where(word.startswith(prefix, autoescape=True))))
        common = sum(
            (sa.case((sa.literal(term) == sa.any_(held), 1.0), else_=0.0) for term in terms.exact), sa.literal(0.0)
        )
        score = common / sa.func.ln(2.0 + sa.func.cardinality(held))
        return sa.select(chunk_words.c.row_id, score.label("score")).where(sa.or_(*found)).subquery()

    def around(self, chunk: BChunk, *, chunks: int) -> list[BChunk]:
        """The conversation around a chunk: up to so many chunks of its kind before it and after it, in order."""
        place = (indexed_chunks.c.day, indexed_chunks.c.ordinal)
        here = sa.tuple_(sa.literal(chunk.day.isoformat()), sa.literal(chunk.ordinal))
        same = sa.select(indexed_chunks).where(
            indexed_chunks.c.conversation_id == chunk.conversation_id, indexed_chunks.c.kind == chunk.kind
        )
        before = same.where(sa.tuple_(*place) < here).order_by(*(column.desc() for column in place)).limit(chunks)
        after = same.where(sa.tuple_(*place) >= here).order_by(*place).limit(chunks + 1)
        with self.database.read() as connection:
            earlier = [_chunk(row) for row in connection.execute(before).mappings()]
            return [*reversed(earlier), *(_chunk(row) for row in connection.execute(after).mappings())]

    def days_of(self, conversation_id: str) -> set[date]:
        """The days that have chunks of a conversation."""
        query = sa.select(indexed_chunks.c.day).where(indexed_chunks.c.conversation_id == conversation_id).distinct()
        with self.database.read() as connection:
            return {date.fromisoformat(day) for day in connection.execute(query).scalars()}

    def chunk_count(self, day: date) -> int:
        """How many chunks are indexed of a day."""
        query = sa.select(indexed_days.c.chunk_count).where(indexed_days.c.day == day.isoformat())
        with self.database.read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def days(self) -> dict[date, int]:
        """How many chunks are indexed of each day."""
        query = sa.select(indexed_days).order_by(indexed_days.c.day)
        with self.database.read() as connection:
            return {date.fromisoformat(row.day): row.chunk_count for row in connection.execute(query)}


def _batches(chunks: Iterable[BChunk]) -> Iterator[list[BChunk]]:
    remaining = iter(chunks)
    while batch := list(islice(remaining, BATCH_CHUNKS)):
        yield batch


def _indexed_words(chunk: BChunk) -> list[str]:
    return words("\n".join([chunk.content, *chunk.labels, *chunk.entities]))


def _conditions(wanted: ChunkFilter) -> Iterator[sa.ColumnElement[bool]]:
    column = indexed_chunks.c
    if wanted.first_day is not None:
        yield column.day >= wanted.first_day.isoformat()
    if wanted.last_day is not None:
        yield column.day <= wanted.last_day.isoformat()
    for values, cells in (
        (wanted.kinds, column.kind),
        (wanted.languages, column.language),
        (wanted.quality_levels, column.quality_level),
        (wanted.conversations, column.conversation_id),
    ):
        if values:
            yield cells.in_(values)
    if wanted.labels:
        yield column.row_id.in_(sa.select(chunk_labels.c.row_id).where(chunk_labels.c.label.in_(wanted.labels)))


def _cells(chunk: BChunk) -> dict[str, Any]:
    cells: dict[str, Any] = {name: getattr(chunk, name) for name in _COLUMNS}
    cells["day"] = chunk.day.isoformat()
    details: dict[str, Any] = {name: getattr(chunk, name) for name in _DETAILS}
    details["spans"] = [[s.message_id, s.start, s.end] for s in chunk.spans]
    details["topics"] = [[t.message_id, t.start, t.score, t.origin] for t in chunk.topics]
    details["cost_usd"] = str(chunk.cost_usd)
    for name in _MOMENTS:
        details[name] = details[name].isoformat() if details[name] else None
    return {**cells, "details": details}


def _chunk(row: sa.RowMapping) -> BChunk:
    details: dict[str, Any] = dict(row["details"])
    details["spans"] = tuple(Span(*span) for span in details["spans"])
    details["topics"] = tuple(TopicBoundary(*topic) for topic in details["topics"])
    details["cost_usd"] = Decimal(details["cost_usd"])
    for name in _MOMENTS:
        details[name] = datetime.fromisoformat(details[name]).astimezone(UTC) if details[name] else None
    for name in _TUPLES:
        details[name] = tuple(details[name])
    own: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    own["day"] = date.fromisoformat(own["day"])
    return BChunk(**own, **details)
