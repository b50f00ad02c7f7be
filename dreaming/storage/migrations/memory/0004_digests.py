"""Digests of chunks, by which a day that is replaced reuses entries of unchanged chunks.

The next run indexes all days again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004_digests"
down_revision = "0003_parts"


def upgrade() -> None:
    """Empty the index, and make its segments anew: it is rebuilt from the partitions, never
    converted.
    """
    for name in ("postings", "blocks", "chunk_labels", "indexed_chunks", "indexed_days"):
        op.execute(f"DELETE FROM {name}")
    op.drop_table("segments")
    op.create_table(
        "segments",
        sa.Column("segment_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("block_id", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("passage_count", sa.Integer, nullable=False),
        sa.Column("languages", sa.Text, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("codes", sa.LargeBinary),
        sa.Column("digests", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("segments_by_day", "segments", ["day"])
    op.create_index("segments_by_block", "segments", ["block_id"])
