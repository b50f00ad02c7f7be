"""How near each tier comes to the better ones, measured on the talk that both have cut.

What a better model bought is taken for true where it is, and what is cheaper is judged by it: basic
by good and by premium, good by premium. What is hidden beneath a premium chunk is laid open for
that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import combinations
from typing import NamedTuple

from dreaming.chunk import QUALITY_LEVELS, BChunk, QualityLevel, lanes
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import ConversationDay
from dreaming.learning.scoring import score_boundaries
from dreaming.storage.partitions import PartitionStore
from dreaming.storage.purchases import Purchases
from dreaming.upgrading.overlay import overlay
from dreaming.upgrading.paid import PaidChunk


class Pair(NamedTuple):
    """Two tiers that are compared, and the language of the talk."""

    lower: QualityLevel
    higher: QualityLevel
    language: str


@dataclass(slots=True)
class Agreement:
    """Of a lower tier with a higher one. Agreements add up, over conversation-days and days."""

    conversations: int = 0
    messages: int = 0
    """That both tiers say of whether a topic starts there."""
    higher_topics: int = 0
    lower_topics: int = 0
    same_topics: int = 0
    """Messages that start a topic for the higher tier, for the lower one, and for both."""
    measured_turns: int = 0
    wrong_turns: float = 0.0
    """Pk of each stretch of talk, times its messages; and these messages."""
    labelled: int = 0
    same_labels: float = 0.0
    """Characters in chunks that one of the tiers gives labels; and these times what share of the
    labels both give.
    """
    named: int = 0
    same_entities: float = 0.0
    """The same for entities."""

    @property
    def f1(self) -> float | None:
        """Of topic boundaries, 0 to 1; None where neither tier has any."""
        found = self.higher_topics + self.lower_topics
        return 2 * self.same_topics / found if found else None

    @property
    def pk(self) -> float | None:
        """Pk: how often two messages near each other are wrongly put into one topic, or into two.

        Beeferman et al. 1999.
        """
        return self.wrong_turns / self.measured_turns if self.measured_turns else None

    @property
    def labels(self) -> float | None:
        """What share of a chunk's labels both tiers give (Jaccard), 0 to 1."""
        return self.same_labels / self.labelled if self.labelled else None

    @property
    def entities(self) -> float | None:
        """What share of a chunk's entities both tiers give, capitals apart."""
        return self.same_entities / self.named if self.named else None

    def figures(self) -> dict[str, float]:
        """What there is of f1, pk, labels and entities."""
        told = {"f1": self.f1, "pk": self.pk, "labels": self.labels, "entities": self.entities}
        return {name: round(value, 4) for name, value in told.items() if value is not None}

    def add(self, other: "Agreement") -> None:
        """Add another's counts to these."""
        for field in fields(Agreement):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


Accuracy = dict[Pair, Agreement]


def measure_day(store: PartitionStore, purchases: Purchases, day: date) -> Accuracy:
    """The agreement of the tiers on a published day, by pair and language.

    Empty where nothing was bought.

    Raises `DamagedPartition` where the day cannot be read.
    """
    with store.open_chunks("upgraded_chunks", day) as current:
        rows = current.cells("conversation_id", "quality_level")
        bought_for = {conversation_id for conversation_id, level in rows if level != "basic"}
    if not bought_for:
        return {}
    with store.open_conversations(day) as raw, store.open_chunks("basic_chunks", day) as basic:
        measured = []
        for conversation in raw.rows():
            conversation_id = conversation.conversation_id
            if conversation_id in bought_for:
                own_basic = basic.of_conversation(conversation_id)
                own_paid = purchases.of_conversation(conversation_id)
                measured.append(dict(compare_tiers(conversation, own_basic, own_paid)))
    return total(measured)


def total(measured: Iterable[Accuracy]) -> Accuracy:
    """The agreement over several conversation-days, or days."""
    found: Accuracy = {}
    for accuracy in measured:
        for pair, agreement in accuracy.items():
            found.setdefault(pair, Agreement()).add(agreement)
    return found


def over_languages(accuracy: Accuracy) -> dict[tuple[QualityLevel, QualityLevel], Agreement]:
    """The agreement of each pair of tiers over all languages, in order of the levels."""
    found: dict[tuple[QualityLevel, QualityLevel], Agreement] = {}
    for pair in combinations(QUALITY_LEVELS, 2):
        for (*tiers, _language), agreement in accuracy.items():
            if tuple(tiers) == pair:
                found.setdefault(pair, Agreement()).add(agreement)
    return found


