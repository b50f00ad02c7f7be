"""What was imported: conversations, their messages by local day, and the revisions of days."""

import sqlalchemy as sa
from alembic import op

revision = "0001_imports"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    # Ids are compared byte by byte in both dialects, so that a day is read in the same order
    # everywhere.
    byte_order = sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
    op.create_table(
        "conversations",
        sa.Column("conversation_id", byte_order, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("updated_at", sa.BigInteger),
        sa.Column("version_hash", sa.Text, nullable=False),
        sa.Column("local_only", sa.Boolean, nullable=False),
        sa.Column("imported_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "superseded_versions",
        sa.Column("conversation_id", byte_order, primary_key=True),
        sa.Column("version_hash", sa.Text, primary_key=True),
    )
    op.create_table(
        "messages",
        sa.Column("conversation_id", byte_order, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("timestamp", sa.BigInteger),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("messages_by_day", "messages", ["day", "conversation_id", "position"])
    op.create_table(
        "days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("published_revision", sa.Integer, nullable=False),
        sa.Column("has_other_sources", sa.Boolean, nullable=False),
    )
    op.create_table(
        "watched_files",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
    )
    op.create_table("forgotten", sa.Column("conversation_hash", sa.Text, primary_key=True))
    op.create_table(
        "settings",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
