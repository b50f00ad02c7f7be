"""Blocks of segments: their postings stand together, so that a question reads few rows of a large memory.

A new segment is a block of its own, and replaced by deleting its rows. When many have come together, the oldest are
merged. A segment that is deleted from a merged block leaves its postings there: they are passed over, and go when half
of the block is dead, or when what was deleted must be unreadable.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from dreaming.remembering.postings import BLOCK_BITS, BUCKETS, Bucket, merge_buckets, number_segment
from dreaming.storage.database import Database
from dreaming.storage.tables import blocks, postings, segments

MOST_SINGLE = 24
"""So many blocks of one segment may stand beside the merged ones;"""
MERGED = 24
"""with more, the oldest become one block of so many."""
_BUCKETS_AT_ONCE = 128
_BATCHES = tuple(range(first, first + _BUCKETS_AT_ONCE) for first in range(0, BUCKETS, _BUCKETS_AT_ONCE))

_BLOCK_MASK = (1 << BLOCK_BITS) - 1


class _Block(NamedTuple):
    """A block, with the segments of it that are live."""

    block_id: int
    segment_count: int
    live: tuple[int, ...]


def row_place(bucket: int, block_id: int) -> int:
    """Where the row of a bucket of a block is."""
    return bucket << BLOCK_BITS | block_id


def bucket_of(place: int) -> int:
    """Of which bucket a row is."""
    return place >> BLOCK_BITS


def bucket_places(bucket: int) -> tuple[int, int]:
    """The first and the last place that rows of a bucket may have."""
    return row_place(bucket, 0), row_place(bucket, _BLOCK_MASK)


def insert_block(connection: sa.Connection, segment_count: int) -> int:
    """Make a block for so many segments; returns its number."""
    insert = blocks.insert().values(segment_count=segment_count).returning(blocks.c.block_id)
    return int(connection.execute(insert).scalar_one())


def insert_postings(connection: sa.Connection, block_id: int, segment_id: int, buckets: Mapping[int, Bucket]) -> None:
    """Insert the postings of a new segment into its block."""
    rows = [
        number_segment(held, segment_id)._asdict() | {"place": row_place(bucket, block_id)}
        for bucket, held in sorted(buckets.items())
    ]
    if rows:
        connection.execute(postings.insert(), rows)


def delete_empty_blocks(connection: sa.Connection, block_ids: Iterable[int]) -> None:
    """Delete those of some blocks that have no segment any more."""
    for block in _read_blocks(connection, block_ids):
        if not block.live:
            _delete(connection, [block.block_id])


def tend_blocks(database: Database) -> None:
    """Merge old blocks where there are many, and write those again that are half dead; in a transaction of its own."""
    with database.read() as connection:
        if not any(_to_merge(_read_blocks(connection))):
            return
    with database.write() as connection:
        for group in _to_merge(_read_blocks(connection)):
            _merge(connection, group)


def clean_blocks(database: Database) -> None:
    """Leave no posting of a deleted segment."""
    with database.write() as connection:
        for block in _read_blocks(connection):
            if len(block.live) < block.segment_count:
                _merge(connection, [block])


def _to_merge(held: Sequence[_Block]) -> Iterator[list[_Block]]:
    single = [block for block in held if block.segment_count == 1]
    for first in range(0, len(single) - MOST_SINGLE, MERGED):
        yield single[first : first + MERGED]
    for block in held:
        if block.segment_count > 1 and 2 * len(block.live) <= block.segment_count:
            yield [block]


def _read_blocks(connection: sa.Connection, block_ids: Iterable[int] | None = None) -> list[_Block]:
    """Blocks, the oldest first."""
    query = sa.select(blocks.c.block_id, blocks.c.segment_count, segments.c.segment_id)
    query = query.join_from(blocks, segments, segments.c.block_id == blocks.c.block_id, isouter=True)
    if block_ids is not None:
        query = query.where(blocks.c.block_id.in_(list(block_ids)))
    live: dict[tuple[int, int], list[int]] = {}
    for block_id, count, segment_id in connection.execute(query.order_by(blocks.c.block_id, segments.c.segment_id)):
        live.setdefault((block_id, count), []).extend([] if segment_id is None else [segment_id])
    return [_Block(*key, tuple(own)) for key, own in live.items()]


def _merge(connection: sa.Connection, group: Sequence[_Block]) -> None:
    """Put the live segments of some blocks, which have at least one, into a new block."""
    old = [block.block_id for block in group]
    live = [segment_id for block in group for segment_id in block.live]
    new = insert_block(connection, len(live))
    for buckets in _BATCHES:
        merged = _merge_buckets(connection, buckets, old, live)
        rows = [held._asdict() | {"place": row_place(bucket, new)} for bucket, held in merged.items() if held.terms]
        if rows:
            connection.execute(postings.insert(), rows)
    connection.execute(segments.update().where(segments.c.segment_id.in_(live)).values(block_id=new))
    _delete(connection, old)


def _merge_buckets(
    connection: sa.Connection, buckets: Iterable[int], block_ids: Sequence[int], live: Sequence[int]
) -> dict[int, Bucket]:
    places = [row_place(bucket, block_id) for bucket in buckets for block_id in block_ids]
    held: dict[int, list[Bucket]] = {}
    query = sa.select(postings).where(postings.c.place.in_(places)).order_by(postings.c.place)
    for place, terms, packed in connection.execute(query):
        held.setdefault(bucket_of(place), []).append(Bucket(terms, packed))
    return {bucket: merge_buckets(parts, live) for bucket, parts in held.items()}


def _delete(connection: sa.Connection, block_ids: Collection[int]) -> None:
    for buckets in _BATCHES:
        places = [row_place(bucket, block_id) for bucket in buckets for block_id in block_ids]
        connection.execute(postings.delete().where(postings.c.place.in_(places)))
    connection.execute(blocks.delete().where(blocks.c.block_id.in_(block_ids)))
