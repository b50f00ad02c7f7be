"""Blocks of segments: their postings stand together, so that a question reads few rows of a large
memory.

A new segment is a block of its own, and replaced by deleting its rows. When many have come
together, the oldest are merged. A segment that is deleted from a merged block leaves its postings
there: they are passed over, and go when half of the block is dead, or when what was deleted must be
unreadable.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from dreaming.remembering.postings import (
    BUCKETS,
    PARTS,
    Address,
    Bucket,
    Entries,
    join_entries,
    merge_buckets,
    split_bucket,
    split_entries,
)
from dreaming.storage.database import Database, fetch_raw
from dreaming.storage.tables import blocks, postings, segments

MOST_SINGLE = 24
"""So many blocks of one segment may stand beside the merged ones;"""
MERGED = 24
"""with more, the oldest become one block of so many."""
_BUCKETS_AT_ONCE = 128
_BATCHES = tuple(
    range(first, first + _BUCKETS_AT_ONCE) for first in range(0, BUCKETS, _BUCKETS_AT_ONCE)
)

_BLOCK_BITS, _BUCKET_SHIFT = 40, 45
"""A row's place has, from the highest bit: its bucket, 0 or the number after its part, its block.
"""


class _Block(NamedTuple):
    """A block, with the segments of it that are live."""

    block_id: int
    segment_count: int
    live: tuple[int, ...]

    def places(self, bucket: int) -> list[int]:
        """Where the rows of a bucket may be: one segment has it whole, several have its parts."""
        if self.segment_count == 1:
            return [_place(bucket, self.block_id)]
        return [_part_place(bucket, part, self.block_id) for part in range(PARTS)]


def bucket_of(place: int) -> int:
    """Of which bucket a row is, whole or in part."""
    return place >> _BUCKET_SHIFT


def places_to_look(address: Address) -> tuple[tuple[int, int], ...]:
    """Where the rows are in which a term would be: the first and the last place of whole buckets,
    and of parts.
    """
    ways = _place(address.bucket, 0), _part_place(address.bucket, address.part, 0)
    return tuple((first, first | (1 << _BLOCK_BITS) - 1) for first in ways)


def _place(bucket: int, block_id: int) -> int:
    return bucket << _BUCKET_SHIFT | block_id


def _part_place(bucket: int, part: int, block_id: int) -> int:
    return bucket << _BUCKET_SHIFT | part + 1 << _BLOCK_BITS | block_id


def insert_block(connection: sa.Connection, segment_count: int) -> int:
    """Make a block for so many segments; returns its number."""
    insert = blocks.insert().values(segment_count=segment_count).returning(blocks.c.block_id)
    return int(connection.execute(insert).scalar_one())


def insert_postings(
    connection: sa.Connection, block_id: int, segment_id: int, entries: Entries
) -> None:
    """Insert the postings of a new segment into its block."""
    rows = [
        {"place": _place(bucket, block_id), "terms": terms, "packed": packed}
        for bucket, (terms, packed) in split_entries(entries, segment_id).items()
    ]
    if rows:
        connection.execute(postings.insert(), rows)


def read_postings(connection: sa.Connection, segment_id: int) -> Entries:
    """The postings of a segment; none where there is no such segment."""
    block_ids = connection.execute(
        sa.select(segments.c.block_id).where(segments.c.segment_id == segment_id)
    ).scalars()
    group = _read_blocks(connection, block_ids)
    rows = [row for buckets in _BATCHES for row in _read_rows(connection, buckets, group)]
    return join_entries(
        [(bucket_of(place), Bucket(terms, packed)) for place, terms, packed in rows], segment_id
    )


def delete_empty_blocks(connection: sa.Connection, block_ids: Iterable[int]) -> None:
    """Delete those of some blocks that have no segment any more."""
    for block in _read_blocks(connection, block_ids):
        if not block.live:
            _delete(connection, [block])


def tend_blocks(database: Database) -> None:
    """Merge old blocks where there are many, and write those again that are half dead; in a
    transaction of its own.
    """
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
    query = query.join_from(
        blocks, segments, segments.c.block_id == blocks.c.block_id, isouter=True
    )
    if block_ids is not None:
        query = query.where(blocks.c.block_id.in_(list(block_ids)))
    live: dict[tuple[int, int], list[int]] = {}
    for block_id, count, segment_id in connection.execute(
        query.order_by(blocks.c.block_id, segments.c.segment_id)
    ):
        live.setdefault((block_id, count), []).extend([] if segment_id is None else [segment_id])
    return [_Block(*key, tuple(own)) for key, own in live.items()]


def _merge(connection: sa.Connection, group: Sequence[_Block]) -> None:
    """Put the live segments of some blocks, which have at least one, into a new block."""
    live = [segment_id for block in group for segment_id in block.live]
    new = _Block(insert_block(connection, len(live)), len(live), tuple(live))
    for buckets in _BATCHES:
        merged = _merge_buckets(connection, buckets, group, live)
        rows = [
            row for bucket, held in merged.items() if held.terms for row in _rows(new, bucket, held)
        ]
        if rows:
            connection.execute(postings.insert(), rows)
    connection.execute(
        segments.update().where(segments.c.segment_id.in_(live)).values(block_id=new.block_id)
    )
    _delete(connection, group)


def _rows(block: _Block, bucket: int, held: Bucket) -> Iterator[dict[str, Any]]:
    """What is inserted of a bucket."""
    places = block.places(bucket)
    for part, own in ({0: held} if len(places) == 1 else split_bucket(held)).items():
        yield own._asdict() | {"place": places[part]}


def _merge_buckets(
    connection: sa.Connection, buckets: Iterable[int], group: Sequence[_Block], live: Sequence[int]
) -> dict[int, Bucket]:
    held: dict[int, list[Bucket]] = {}
    for place, terms, packed in _read_rows(connection, buckets, group):
        held.setdefault(bucket_of(place), []).append(Bucket(terms, packed))
    return {bucket: merge_buckets(parts, live) for bucket, parts in held.items()}


def _read_rows(
    connection: sa.Connection, buckets: Iterable[int], group: Iterable[_Block]
) -> Sequence[tuple[int, bytes, bytes]]:
    query = sa.select(postings).where(postings.c.place.in_(_places(buckets, group)))
    return fetch_raw(connection.execute(query.order_by(postings.c.place)))


def _places(buckets: Iterable[int], group: Iterable[_Block]) -> list[int]:
    return [place for bucket in buckets for block in group for place in block.places(bucket)]


def _delete(connection: sa.Connection, group: Sequence[_Block]) -> None:
    for buckets in _BATCHES:
        connection.execute(postings.delete().where(postings.c.place.in_(_places(buckets, group))))
    connection.execute(
        blocks.delete().where(blocks.c.block_id.in_([block.block_id for block in group]))
    )
