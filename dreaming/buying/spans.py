"""A planned span as it is now: it was planned a while ago, and may not be worth buying any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dreaming.conversation import ConversationDay
from dreaming.home import Home
from dreaming.prompting.spans import ShownSpan, show_span
from dreaming.upgrading.grouping import PlannedSpan
from dreaming.upgrading.paid import PaidChunk, PaidSlice
from dreaming.upgrading.terms import UpgradeTerms

Obsolete = Literal["local_only", "text_changed", "bought_meanwhile"]
"""Why a span is not bought any more; written into the ledger."""


@dataclass(frozen=True, slots=True)
class CurrentSpan:
    """A span that is to be bought, and the conversation-day that it is of."""

    day: ConversationDay
    shown: ShownSpan


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
