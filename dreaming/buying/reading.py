"""The candidates of an upgrade, found in the partitions, and the
spans of a plan, read from them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from dreaming.chunk import CONTENT_SEPARATOR, QUALITY_LEVELS, BChunk, Span, hash_slice
from dreaming.conversation import ConversationId, MessageId
from dreaming.errors import DamagedPartition
from dreaming.home import Home
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.providers.provider import LLMProvider
from dreaming.statistics import ChunkStatistics
from dreaming.storage.columns import CHUNK_SCHEMA
from dreaming.storage.partitions import PartitionStore
from dreaming.upgrading.candidates import Candidates, columns_to_choose_by, find_candidates
from dreaming.upgrading.filtering.selecting import Rows
from dreaming.upgrading.grouping import Groups, PlannedSpan, first_chunks, plan_groups
from dreaming.upgrading.importance import NEEDED_COLUMNS, weigh
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.terms import UpgradeTerms

FILES_AT_ONCE = 4
"""Reading columns waits for the disk or the network, and unpacks them without Python."""

_SAME = ("conversation_id", "token_count", "quality_level")
"""By these a chunk is taken for the one that was chosen, where its partition was written again
meanwhile.
"""

Ranges = Mapping[ConversationId, Sequence[PaidSlice]]
"""Parts of conversations."""


def read_candidates(
    home: Home, terms: UpgradeTerms, provider: LLMProvider, days: Sequence[date], *further: str
) -> tuple[Candidates, dict[date, str]]:
    """The chunks of days that an upgrade may take, with some further columns; and why a day cannot
    be read.
    """
    found = home.memory.importance()
    columns = columns_to_choose_by(terms, *further, *(NEEDED_COLUMNS if found else ()))
    table, damaged = _read_columns(home.store, sorted(days), columns)
    candidates = find_candidates(table, terms)
    if found:
        candidates.importance = weigh(table, found)
    if not provider.stays_here:
        candidates.leave_out(candidates.of_conversations(home.local_only()), "local_only")
    undone = _undone(home, terms)
    bought = {
        conversation_id: [s for c in chunks for s in c.slices]
        for conversation_id, chunks in undone.items()
    }
    had = _leave_out(home, candidates, bought, "brought_back" if terms.include_undone else "undone")
    if terms.include_undone:
        candidates.undone = [
            chunk for chunks in undone.values() for chunk in chunks if had & set(chunk.slices)
        ]
    _leave_out(home, candidates, _waiting(home, terms, days), "pending")
    if not terms.retry_failed:
        _leave_out(home, candidates, home.requests.given_up(asked_model(provider)), "failed_before")
    return candidates, damaged


def read_groups(
    home: Home, terms: UpgradeTerms, provider: LLMProvider, days: Collection[date]
) -> tuple[Candidates, Groups, dict[date, str]]:
    """The candidates of days, with labels, in the groups that a new upgrade would take; and why
    days cannot be read.
    """
    candidates, damaged = read_candidates(home, terms, provider, sorted(days), "labels")
    groups = plan_groups(candidates)
    return (
        candidates,
        groups if terms.limit is None else first_chunks(groups, candidates, terms.limit),
        damaged,
    )


def asked_model(provider: LLMProvider) -> str:
    """Who is asked, and how: what it gave no usable reply for, it is not asked for again."""
    return f"{provider.name}/{provider.model.served}/{PROMPT_VERSION}"


def count_quality(store: PartitionStore, days: Collection[date]) -> dict[str, int]:
    """How many chunks of each quality level days have; a day that cannot be read has none."""
    table, _ = _read_columns(store, sorted(days), ["quality_level"])
    counted = table.column("quality_level").value_counts().to_pylist()
    return dict.fromkeys(QUALITY_LEVELS, 0) | {each["values"]: each["counts"] for each in counted}


def count_published(store: PartitionStore, day: date) -> ChunkStatistics:
    """What a day holds: chunks, tokens, quality, languages and models, counted without a record
    made of any chunk.
    """
    table, _ = _read_columns(store, [day], ["token_count", "quality_level", "language", "llm_used"])

    def counted(name: str) -> dict[str, int]:
        return {
            each["values"] or "rules": each["counts"]
            for each in table.column(name).value_counts().to_pylist()
        }

    statistics = ChunkStatistics(
        chunks=table.num_rows, tokens=sum(table.column("token_count").to_pylist())
    )
    statistics.quality.update(counted("quality_level"))
    statistics.languages.update(counted("language"))
    statistics.models.update(counted("llm_used"))
    return statistics


def read_spans(store: PartitionStore, candidates: Candidates, groups: Groups) -> list[PlannedSpan]:
    """The spans of groups of candidates, in their order; those whose chunks have changed meanwhile
    are left out.
    """
    chunks: dict[int, tuple[PaidSlice, ...]] = {}
    chosen = [candidates.column(name) for name in _SAME]
    for day, positions, rows in candidates.on_days(groups.members()):
        for position, cells in zip(positions.tolist(), _read_rows(store, day, rows), strict=True):
            if cells is not None and all(
                column[position].as_py() == cells[name]
                for column, name in zip(chosen, _SAME, strict=True)
            ):
                chunks[position] = _slices(cells)
    return list(_spans(candidates, groups, chunks))


def _spans(
    candidates: Candidates, groups: Groups, chunks: Mapping[int, tuple[PaidSlice, ...]]
) -> Iterator[PlannedSpan]:
    conversations, days = candidates.column("conversation_id"), candidates.column("day")
    for first, count, tokens in zip(
        groups.first.tolist(), groups.chunks.tolist(), groups.tokens.tolist(), strict=True
    ):
        members = range(first, first + count)
        if all(position in chunks for position in members):
            slices = tuple(each for position in members for each in chunks[position])
            yield PlannedSpan(
                conversations[first].as_py(), days[first].as_py(), slices, count, tokens
            )
        else:
            candidates.skip(candidates.rows[first : first + count], "changed_meanwhile")


def chunk_slices(chunk: BChunk) -> tuple[PaidSlice, ...]:
    """The slices of messages that a chunk holds."""
    return _sliced(chunk.content, chunk.spans)


def _slices(cells: Mapping[str, Any]) -> tuple[PaidSlice, ...]:
    return _sliced(
        cells["content"],
        [Span(MessageId(s["message_id"]), s["start"], s["end"]) for s in cells["spans"]],
    )


def _sliced(content: str, spans: Sequence[Span]) -> tuple[PaidSlice, ...]:
    """A chunk's content is the texts of its spans, joined by a blank line."""
    slices, at = [], 0
    for span in spans:
        text = content[at : at + span.end - span.start]
        slices.append(PaidSlice(span.message_id, span.start, span.end, hash_slice(text)))
        at += len(text) + len(CONTENT_SEPARATOR)
    return tuple(slices)


