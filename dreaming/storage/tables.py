"""The tables as the code sees them; the migrations make them."""

import sqlalchemy as sa

from dreaming.storage.database import Instant

archive = sa.MetaData()

conversations = sa.Table(
    "conversations",
    archive,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("started_at", Instant),
    sa.Column("updated_at", Instant),
    sa.Column("version_hash", sa.Text, nullable=False),
    sa.Column("local_only", sa.Boolean, nullable=False),
    sa.Column("imported_at", Instant, nullable=False),
)

local_only_marks = sa.Table(
    "local_only_marks",
    archive,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("local_only", sa.Boolean, nullable=False),
)
"""What the user said, which no import takes back; also of conversations that other sources hold."""

superseded_versions = sa.Table(
    "superseded_versions",
    archive,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("version_hash", sa.Text, primary_key=True),
)
"""Versions that another one has replaced: offered again, they do not come back."""

messages = sa.Table(
    "messages",
    archive,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("day", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("timestamp", Instant),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Index("messages_by_day", "day", "conversation_id", "position"),
)

days = sa.Table(
    "days",
    archive,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("published_revision", sa.Integer, nullable=False),
    sa.Column("has_other_sources", sa.Boolean, nullable=False),
)

watched_files = sa.Table(
    "watched_files",
    archive,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.BigInteger, nullable=False),
)

forgotten = sa.Table(
    "forgotten",
    archive,
    sa.Column("conversation_hash", sa.Text, primary_key=True),
)
"""Conversations that must not come back with the next import; by hash, so that not even the id
stays.
"""

