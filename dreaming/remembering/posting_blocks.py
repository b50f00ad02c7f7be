"""Blocks of segments in the table `postings`: inserted, read, and merged when they are old.

A question reads a row a term and block, so that few, large blocks make searches fast. A new segment
is a block of its own, so that replacing a day writes and deletes that day's rows only. When many
small blocks have come together, the oldest are merged.

A segment that is deleted from a merged block leaves its postings there, and readers skip them. The
block is written again without them when half of it is dead, or when deleted text must become
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
    SegmentPostings,
    join_postings,
    merge_buckets,
    split_bucket,
    split_postings,
)
from dreaming.storage.database import Database, fetch_raw
from dreaming.storage.tables import blocks, postings, segments

# A question reads a row for each of these blocks and each of its terms: more make searches slower.
# With fewer, days are merged while they are still being replaced, which leaves dead postings.
MAX_SINGLE_BLOCKS = 24
"""Blocks of one segment that are kept beside the merged ones."""

# Larger merges leave fewer blocks to read, but each rewrites as many days in one transaction.
BLOCKS_PER_MERGE = 24
"""Blocks that become one block."""

# Buckets that are in memory at a time while blocks are merged or deleted. It also limits the places
# that one statement names: `PARTS` places for each of them and each merged block.
_BUCKETS_AT_ONCE = 128
_BUCKET_BATCHES = tuple(
    range(first, first + _BUCKETS_AT_ONCE) for first in range(0, BUCKETS, _BUCKETS_AT_ONCE)
)

# A row's key, its place, is one integer. From the highest bit: the bucket; 0 for a whole bucket, or
# the part plus 1; the block. So the rows of one bucket or part lie side by side for all blocks, and
# a range of keys reads them.
_BLOCK_BITS = 40
_BUCKET_SHIFT = 45


class PlaceRange(NamedTuple):
    """The keys of rows, both ends included."""

    first: int
    last: int


class _Block(NamedTuple):
    """A block and those of its segments that are live."""

    block_id: int
    segment_count: int
    """The number of segments that it was written with."""
    live: tuple[int, ...]

    def places(self, bucket: int) -> list[int]:
        """The keys that a bucket's rows may have: one for a single segment, else one a part."""
        if self.segment_count == 1:
            return [_whole_place(bucket, self.block_id)]
        return [_part_place(bucket, part, self.block_id) for part in range(PARTS)]


def bucket_of(place: int) -> int:
    """The bucket of a row, whole or a part of it."""
    return place >> _BUCKET_SHIFT


def place_ranges(address: Address) -> tuple[PlaceRange, PlaceRange]:
    """The keys of an address in all blocks: those of whole buckets, and those of parts."""
    whole = _whole_place(address.bucket, block_id=0)
    part = _part_place(address.bucket, address.part, block_id=0)
    last_block = (1 << _BLOCK_BITS) - 1
    return PlaceRange(whole, whole | last_block), PlaceRange(part, part | last_block)


def _whole_place(bucket: int, block_id: int) -> int:
    return bucket << _BUCKET_SHIFT | block_id


def _part_place(bucket: int, part: int, block_id: int) -> int:
    return bucket << _BUCKET_SHIFT | part + 1 << _BLOCK_BITS | block_id


def insert_block(connection: sa.Connection, segment_count: int) -> int:
    """Insert a block for this many segments, without postings; returns its id."""
    insert = blocks.insert().values(segment_count=segment_count).returning(blocks.c.block_id)
    return int(connection.execute(insert).scalar_one())


def insert_postings(
    connection: sa.Connection, block_id: int, segment_id: int, of_segment: SegmentPostings
) -> None:
    """Insert the postings of a new segment into its block."""
    rows = []
    for bucket, content in split_postings(of_segment, segment_id).items():
        place = _whole_place(bucket, block_id)
        rows.append({"place": place, "terms": content.terms, "packed": content.packed})
    _insert_rows(connection, rows)


