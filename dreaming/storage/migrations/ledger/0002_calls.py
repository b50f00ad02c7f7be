"""Calls: attempts to get a reply from a model, each with its reply."""

import sqlalchemy as sa
from alembic import op

revision = "0002_calls"
down_revision = "0001_paid_chunks"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("request_key", sa.Text, nullable=True),
        sa.Column("run_id", sa.Text, nullable=True),
        sa.Column("conversation_id", sa.Text, nullable=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model_asked", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failure", sa.Text, nullable=True),
        sa.Column("stop", sa.Text, nullable=True),
        sa.Column("input_tokens", sa.BigInteger, nullable=True),
        sa.Column("cache_read_tokens", sa.BigInteger, nullable=True),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=True),
        sa.Column("output_tokens", sa.BigInteger, nullable=True),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("vendor_ref", sa.Text, nullable=True),
        sa.Column("reply", sa.Text, nullable=True),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_calls_request_key", "calls", ["request_key"])
    op.create_index("ix_calls_conversation_id", "calls", ["conversation_id"])
    op.create_index("ix_calls_run_id", "calls", ["run_id"])
