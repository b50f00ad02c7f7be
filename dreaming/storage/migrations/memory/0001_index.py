"""The memory index: a row a chunk, its labels, and its words."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_index"
down_revision = None


def upgrade() -> None:
    """Make the tables; the words are an FTS5 table on SQLite and
    an array under GIN on PostgreSQL.
    """
    op.create_table(
        "indexed_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("partition_hash", sa.Text, nullable=False),
        sa.Column("chunk_count", sa.Integer, nullable=False),
    )
    op.create_table(
        "indexed_chunks",
        sa.Column("row_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("chunk_id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("quality_level", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index("ix_indexed_chunks_chunk_id", "indexed_chunks", ["chunk_id"])
    op.create_index(
        "indexed_chunks_by_place", "indexed_chunks", ["day", "conversation_id", "ordinal"]
    )
    op.create_index("indexed_chunks_by_conversation", "indexed_chunks", ["conversation_id"])
    op.create_table(
        "chunk_labels",
        sa.Column("label", sa.Text, primary_key=True),
        sa.Column("row_id", sa.Integer, primary_key=True),
    )
    op.create_index("chunk_labels_by_row", "chunk_labels", ["row_id"])
    if op.get_bind().dialect.name == "sqlite":
        # The words come analysed (stems, CJK bigrams): the tokenizer only has to split them at
        # blanks.
        op.execute(
            "CREATE VIRTUAL TABLE chunk_words USING fts5(words, tokenize='unicode61 "
            "remove_diacritics 0')"
        )
    else:
        op.create_table(
            "chunk_words",
            sa.Column("row_id", sa.Integer, primary_key=True),
            sa.Column("words", postgresql.ARRAY(sa.Text), nullable=False),
        )
        op.execute("CREATE INDEX chunk_words_by_word ON chunk_words USING GIN (words)")
