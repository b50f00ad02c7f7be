"""Batches of calls at vendors, and the batch of each call."""

import sqlalchemy as sa
from alembic import op

revision = "0006_batches"
down_revision = "0005_segmenters"


def upgrade() -> None:
    """Make the table, and let calls name their batch and tier."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, nullable=False, index=True),
        sa.Column("run_id", sa.Text, nullable=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("vendor_ref", sa.Text, nullable=True),
        sa.Column("owner", sa.Text, nullable=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("expected_tokens", sa.BigInteger, nullable=False),
        sa.Column("expected_picodollars", sa.BigInteger, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("submitted_at", sa.BigInteger, nullable=True),
        sa.Column("ended_at", sa.BigInteger, nullable=True),
    )
    with op.batch_alter_table("calls") as calls:
        calls.add_column(sa.Column("batch_id", sa.Text, nullable=True))
        calls.add_column(sa.Column("tier", sa.Text, nullable=True))
    op.create_index("ix_calls_batch_id", "calls", ["batch_id"])
