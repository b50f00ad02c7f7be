"""Buckets of merged blocks by their parts. The next run indexes all days again."""

from alembic import op

revision = "0003_parts"
down_revision = "0002_passages"


def upgrade() -> None:
    """Empty the index: it is rebuilt from the partitions, never converted."""
    for name in (
        "postings",
        "blocks",
        "segments",
        "chunk_labels",
        "indexed_chunks",
        "indexed_days",
    ):
        op.execute(f"DELETE FROM {name}")
