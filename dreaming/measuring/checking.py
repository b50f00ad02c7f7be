"""What was written, read again: the witnesses behind the asset checks."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from dreaming.chunk import lanes
from dreaming.errors import VerbatimError
from dreaming.measuring.accuracy import Accuracy, measure_day, over_languages
from dreaming.remembering.index import MemoryIndex
from dreaming.storage.partitions import PartitionStore
from dreaming.storage.purchases import Purchases
from dreaming.verbatim import prove_verbatim

ChunkAsset = Literal["basic_chunks", "upgraded_chunks"]

SMALLEST_CHUNK_TOKENS = 100
LARGEST_CHUNK_TOKENS = 800
REQUIRED_SHARE_IN_BOUNDS = 0.95
"""The share of text chunks that must be within the bounds, where their conversation is long enough.
"""
CHANCE_PK = 0.5
"""Of boundaries that are as good as random ones (Beeferman et al. 1999)."""
FEWEST_TOPICS = 10
"""That a better tier must have found before it is said that another does no better than chance."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check of one day."""

    passed: bool
    description: str
    figures: dict[str, int | float]


def check_verbatim(store: PartitionStore, asset: ChunkAsset, day: date) -> Finding:
    """Law 1 over what was written: every message's text exactly once, in order, unchanged."""
    conversations = characters = 0
    with store.open_conversations(day) as raw, store.open_chunks(asset, day) as chunks:
        for conversation in raw.rows():
            conversations += 1
            characters += sum(len(m.content) for m in conversation.messages)
            try:
                prove_verbatim(conversation, chunks.of_conversation(conversation.conversation_id))
            except VerbatimError as error:
                return Finding(False, str(error), {"conversations": conversations})
    return Finding(
        True,
        f"{characters:,} characters of {conversations:,} conversations, each exactly once.",
        {"conversations": conversations, "characters": characters},
    )


def check_sizes(store: PartitionStore, day: date) -> Finding:
    """Whether basic text chunks have 100-800 tokens, where their conversation-day has 100."""
    by_conversation: dict[str, list[int]] = {}
    with store.open_chunks("basic_chunks", day) as chunks:
        for conversation_id, kind, tokens in chunks.cells("conversation_id", "kind", "token_count"):
            if kind == "text":
                by_conversation.setdefault(conversation_id, []).append(tokens)
    long_enough = [
        sizes for sizes in by_conversation.values() if sum(sizes) >= SMALLEST_CHUNK_TOKENS
    ]
    counted = sum(map(len, long_enough))
    within = sum(
        SMALLEST_CHUNK_TOKENS <= n <= LARGEST_CHUNK_TOKENS for sizes in long_enough for n in sizes
    )
    share = within / counted if counted else 1.0
    return Finding(
        share >= REQUIRED_SHARE_IN_BOUNDS,
        f"{within:,} of {counted:,} text chunks are within "
        f"{SMALLEST_CHUNK_TOKENS}-{LARGEST_CHUNK_TOKENS} tokens.",
        {"chunks": counted, "share_in_bounds": round(share, 4)},
    )


def check_nothing_lost(store: PartitionStore, index: MemoryIndex, day: date) -> Finding:
    """Whether every conversation with text has chunks, and search holds these and no others."""
    with store.open_conversations(day) as raw, store.open_chunks("upgraded_chunks", day) as chunks:
        with_text = {row.conversation_id for row in raw.rows() if lanes(row.messages)}
        chunked = {conversation_id for (conversation_id,) in chunks.cells("conversation_id")}
        published = chunks.row_count
    lost, foreign, indexed = (
        len(with_text - chunked),
        len(chunked - with_text),
        index.chunk_count(day),
    )
    return Finding(
        not lost and not foreign and indexed == published,
        f"{lost} conversations without chunks, {foreign} unknown ones; {indexed:,} of "
        f"{published:,} chunks searchable.",
        {
            "conversations_lost": lost,
            "conversations_unknown": foreign,
            "chunks": published,
            "searchable": indexed,
        },
    )


def check_accuracy(store: PartitionStore, purchases: Purchases, day: date) -> Finding:
    """Whether a tier's topics are nearer to a better tier's than chance, where a day has both."""
    return judge_accuracy(measure_day(store, purchases, day))


def judge_accuracy(accuracy: Accuracy) -> Finding:
    """What `check_accuracy` says of a day's agreement."""
    compared = over_languages(accuracy)
    if not compared:
        return Finding(True, "No chunk of the day was bought: there is nothing to compare.", {})
    poor, told = False, []
    figures: dict[str, int | float] = {}
    for (lower, higher), agreement in compared.items():
        pk = agreement.pk
        poor = poor or (
            pk is not None and pk >= CHANCE_PK and agreement.higher_topics >= FEWEST_TOPICS
        )
        found = agreement.figures()
        figures |= {f"{lower}_{higher}_{name}": value for name, value in found.items()}
        values = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
        told.append(
            f"{lower} beside {higher}, {agreement.messages:,} messages: "
            f"{values or 'nothing to compare'}"
        )
    advice = " No better than chance: `dreaming learn` learns from what was bought." if poor else ""
    return Finding(not poor, f"{'; '.join(told)}.{advice}", figures)