settings = sa.Table(
    "settings",
    archive,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

ledger = sa.MetaData()

paid_chunks = sa.Table(
    "paid_chunks",
    ledger,
    sa.Column("paid_chunk_id", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
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
    sa.Column("bought_at", Instant, nullable=False),
)

undone = sa.Table(
    "undone",
    ledger,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("undone_at", Instant, nullable=False),
)

bought_days = sa.Table(
    "bought_days",
    ledger,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("published_revision", sa.Integer, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)
"""How often purchases and undoing have changed a day, and up to which change it is published."""

calls = sa.Table(
    "calls",
    ledger,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("request_key", sa.Text, index=True),
    sa.Column("run_id", sa.Text, index=True),
    sa.Column("conversation_id", sa.Text, index=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model_asked", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("prompt_version", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("failure", sa.Text),
    sa.Column("stop", sa.Text),
    sa.Column("input_tokens", sa.BigInteger),
    sa.Column("cache_read_tokens", sa.BigInteger),
    sa.Column("cache_write_tokens", sa.BigInteger),
    sa.Column("output_tokens", sa.BigInteger),
    sa.Column("latency_ms", sa.BigInteger),
    sa.Column("vendor_ref", sa.Text),
    sa.Column("reply", sa.Text),
    sa.Column("ended_at", Instant),
    sa.Column("request_id", sa.Text, index=True),
    sa.Column("day", sa.Text),
    sa.Column("delivery", sa.Text, nullable=False, server_default="now"),
    sa.Column("scopes", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("owner", sa.Text),
    sa.Column("reserved_at", Instant),
    sa.Column("lease_until", Instant),
    sa.Column("reserved_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reserved_picodollars", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("counted_tokens", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cost_picodollars", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("unusable", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attributed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("batch_id", sa.Text, index=True),
    sa.Column("tier", sa.Text),
    sa.Index(
        "one_open_call_a_key",
        "request_key",
        unique=True,
        sqlite_where=sa.text("state = 'reserved'"),
        postgresql_where=sa.text("state = 'reserved'"),
    ),
)
"""A row an attempt, the ledger.

`state`: reserved (may be under way), settled (charged), released (not charged) or unknown (counted
as it was reserved). `failure`: why there is no reply. `counted_tokens` and `cost_picodollars`: what
of it counts against its `scopes` now. `unusable`: there is a reply, and nothing could be made of
it. `attributed`: what it came to is in the cost of chunks. `batch_id`: what it was given to the
vendor in; of a call for a batch that has none yet, nothing was sent.
"""

batches = sa.Table(
    "batches",
    ledger,
    sa.Column("batch_id", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False, index=True),
    sa.Column("run_id", sa.Text),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("vendor_ref", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("expected_tokens", sa.BigInteger, nullable=False),
    sa.Column("expected_picodollars", sa.BigInteger, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("submitted_at", Instant),
    sa.Column("ended_at", Instant),
)
"""What vendors were given to answer within a day.

`state`: intended (it may be on its way), submitted (the vendor has it), ended (how its calls ended
is written down), collected (and what was to be made of the replies is made) or dropped (the vendor
refused it). `vendor_ref`: the vendor's id of it. `owner`: the process that is submitting it.
"""

scopes = sa.Table(
    "scopes",
    ledger,
    sa.Column("scope_id", sa.Text, primary_key=True),
    sa.Column("limit_tokens", sa.BigInteger),
    sa.Column("limit_picodollars", sa.BigInteger),
    sa.Column("spent_tokens", sa.BigInteger, nullable=False),
    sa.Column("spent_picodollars", sa.BigInteger, nullable=False),
    sa.Column("reserved_tokens", sa.BigInteger, nullable=False),
    sa.Column("reserved_picodollars", sa.BigInteger, nullable=False),
    sa.Column("elsewhere_tokens", sa.BigInteger, nullable=False),
    sa.Column("elsewhere_picodollars", sa.BigInteger, nullable=False),
    sa.Column("closed", sa.Text),
)
"""What is spent and reserved in each scope: always the sum over its calls, kept so that a
reservation reads one row.
"""

budget_limits = sa.Table(
    "budget_limits",
    ledger,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("tier", sa.Text, primary_key=True),
    sa.Column("window", sa.Text, primary_key=True),
    sa.Column("limit_tokens", sa.BigInteger),
    sa.Column("limit_picodollars", sa.BigInteger),
)
"""The standing limits of each provider and tier, by month and by day."""

upgrade_requests = sa.Table(
    "upgrade_requests",
    ledger,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("deadline_at", Instant),
    sa.Column("terms", sa.JSON, nullable=False),
)
"""Upgrades asked for: once each, however many runs work on them."""

upgrade_spans = sa.Table(
    "upgrade_spans",
    ledger,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("span_key", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("slices", sa.JSON, nullable=False),
    sa.Column("chunks", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("asked", sa.Text),
    sa.Index("upgrade_spans_by_day", "request_id", "day", "position"),
)
"""The frozen plan of a request.

`state`: open, bought, given_up (with the reason, and which model was asked with which prompt) or
gone (its text has changed).
"""

planned_days = sa.Table(
    "planned_days",
    ledger,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("skipped", sa.JSON, nullable=False),
)
"""The days that a request's plan is frozen for, and how many chunks it leaves out of each, by
reason.
"""

submitted_tasks = sa.Table(
    "submitted_tasks",
    ledger,
    sa.Column("submission_id", sa.Text, primary_key=True),
    sa.Column("task", sa.JSON, nullable=False),
    sa.Column("submitted_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Index("submitted_tasks_by_state", "state", "due_at"),
)
"""Tasks that were submitted. `state`: waiting (for its time), started or canceled."""

task_results = sa.Table(
    "task_results",
    ledger,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, index=True),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
)

plans = sa.Table(
    "plans",
    ledger,
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("made_at", Instant, nullable=False, index=True),
    sa.Column("run_id", sa.Text),
    sa.Column("decision", sa.JSON, nullable=False),
)
"""What planners said: the situation, each planner's plan, and whose holds. `run_id`: of the run
that acted on it.
"""

segmenters = sa.Table(
    "segmenters",
    ledger,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("learned_at", Instant, nullable=False),
    sa.Column("lessons_hash", sa.Text, nullable=False),
    sa.Column("output", sa.JSON, nullable=False),
    sa.Column("bias", sa.Float, nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("reverted_at", Instant),
)
"""What was learned from bought chunks: a segmenter's regression, moved from that of `base`, and the
words of labels.
"""

queries = sa.Table(
    "queries",
    ledger,
    sa.Column("query_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("asked_at", Instant, nullable=False, index=True),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("hits", sa.JSON, nullable=False),
)

run_owners = sa.Table(
    "run_owners",
    ledger,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("beat_at", Instant, nullable=False),
)

memory = sa.MetaData()

indexed_days = sa.Table(
    "indexed_days",
    memory,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("partition_hash", sa.Text, nullable=False),
    sa.Column("chunk_count", sa.Integer, nullable=False),
    sa.Column("encoder", sa.Text),
)
"""What is indexed of each day. `encoder`: what gave its passages their vectors; null where they
have none.
"""

segments = sa.Table(
    "segments",
    memory,
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
    sa.Index("segments_by_day", "day"),
    sa.Index("segments_by_block", "block_id"),
    sqlite_autoincrement=True,
)
"""Chunks of one kind of one day that are indexed together. `facts` and `codes`: of each of its
chunks, in order.

`languages` is a JSON list, which the facts number. `digests`: of all that each chunk's entry in the
index is made from.
"""

blocks = sa.Table(
    "blocks",
    memory,
    sa.Column("block_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("segment_count", sa.Integer, nullable=False),
    sqlite_autoincrement=True,
)
"""Segments whose postings stand together: one at first, and many once they are merged; with those
deleted since.
"""

postings = sa.Table(
    "postings",
    memory,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
"""Where terms stand: see `dreaming.remembering.postings`.

A row a bucket and block: `place` is the bucket's number in the upper bits and the block's in the
lower 40, one integer, because SQLite keeps the rows of such a table whole in its leaves.
"""

indexed_chunks = sa.Table(
    "indexed_chunks",
    memory,
    sa.Column("row_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("chunk_id", sa.Text, nullable=False, index=True),
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
    sa.Index("indexed_chunks_by_place", "day", "conversation_id", "ordinal"),
    sa.Index("indexed_chunks_by_conversation", "conversation_id"),
)
"""A row a chunk: its segment and its number in there are its `row_id`. What a ranking reads stands
before the text.

`signs` and `codes`: of each of its passages, in order. `voices` and `details` are JSON.
"""

chunk_labels = sa.Table(
    "chunk_labels",
    memory,
    sa.Column("label", sa.Text, primary_key=True),
    sa.Column("row_id", sa.BigInteger, primary_key=True),
    sa.Index("chunk_labels_by_row", "row_id"),
)

vocabulary = sa.Table(
    "vocabulary",
    memory,
    sa.Column("block_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("terms", sa.Text, nullable=False),
    sa.Column("codes", sa.LargeBinary, nullable=False),
)
"""The meaning of the terms of scripts with spaces, each once: a line and a code a term; where there
is an encoder.
"""
