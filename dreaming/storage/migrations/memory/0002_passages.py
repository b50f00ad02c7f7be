"""Postings by segment instead of FTS5 and GIN: the same on both dialects.

The next run indexes all days again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002_passages"
down_revision = "0001_index"


def upgrade() -> None:
    """Make the tables anew: an index is rebuilt from the partitions, never converted."""
    for name in ("chunk_words", "chunk_labels", "indexed_chunks", "indexed_days"):
        op.drop_table(name)
    op.create_table(
        "indexed_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("partition_hash", sa.Text, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
        sa.Column("encoder", sa.Text),
    )
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
        sqlite_autoincrement=True,
    )
    op.create_index("segments_by_day", "segments", ["day"])
    op.create_index("segments_by_block", "segments", ["block_id"])
    op.create_table(
        "blocks",
        sa.Column("block_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("segment_count", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "postings",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("terms", sa.LargeBinary, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "indexed_chunks",
        sa.Column("row_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("chunk_id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("quality_level", sa.Text, nullable=False),
        sa.Column("voices", sa.Text, nullable=False),
        sa.Column("signs", sa.LargeBinary, nullable=False),
        sa.Column("codes", sa.LargeBinary),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_indexed_chunks_chunk_id", "indexed_chunks", ["chunk_id"])
    op.create_index(
        "indexed_chunks_by_place", "indexed_chunks", ["day", "conversation_id", "ordinal"]
    )
    op.create_index("indexed_chunks_by_conversation", "indexed_chunks", ["conversation_id"])
    op.create_table(
        "chunk_labels",
        sa.Column("label", sa.Text, primary_key=True),
        sa.Column("row_id", sa.BigInteger, primary_key=True),
    )
    op.create_index("chunk_labels_by_row", "chunk_labels", ["row_id"])
    op.create_table(
        "vocabulary",
        sa.Column("block_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("codes", sa.LargeBinary, nullable=False),
    )
