"""The codes of a day's passages and of the terms in them: encoded before a day is replaced, and
only what is new.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from dreaming.chunk import ChunkId
from dreaming.chunking.embedding_features import Encoder
from dreaming.remembering.blocks import bucket_of
from dreaming.remembering.meaning import Codes, encode_texts, read_codes
from dreaming.remembering.passages import Spoken, read_passages
from dreaming.remembering.postings import TERM, hash_term
from dreaming.remembering.words import words
from dreaming.storage.database import Database
from dreaming.storage.tables import indexed_chunks, postings, vocabulary

BATCH_CHUNKS = 500
TERM_CHARACTERS = range(3, 21)
"""Shorter terms mean too much, and longer ones nothing that an encoder knows."""


class NamedEncoder(NamedTuple):
    """What gives texts their vectors, and its name: the vectors of
    another one mean something else.
    """

    name: str
    encode: Encoder


def encode_day(
    database: Database, chunks: Iterable[Spoken], encode: Encoder
) -> dict[ChunkId, bytes]:
    """The codes of the passages of each chunk of talk; the vocabulary gets the terms that it has
    not.

    A chunk that is indexed already keeps its codes. The vocabulary is written in transactions of
    its own.
    """
    found: dict[ChunkId, bytes] = {}
    terms: dict[str, None] = {}
    talk = (spoken for spoken in chunks if spoken.chunk.kind == "text")
    while batch := list(islice(talk, BATCH_CHUNKS)):
        held = _held_codes(database, [spoken.chunk.chunk_id for spoken in batch])
        new = [spoken for spoken in batch if spoken.chunk.chunk_id not in held]
        found |= held | _encode_chunks(new, encode)
        for spoken in new:
            terms |= dict.fromkeys(term for term in words(spoken.chunk.content) if is_encoded(term))
    _add_terms(database, list(terms), encode)
    return found


def is_encoded(term: str) -> bool:
    """Whether the vocabulary has a term's meaning: it is a word of a script with spaces."""
    return len(term) in TERM_CHARACTERS and term.isalpha()


def read_vocabulary(connection: sa.Connection) -> tuple[list[str], Codes]:
    """The terms whose meaning is known, and their codes."""
    rows = connection.execute(sa.select(vocabulary.c.terms, vocabulary.c.codes)).all()
    terms = [term for row in rows for term in row.terms.split("\n")]
    return terms, read_codes(b"".join(row.codes for row in rows))


def prune_vocabulary(database: Database) -> None:
    """Delete the terms that no chunk has any more."""
    with database.write() as connection:
        terms, codes = read_vocabulary(connection)
        if not terms:
            return
        used = _used_hashes(connection)
        kept = [n for n, term in enumerate(terms) if hash_term(term) in used]
        if len(kept) < len(terms):
            connection.execute(vocabulary.delete())
            if kept:
                _insert_block(connection, [terms[n] for n in kept], codes[kept])


def _held_codes(database: Database, chunk_ids: list[ChunkId]) -> dict[ChunkId, bytes]:
    column = indexed_chunks.c
    query = sa.select(column.chunk_id, column.codes).where(
        column.chunk_id.in_(chunk_ids), column.codes.is_not(None)
    )
    with database.read() as connection:
        return {row.chunk_id: row.codes for row in connection.execute(query)}


def _encode_chunks(batch: list[Spoken], encode: Encoder) -> dict[ChunkId, bytes]:
    passages = [read_passages(spoken.chunk) for spoken in batch]
    codes = encode_texts([passage.text for own in passages for passage in own], encode)
    parts = np.split(codes, np.cumsum([len(own) for own in passages]))
    return {
        spoken.chunk.chunk_id: part.tobytes() for spoken, part in zip(batch, parts, strict=False)
    }


def _add_terms(database: Database, terms: list[str], encode: Encoder) -> None:
    with database.read() as connection:
        known = set(read_vocabulary(connection)[0])
    new = [term for term in terms if term not in known]
    if new:
        codes = encode_texts(new, encode)
        with database.write() as connection:
            _insert_block(connection, new, codes)


def _insert_block(connection: sa.Connection, terms: list[str], codes: Codes) -> None:
    connection.execute(vocabulary.insert().values(terms="\n".join(terms), codes=codes.tobytes()))


def _used_hashes(connection: sa.Connection) -> set[tuple[int, int]]:
    rows = connection.execute(sa.select(postings.c.place, postings.c.terms))
    return {
        (bucket_of(place), rest)
        for place, terms in rows
        for rest in np.frombuffer(terms, TERM)["hash"].tolist()
    }
