"""Planned spans: read when a plan is frozen, and read again before they are bought.

In between, texts may have changed, or another request may have bought them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from dreaming.buying.slices import IDENTITY, read_rows, row_slices
from dreaming.conversation import ConversationDay
from dreaming.home import Home
from dreaming.prompting.spans import ShownSpan, show_span
from dreaming.storage.partitions import PartitionStore
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.grouping import Groups, PlannedSpan
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.terms import UpgradeTerms

Obsolete = Literal["local_only", "text_changed", "bought_meanwhile"]
"""Why a span is not bought any more; written into the ledger."""


@dataclass(frozen=True, slots=True)
class CurrentSpan:
    """A span that is to be bought, and the conversation-day that it is of."""

    day: ConversationDay
    shown: ShownSpan


def read_spans(store: PartitionStore, candidates: Candidates, groups: Groups) -> list[PlannedSpan]:
    """The spans of groups of candidates, in their order.

    Groups of which a chunk has changed since the candidates were read are left out, and counted.
    """
    slices: dict[int, tuple[PaidSlice, ...]] = {}
    expected = [candidates.column(name) for name in IDENTITY]
    for day, positions, rows in candidates.on_days(groups.members()):
        for position, row in zip(positions.tolist(), read_rows(store, day, rows), strict=True):
            if row is not None and _is_same_chunk(row, expected, position):
                slices[position] = row_slices(row)
    return list(_group_spans(candidates, groups, slices))


def _is_same_chunk(
    row: Mapping[str, Any], expected: Sequence[pa.ChunkedArray], position: int
) -> bool:
    values = [column[position].as_py() for column in expected]
    return values == [row[name] for name in IDENTITY]


def _group_spans(
    candidates: Candidates, groups: Groups, slices: Mapping[int, tuple[PaidSlice, ...]]
) -> Iterator[PlannedSpan]:
    conversations = candidates.column("conversation_id")
    days = candidates.column("day")
    sizes = zip(groups.first.tolist(), groups.chunks.tolist(), groups.tokens.tolist(), strict=True)
    for first, count, tokens in sizes:
        members = range(first, first + count)
        if not all(position in slices for position in members):
            candidates.skip(candidates.rows[first : first + count], "changed_meanwhile")
            continue
        of_group = tuple(part for position in members for part in slices[position])
        yield PlannedSpan(
            conversations[first].as_py(), days[first].as_py(), of_group, count, tokens
        )


def read_span(
    home: Home, span: PlannedSpan, terms: UpgradeTerms, *, stays_here: bool
) -> CurrentSpan | Obsolete:
    """A span as it is now, or why it is not bought any more.

    `stays_here` is whether the provider sends nothing away from this machine. Raises
    `DamagedPartition`.
    """
    if home.archive.is_local_only(span.conversation_id) and not stays_here:
        return "local_only"
    with home.store.open_conversations(span.day) as raw:
        day = next(iter(raw.only(span.conversation_id)), None)
    shown = None if day is None else _show_unchanged(day, span)
    if day is None or shown is None:
        return "text_changed"
    bought = home.purchases.of_conversation(span.conversation_id)
    as_good = [chunk for chunk in bought if not terms.improves(chunk.quality_level)]
    if _is_covered(day, span, as_good):
        return "bought_meanwhile"
    return CurrentSpan(day, shown)


def _show_unchanged(day: ConversationDay, span: PlannedSpan) -> ShownSpan | None:
    """The span as a model is shown it; None where its text has changed since it was planned."""
    contents = {message.id: message.content for message in day.messages}
    if not all(part.still_says(contents) for part in span.slices):
        return None
    return show_span(day, [(part.message_id, part.start, part.end) for part in span.slices])


def _is_covered(day: ConversationDay, span: PlannedSpan, bought: Sequence[PaidChunk]) -> bool:
    """Whether valid bought chunks cover all of a span."""
    contents = {message.id: message.content for message in day.messages}
    valid: list[PaidSlice] = []
    for chunk in bought:
        if all(part.still_says(contents) for part in chunk.slices):
            valid += chunk.slices
    return all(_covers(valid, part) for part in span.slices)


def _covers(parts: Sequence[PaidSlice], whole: PaidSlice) -> bool:
    overlapping = [part for part in parts if part.overlaps(whole)]
    reached = whole.start
    for part in sorted(overlapping, key=lambda part: part.start):
        if part.start > reached:
            break
        reached = max(reached, part.end)
    return reached >= whole.end
