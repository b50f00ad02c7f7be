"""Bought chunks, undone requests, remembered queries, and the process of each run."""

import sqlalchemy as sa
from alembic import op

revision = "0001_paid_chunks"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "paid_chunks",
        sa.Column("paid_chunk_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("slices", sa.JSON, nullable=False),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("quality_level", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("entities", sa.JSON, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("speaker", sa.Text, nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("llm_provider", sa.Text, nullable=False),
        sa.Column("llm_used", sa.Text, nullable=False),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("tokens_used", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_picodollars", sa.BigInteger, nullable=False),
        sa.Column("processing_time_ms", sa.BigInteger, nullable=False),
        sa.Column("bought_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_paid_chunks_conversation_id", "paid_chunks", ["conversation_id"])
    op.create_table(
        "undone",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("undone_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "queries",
        sa.Column("query_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("hits", sa.JSON, nullable=False),
    )
    op.create_index("ix_queries_asked_at", "queries", ["asked_at"])
    op.create_table(
        "run_owners",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("beat_at", sa.BigInteger, nullable=False),
    )