def compare_tiers(
    conversation: ConversationDay, basic: Sequence[BChunk], paid: Sequence[PaidChunk]
) -> Iterator[tuple[Pair, Agreement]]:
    """The agreement of each two tiers on a conversation-day's talk, where both have some of it.

    `paid` is what was bought for the conversation and not undone; what no longer stands is left
    out.
    """
    rows: dict[QualityLevel, list[BChunk]] = {}
    for level in QUALITY_LEVELS:
        of_level = [chunk for chunk in paid if chunk.quality_level == level]
        current = overlay(conversation, basic, of_level, count_tokens=count_tokens)
        talk = [chunk for chunk in current if chunk.kind == "text"]
        rows[level] = [chunk for chunk in talk if chunk.quality_level == level]
    message_ids = [message.id for message in lanes(conversation.messages).get("text", [])]
    for lower, higher in combinations(QUALITY_LEVELS, 2):
        if rows[lower] and rows[higher]:
            agreement = Agreement(conversations=1)
            _compare_topics(agreement, message_ids, rows[lower], rows[higher])
            _compare_descriptions(agreement, rows[lower], rows[higher])
            if agreement.messages:
                yield Pair(lower, higher, _language(rows[higher])), agreement


def _compare_topics(
    agreement: Agreement,
    message_ids: Sequence[str],
    lower: Sequence[BChunk],
    higher: Sequence[BChunk],
) -> None:
    known = _begun(lower) & _begun(higher)
    lower_starts = _starting(lower)
    higher_starts = _starting(higher)
    for stretch in _stretches(message_ids, known):
        # A conversation's first message starts a topic in every tier: it says nothing.
        compared = set(stretch) - {message_ids[0]}
        agreement.messages += len(compared)
        agreement.higher_topics += len(compared & higher_starts)
        agreement.lower_topics += len(compared & lower_starts)
        agreement.same_topics += len(compared & higher_starts & lower_starts)
        if len(stretch) > 1:
            true_boundaries = _boundaries(stretch, higher_starts)
            found_boundaries = _boundaries(stretch, lower_starts)
            score = score_boundaries(true_boundaries, found_boundaries, len(stretch))
            agreement.measured_turns += len(stretch)
            agreement.wrong_turns += len(stretch) * score.pk


def _boundaries(stretch: Sequence[str], starts: set[str]) -> list[int]:
    """The positions in a stretch at which topics start, but for its beginning."""
    return [place for place, message_id in enumerate(stretch) if place > 0 and message_id in starts]


def _stretches(message_ids: Sequence[str], known: set[str]) -> Iterator[list[str]]:
    """The runs of messages that are known."""
    stretch: list[str] = []
    for message_id in message_ids:
        if message_id in known:
            stretch.append(message_id)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _begun(chunks: Sequence[BChunk]) -> set[str]:
    """The messages whose beginning is in the chunks."""
    return {span.message_id for chunk in chunks for span in chunk.spans if span.start == 0}


def _starting(chunks: Sequence[BChunk]) -> set[str]:
    """The messages that start a topic."""
    return {topic.message_id for chunk in chunks for topic in chunk.topics if topic.start == 0}


def _compare_descriptions(
    agreement: Agreement, lower: Sequence[BChunk], higher: Sequence[BChunk]
) -> None:
    """Compare labels and entities, of each pair of chunks by the characters that both hold."""
    holding: dict[str, list[BChunk]] = {}
    for below in lower:
        for message_id in dict.fromkeys(span.message_id for span in below.spans):
            holding.setdefault(message_id, []).append(below)
    for above in higher:
        near = {
            id(below): below for span in above.spans for below in holding.get(span.message_id, ())
        }
        for below in near.values():
            shared = _shared_characters(below, above)
            if shared and (above.labels or below.labels):
                agreement.labelled += shared
                agreement.same_labels += shared * _jaccard(below.labels, above.labels)
            if shared and (above.entities or below.entities):
                agreement.named += shared
                agreement.same_entities += shared * _jaccard(below.entities, above.entities)


def _shared_characters(one: BChunk, other: BChunk) -> int:
    return sum(
        max(0, min(a.end, b.end) - max(a.start, b.start))
        for a in one.spans
        for b in other.spans
        if a.message_id == b.message_id
    )


def _jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    first, second = ({name.casefold() for name in names} for names in (one, other))
    return len(first & second) / len(first | second)


def _language(chunks: Sequence[BChunk]) -> str:
    """The language of most of the text."""
    tokens: Counter[str] = Counter()
    for chunk in chunks:
        tokens[chunk.language] += chunk.token_count
    return tokens.most_common(1)[0][0]
