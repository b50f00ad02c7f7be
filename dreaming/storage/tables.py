"""The tables of the three databases, as the code uses them; the migrations make them.

A day is text, `YYYY-MM-DD`, which sorts as the days do. A time is an `Instant`. Costs are counted
in pico-dollars, as integers.
"""

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
"""The user's marks, which no import changes; also of conversations that other sources have."""

superseded_versions = sa.Table(
    "superseded_versions",
    archive,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("version_hash", sa.Text, primary_key=True),
)
"""Versions that another one has replaced: imported again, they are older than the stored one."""

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
"""Conversations that the user has deleted for good: no import brings them back.

They are stored by hash, so that not even the id stays.
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
"""The number of changes of a day by purchases and undoing, and up to which it is published."""

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
"""The ledger: a row a call, which is one attempt to get a reply from a model.

`state`: reserved (may be under way), settled (charged), released (not charged) or unknown (counted
as it was reserved). `failure`: why it has no reply. `counted_tokens` and `cost_picodollars`: what
counts against its `scopes` now. `unusable`: the reply could not be used. `attributed`: its cost is
part of the cost of chunks. `batch_id`: the batch in which it was given to the vendor; a call with
`delivery` by batch that has none yet was not sent.
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
"""Batches of calls, which vendors answer within a day.

`state`: intended (it may be on its way), submitted (the vendor has it), ended (the outcomes of its
calls are stored), collected (its replies are used as well) or dropped (the vendor refused it).
`vendor_ref`: the vendor's id. `owner`: the process that is submitting it.
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
"""The amounts spent and reserved in each scope: always the sums over its calls.

They are stored so that a reservation reads one row.
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
"""Upgrade requests: a row each, however many runs work on it."""

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

`state`: open, bought, given_up (with the reason, and the model and prompt that were used) or gone
(its text has changed).
"""

planned_days = sa.Table(
    "planned_days",
    ledger,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("skipped", sa.JSON, nullable=False),
)
"""The days that a request's plan is frozen for. `skipped`: chunks left out of it, by reason."""

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
"""Tasks that were submitted for a later time. `state`: waiting, started or canceled."""

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
"""Decisions of planners: the situation, each planner's plan, and which of them is used.

`run_id`: the run that acted on it.
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
"""Segmenters learned from bought chunks: a regression that begins with that of `base`, and labels.
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
"""The indexed days. `encoder`: the name of the encoder of its passages; null without one."""

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
"""Chunks of one kind of one day that are written and deleted together.

`facts`, `codes` and `digests` have one item a chunk, in order; a digest covers every input to a
chunk's index entry. `languages` is a JSON list, which the facts number. Ids are never given twice
(`sqlite_autoincrement`): a deleted segment may have postings in a merged block.
"""

blocks = sa.Table(
    "blocks",
    memory,
    sa.Column("block_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("segment_count", sa.Integer, nullable=False),
    sqlite_autoincrement=True,
)
"""Blocks of segments: of one at first, of many once they are merged.

`segment_count` also counts the segments that were deleted since.
"""

postings = sa.Table(
    "postings",
    memory,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("packed", sa.LargeBinary, nullable=False),
)
"""Postings by bucket and block: see `dreaming.remembering.postings`.

`place` is the bucket's number, the part's and the block's in one integer (see `posting_blocks`):
SQLite keeps the rows of a table with an integer key whole in its leaves.
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
"""Chunks. `row_id`: the segment's id times 2,048, plus the chunk's number in the segment.

`signs` and `codes` have one item a passage, in order. `voices` and `details` are JSON. The columns
that the ranking reads come before the text: SQLite reads a row from its beginning.
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
"""Codes of terms of scripts with spaces: a line and a code a term; empty without an encoder.
"""