def _read_columns(
    store: PartitionStore, days: Sequence[date], columns: Sequence[str]
) -> tuple[pa.Table, dict[date, str]]:
    def read(day: date) -> pa.Table | str:
        try:
            with store.open_chunks("upgraded_chunks", day) as chunks:
                return chunks.table(columns)
        except DamagedPartition as error:
            return str(error)

    with ThreadPoolExecutor(FILES_AT_ONCE) as readers:
        read_days = dict(zip(days, readers.map(read, days), strict=True))
    damaged = {day: told for day, told in read_days.items() if isinstance(told, str)}
    tables = [
        table.replace_schema_metadata()
        for table in read_days.values()
        if not isinstance(table, str)
    ]
    empty = pa.schema([CHUNK_SCHEMA.field(name) for name in columns]).empty_table()
    return pa.concat_tables([empty, *tables]).combine_chunks(), damaged


def _read_rows(store: PartitionStore, day: date, rows: Rows) -> list[dict[str, Any] | None]:
    """What slices are made of, for some rows of a day; None for one that is not there any more."""
    with store.open_chunks("upgraded_chunks", day) as chunks:
        table = chunks.table([*_SAME, "spans", "content"])
    there = rows < table.num_rows
    cells = iter(table.take(pa.array(rows[there])).to_pylist())
    return [next(cells) if is_there else None for is_there in there.tolist()]


def _undone(home: Home, terms: UpgradeTerms) -> dict[ConversationId, list[PaidChunk]]:
    """What was bought of the target quality or a better one, and undone."""
    return {
        conversation_id: [chunk for chunk in chunks if not terms.improves(chunk.quality_level)]
        for conversation_id, chunks in home.purchases.undone().items()
    }


def _waiting(home: Home, terms: UpgradeTerms, days: Collection[date]) -> Ranges:
    """What requests wait for in batches on some days, of the target quality or a better one."""
    found: dict[ConversationId, list[PaidSlice]] = {}
    for request_id, conversations in home.batches.waiting().items():
        wanted = home.requests.get(request_id).terms.target_quality
        if not terms.improves(wanted) and not home.purchases.is_undone(request_id):
            for span in home.requests.open_spans(request_id, days):
                if span.conversation_id in conversations:
                    found.setdefault(span.conversation_id, []).extend(span.slices)
    return found


def _leave_out(home: Home, candidates: Candidates, ranges: Ranges, reason: str) -> set[PaidSlice]:
    """Leave out the candidates that share text with ranges which still read as they did; returns
    those ranges.
    """
    touched = np.flatnonzero(candidates.of_conversations(ranges.keys()))
    left_out = np.zeros(len(candidates), dtype=np.bool_)
    shared: set[PaidSlice] = set()
    for day, positions, rows in candidates.on_days(touched):
        standing = _standing(home.store, day, ranges)
        for position, cells in zip(positions, _read_rows(home.store, day, rows), strict=True):
            if cells is not None:
                there = standing.get(cells["conversation_id"], ())
                found = {other for one in _slices(cells) for other in there if one.overlaps(other)}
                left_out[position] = bool(found)
                shared |= found
    candidates.leave_out(left_out, reason)
    return shared


def _standing(store: PartitionStore, day: date, ranges: Ranges) -> Ranges:
    """The slices of a day that still read as they did."""
    standing: dict[ConversationId, list[PaidSlice]] = {}
    with store.open_conversations(day) as raw:
        for conversation in raw.rows():
            if slices := ranges.get(conversation.conversation_id):
                contents = {message.id: message.content for message in conversation.messages}
                standing[conversation.conversation_id] = [
                    each for each in slices if each.still_says(contents)
                ]
    return standing
