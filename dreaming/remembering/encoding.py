"""The codes of a day's passages and of the terms in them, encoded before the day is replaced.

An encoder takes about a millisecond a message, so that only new texts are encoded: a chunk that is
indexed keeps its codes, and a term of the table `vocabulary` its code.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from dreaming.chunk import ChunkId
from dreaming.chunking.embedding_features import Encoder
from dreaming.remembering.binary_embeddings import Codes, encode_texts, read_codes
from dreaming.remembering.passages import SpokenChunk, read_passages
from dreaming.remembering.posting_blocks import bucket_of
from dreaming.remembering.postings import TERM, hash_term
from dreaming.remembering.words import words
from dreaming.storage.database import Database
from dreaming.storage.tables import indexed_chunks, postings, vocabulary

# Chunks that are in memory at a time; their ids are the parameters of one statement.
BATCH_CHUNKS = 500

# Shorter terms have too many meanings, and an encoder knows none of longer ones.
TERM_CHARACTERS = range(3, 21)


class NamedEncoder(NamedTuple):
    """What computes embeddings, and its name: those of different encoders cannot be compared."""

    name: str
    encode: Encoder


def encode_day(
    database: Database, chunks: Iterable[SpokenChunk], encode: Encoder
) -> dict[ChunkId, bytes]:
    """The codes of the passages of each text chunk, by chunk id.

    Adds their new terms to the vocabulary, in a transaction of its own: a term that stays there
    without its day does no harm.
    """
    codes_of: dict[ChunkId, bytes] = {}
    # A dict as a set that keeps the order of insertion: the same day gives the same vocabulary.
    terms: dict[str, None] = {}
    texts = (spoken for spoken in chunks if spoken.chunk.kind == "text")
    while batch := list(islice(texts, BATCH_CHUNKS)):
        stored = _stored_codes(database, [spoken.chunk.chunk_id for spoken in batch])
        new = [spoken for spoken in batch if spoken.chunk.chunk_id not in stored]
        codes_of |= stored
        codes_of |= _encode_chunks(new, encode)
        for spoken in new:
            encoded = filter(is_encoded, words(spoken.chunk.content))
            terms |= dict.fromkeys(encoded)
    _add_terms(database, list(terms), encode)
    return codes_of


def is_encoded(term: str) -> bool:
    """Whether the vocabulary has codes of such terms: words in scripts with spaces."""
    return len(term) in TERM_CHARACTERS and term.isalpha()


def read_vocabulary(connection: sa.Connection) -> tuple[list[str], Codes]:
    """The terms that have a code, and their codes."""
    rows = connection.execute(sa.select(vocabulary.c.terms, vocabulary.c.codes)).all()
    terms: list[str] = []
    for row in rows:
        terms += row.terms.split("\n")
    return terms, read_codes(b"".join(row.codes for row in rows))


def prune_vocabulary(database: Database) -> None:
    """Delete the terms that no chunk has any more."""
    with database.write() as connection:
        terms, codes = read_vocabulary(connection)
        if not terms:
            return
        used = _used_hashes(connection)
        kept = [number for number, term in enumerate(terms) if hash_term(term) in used]
        if len(kept) == len(terms):
            return
        connection.execute(vocabulary.delete())
        if kept:
            _insert_terms(
                connection,
                [terms[number] for number in kept],
                codes[kept],
            )


def _stored_codes(database: Database, chunk_ids: list[ChunkId]) -> dict[ChunkId, bytes]:
    column = indexed_chunks.c
    query = sa.select(column.chunk_id, column.codes)
    query = query.where(
        column.chunk_id.in_(chunk_ids),
        column.codes.is_not(None),
    )
    with database.read() as connection:
        return {row.chunk_id: row.codes for row in connection.execute(query)}


def _encode_chunks(batch: list[SpokenChunk], encode: Encoder) -> dict[ChunkId, bytes]:
    texts: list[str] = []
    # Where the passages of each chunk end among those of all.
    ends: list[int] = []
    for spoken in batch:
        texts += [passage.text for passage in read_passages(spoken.chunk)]
        ends.append(len(texts))
    # All texts in one call: encoders are fast on batches.
    codes = encode_texts(texts, encode)
    codes_of = {}
    # `np.split` also returns what follows the last end, which is nothing: not strict.
    for spoken, of_chunk in zip(batch, np.split(codes, ends), strict=False):
        codes_of[spoken.chunk.chunk_id] = of_chunk.tobytes()
    return codes_of


def _add_terms(
    database: Database,
    terms: list[str],
    encode: Encoder,
) -> None:
    with database.read() as connection:
        vocabulary_terms, _ = read_vocabulary(connection)
    present = set(vocabulary_terms)
    new = [term for term in terms if term not in present]
    if not new:
        return
    # Between the transactions, because encoding takes long. Another process may add the same term
    # meanwhile; twice in the vocabulary, it has the same code.
    codes = encode_texts(new, encode)
    with database.write() as connection:
        _insert_terms(connection, new, codes)


def _insert_terms(
    connection: sa.Connection,
    terms: list[str],
    codes: Codes,
) -> None:
    # A row for all of them: a question reads the whole vocabulary.
    cells = {"terms": "\n".join(terms), "codes": codes.tobytes()}
    connection.execute(vocabulary.insert().values(cells))


def _used_hashes(connection: sa.Connection) -> set[tuple[int, int]]:
    """The addresses of all terms that have postings."""
    used: set[tuple[int, int]] = set()
    for place, terms in connection.execute(sa.select(postings.c.place, postings.c.terms)):
        bucket = bucket_of(place)
        hashes = np.frombuffer(terms, TERM)["hash"].tolist()
        used.update((bucket, term_hash) for term_hash in hashes)
    return used