def _insert_rows(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    # Without rows SQLAlchemy would insert one of default values.
    if rows:
        connection.execute(postings.insert(), rows)


def read_postings(connection: sa.Connection, segment_id: int) -> SegmentPostings:
    """The postings of a segment; none where it does not exist."""
    query = sa.select(segments.c.block_id).where(segments.c.segment_id == segment_id)
    group = _read_blocks(connection, connection.execute(query).scalars())
    buckets = []
    for batch in _BUCKET_BATCHES:
        for place, terms, packed in _read_rows(connection, batch, group):
            buckets.append((bucket_of(place), Bucket(terms, packed)))
    return join_postings(buckets, segment_id)


def delete_empty_blocks(connection: sa.Connection, block_ids: Iterable[int]) -> None:
    """Delete those of some blocks that have no live segment."""
    for block in _read_blocks(connection, block_ids):
        if not block.live:
            _delete(connection, [block])


def tend_blocks(database: Database) -> None:
    """Merge old blocks where there are many, and rewrite those that are half dead.

    It has a transaction of its own: the day that was just replaced is committed before.
    """
    # Looked up without the write lock first: most days leave nothing to merge.
    with database.read() as connection:
        if not any(_groups_to_merge(_read_blocks(connection))):
            return
    with database.write() as connection:
        # Looked up again: another writer may have merged the same blocks meanwhile.
        for group in _groups_to_merge(_read_blocks(connection)):
            _merge(connection, group)


def clean_blocks(database: Database) -> None:
    """Remove all postings of deleted segments."""
    with database.write() as connection:
        for block in _read_blocks(connection):
            if len(block.live) < block.segment_count:
                _merge(connection, [block])


def _groups_to_merge(stored: Sequence[_Block]) -> Iterator[list[_Block]]:
    """Groups of blocks that are each to become one block; `stored` has the oldest first."""
    single = [block for block in stored if block.segment_count == 1]
    for first in range(0, len(single) - MAX_SINGLE_BLOCKS, BLOCKS_PER_MERGE):
        yield single[first : first + BLOCKS_PER_MERGE]
    for block in stored:
        # Half: until then readers skip fewer segments than they use, and a rewrite copies no more
        # segments than were deleted.
        is_half_dead = 2 * len(block.live) <= block.segment_count
        if block.segment_count > 1 and is_half_dead:
            yield [block]


def _read_blocks(connection: sa.Connection, block_ids: Iterable[int] | None = None) -> list[_Block]:
    """All blocks or some, each with its live segments, the oldest first."""
    query = sa.select(
        blocks.c.block_id,
        blocks.c.segment_count,
        segments.c.segment_id,
    )
    # An outer join: a block without a live segment is wanted too, with NULL for the segment.
    is_own = segments.c.block_id == blocks.c.block_id
    query = query.join_from(blocks, segments, is_own, isouter=True)
    if block_ids is not None:
        query = query.where(blocks.c.block_id.in_(list(block_ids)))
    query = query.order_by(
        blocks.c.block_id,
        segments.c.segment_id,
    )
    live_of: dict[tuple[int, int], list[int]] = {}
    for block_id, segment_count, segment_id in connection.execute(query):
        live = live_of.setdefault((block_id, segment_count), [])
        if segment_id is not None:
            live.append(segment_id)
    return [
        _Block(block_id, segment_count, tuple(live))
        for (block_id, segment_count), live in live_of.items()
    ]


def _merge(connection: sa.Connection, group: Sequence[_Block]) -> None:
    """Write the live segments of some blocks, at least one, into a new block."""
    live = [segment_id for block in group for segment_id in block.live]
    block_id = insert_block(connection, len(live))
    new = _Block(block_id, len(live), tuple(live))
    for batch in _BUCKET_BATCHES:
        rows: list[dict[str, Any]] = []
        for bucket, content in _merge_buckets(connection, batch, group, live).items():
            if content.terms:
                rows += _rows(new, bucket, content)
        _insert_rows(connection, rows)
    moved = segments.update().where(segments.c.segment_id.in_(live))
    connection.execute(moved.values(block_id=block_id))
    _delete(connection, group)


def _rows(
    block: _Block,
    bucket: int,
    content: Bucket,
) -> Iterator[dict[str, Any]]:
    """The rows of a bucket in a block: whole for a single segment, else by part."""
    places = block.places(bucket)
    parts = {0: content} if len(places) == 1 else split_bucket(content)
    for part, own in parts.items():
        yield {"place": places[part], "terms": own.terms, "packed": own.packed}


def _merge_buckets(
    connection: sa.Connection, buckets: Iterable[int], group: Sequence[_Block], live: Sequence[int]
) -> dict[int, Bucket]:
    """The contents of buckets over a group of blocks, live segments only."""
    pieces: dict[int, list[Bucket]] = {}
    for place, terms, packed in _read_rows(connection, buckets, group):
        pieces.setdefault(bucket_of(place), []).append(Bucket(terms, packed))
    return {bucket: merge_buckets(of_bucket, live) for bucket, of_bucket in pieces.items()}


def _read_rows(
    connection: sa.Connection, buckets: Iterable[int], group: Iterable[_Block]
) -> Sequence[tuple[int, bytes, bytes]]:
    """The rows of buckets in a group of blocks, in order of place."""
    query = sa.select(postings).where(postings.c.place.in_(_places(buckets, group)))
    return fetch_raw(connection.execute(query.order_by(postings.c.place)))


def _places(buckets: Iterable[int], group: Iterable[_Block]) -> list[int]:
    return [place for bucket in buckets for block in group for place in block.places(bucket)]


def _delete(connection: sa.Connection, group: Sequence[_Block]) -> None:
    for batch in _BUCKET_BATCHES:
        in_batch = postings.c.place.in_(_places(batch, group))
        connection.execute(postings.delete().where(in_batch))
    block_ids = [block.block_id for block in group]
    connection.execute(blocks.delete().where(blocks.c.block_id.in_(block_ids)))
