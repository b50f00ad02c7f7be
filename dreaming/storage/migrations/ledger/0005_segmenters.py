"""Segmenters that were learned from bought chunks."""

import sqlalchemy as sa
from alembic import op

revision = "0005_segmenters"
down_revision = "0004_plans"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "segmenters",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("learned_at", sa.BigInteger, nullable=False),
        sa.Column("lessons_hash", sa.Text, nullable=False),
        sa.Column("output", sa.JSON, nullable=False),
        sa.Column("bias", sa.Float, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("reverted_at", sa.BigInteger, nullable=True),
    )
