"""The candidates of an upgrade, read from the published days."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np

from dreaming.buying.slices import read_columns, read_rows, row_slices
from dreaming.conversation import ConversationId
from dreaming.home import Home
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.providers.provider import LLMProvider
from dreaming.storage.partitions import PartitionStore
from dreaming.storage.purchases import Purchases
from dreaming.upgrading.candidates import Candidates, columns_to_choose_by, find_candidates
from dreaming.upgrading.grouping import Groups, first_chunks, plan_groups
from dreaming.upgrading.importance import NEEDED_COLUMNS, weigh
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.terms import UpgradeTerms

Ranges = Mapping[ConversationId, Sequence[PaidSlice]]
"""Parts of conversations."""


def read_candidates(
    home: Home, terms: UpgradeTerms, provider: LLMProvider, days: Sequence[date], *further: str
) -> tuple[Candidates, dict[date, str]]:
    """The chunks of days that an upgrade may take, with further columns.

    Also returns why days cannot be read. Left out, and counted by reason, is what must stay on this
    machine, what was bought and undone, what another request waits for, and what failed before.
    """
    importance = home.memory.importance()
    needed = NEEDED_COLUMNS if importance else ()
    columns = columns_to_choose_by(terms, *further, *needed)
    table, damaged = read_columns(home.store, sorted(days), columns)
    candidates = find_candidates(table, terms)
    if importance:
        candidates.importance = weigh(table, importance)
    if not provider.stays_here:
        local_only = candidates.of_conversations(home.local_only())
        candidates.leave_out(local_only, "local_only")
    _leave_out_undone(home, candidates, terms)
    _leave_out(home.store, candidates, _pending_ranges(home, terms, days), "pending")
    if not terms.retry_failed:
        failed = home.requests.given_up(asked_model(provider))
        _leave_out(home.store, candidates, failed, "failed_before")
    return candidates, damaged


def read_groups(
    home: Home, terms: UpgradeTerms, provider: LLMProvider, days: Collection[date]
) -> tuple[Candidates, Groups, dict[date, str]]:
    """The candidates of days, with labels, in the groups that a new upgrade would take.

    Also returns why days cannot be read.
    """
    candidates, damaged = read_candidates(home, terms, provider, sorted(days), "labels")
    groups = plan_groups(candidates)
    if terms.limit is not None:
        groups = first_chunks(groups, candidates, terms.limit)
    return candidates, groups, damaged


def asked_model(provider: LLMProvider) -> str:
    """Which model is asked with which prompt: what failed with it is not asked of it again."""
    return f"{provider.name}/{provider.model.served}/{PROMPT_VERSION}"


def _leave_out_undone(home: Home, candidates: Candidates, terms: UpgradeTerms) -> None:
    """Leave out what was bought of the wanted quality and undone.

    With `include_undone` these purchases are brought back instead, which costs nothing.
    """
    undone = _undone_chunks(home.purchases, terms)
    ranges: dict[ConversationId, list[PaidSlice]] = {}
    for conversation_id, chunks in undone.items():
        ranges[conversation_id] = [part for chunk in chunks for part in chunk.slices]
    reason = "brought_back" if terms.include_undone else "undone"
    shared = _leave_out(home.store, candidates, ranges, reason)
    if terms.include_undone:
        for chunks in undone.values():
            candidates.undone += [chunk for chunk in chunks if shared.intersection(chunk.slices)]


def _undone_chunks(
    purchases: Purchases, terms: UpgradeTerms
) -> dict[ConversationId, list[PaidChunk]]:
    """What was bought of the target quality or a better one, and undone."""
    undone = {}
    for conversation_id, chunks in purchases.undone().items():
        undone[conversation_id] = [
            chunk for chunk in chunks if not terms.improves(chunk.quality_level)
        ]
    return undone


def _pending_ranges(home: Home, terms: UpgradeTerms, days: Collection[date]) -> Ranges:
    """What requests wait for in batches on days, of the target quality or a better one."""
    ranges: dict[ConversationId, list[PaidSlice]] = {}
    for request_id, conversations in home.batches.waiting().items():
        quality = home.requests.get(request_id).terms.target_quality
        if terms.improves(quality) or home.purchases.is_undone(request_id):
            continue
        for span in home.requests.open_spans(request_id, days):
            if span.conversation_id in conversations:
                ranges.setdefault(span.conversation_id, []).extend(span.slices)
    return ranges


def _leave_out(
    store: PartitionStore, candidates: Candidates, ranges: Ranges, reason: str
) -> set[PaidSlice]:
    """Leave out the candidates that share text with ranges that still read as they did.

    Returns the ranges that were shared.
    """
    touched = np.flatnonzero(candidates.of_conversations(ranges.keys()))
    left_out = np.zeros(len(candidates), dtype=np.bool_)
    shared: set[PaidSlice] = set()
    for day, positions, rows in candidates.on_days(touched):
        unchanged = _unchanged_ranges(store, day, ranges)
        for position, row in zip(positions, read_rows(store, day, rows), strict=True):
            if row is None:
                continue
            own = row_slices(row)
            others = unchanged.get(row["conversation_id"], ())
            overlapping = {other for other in others if any(part.overlaps(other) for part in own)}
            left_out[position] = bool(overlapping)
            shared |= overlapping
    candidates.leave_out(left_out, reason)
    return shared


def _unchanged_ranges(store: PartitionStore, day: date, ranges: Ranges) -> Ranges:
    """The slices of a day's conversations that still read as they did."""
    unchanged: dict[ConversationId, list[PaidSlice]] = {}
    with store.open_conversations(day) as raw:
        for conversation in raw.rows():
            slices = ranges.get(conversation.conversation_id)
            if slices:
                contents = {message.id: message.content for message in conversation.messages}
                unchanged[conversation.conversation_id] = [
                    part for part in slices if part.still_says(contents)
                ]
    return unchanged
