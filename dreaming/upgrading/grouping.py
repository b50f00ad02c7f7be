"""The plan of an upgrade: which chunks, together in which calls, in which order.

A call has a fixed part that costs as much for one chunk as for ten, and a model that sees a whole
stretch of talk finds its topics better. So neighbouring candidates go together, up to a span's
size. Spans are ordered by what they are worth for the money: how unsure the chunks are that they
would replace, per token that is billed.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dreaming.conversation import ConversationId, stable_hash
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.importance import Numbers
from dreaming.upgrading.paid import PaidSlice

SPAN_TOKENS = 3_000
"""How much is shown in one call: long enough that the fixed part hardly counts, short enough to fit
any window.
"""
OVERHEAD_TOKENS = 280
"""What a call costs beside the text: instructions, schema and the frame of the reply."""
INPUT_SHARE = 1.2
"""What text takes when it is shown, with the numbers and roles of its units."""
OUTPUT_SHARE = 0.2
"""What a reply takes, as a share of the text."""

FOUND_TOKENS = 1_000
"""A chunk that a search found first is worth as much as so much text that the rules are unsure of.
"""

Integers = npt.NDArray[np.int64]


def expected_usage(text_tokens: Integers) -> tuple[Numbers, Numbers]:
    """What calls for so much text each are expected to take, in tokens of input and of output."""
    return OVERHEAD_TOKENS + INPUT_SHARE * text_tokens, OUTPUT_SHARE * text_tokens


@dataclass(frozen=True, slots=True)
class PlannedSpan:
    """A run of neighbouring candidates that one call re-chunks."""

    conversation_id: ConversationId
    day: date
    slices: tuple[PaidSlice, ...]
    chunks: int
    tokens: int

    @property
    def key(self) -> str:
        """What tells it from others."""
        return stable_hash([[s.message_id, s.start, s.end, s.text_hash] for s in self.slices])


@dataclass(frozen=True, slots=True)
class Groups:
    """Runs of neighbouring candidates, a call each."""

    first: Integers
    """Of each, the position of its first candidate among all."""
    chunks: Integers
    tokens: Integers
    worth: Numbers
    """In tokens of text that the rules are unsure of; what was searched for counts for more."""

    def __len__(self) -> int:
        return len(self.first)

    def head(self, count: int) -> "Groups":
        """The first so many."""
        return self.take(slice(count))

    def take(self, which: slice | Integers) -> "Groups":
        """Some of them, by their positions."""
        return Groups(self.first[which], self.chunks[which], self.tokens[which], self.worth[which])

    def members(self) -> Integers:
        """The positions of the candidates of all, group after group."""
        before = np.cumsum(self.chunks) - self.chunks
        members: Integers = np.arange(self.chunks.sum()) + np.repeat(
            self.first - before, self.chunks
        )
        return members


def plan_groups(candidates: Candidates) -> Groups:
    """The candidates in groups, in the order in which they are bought; of equal worth, the newest
    day is first.
    """
    tokens = candidates.column("token_count").to_numpy().astype(np.int64)
    if not len(tokens):
        return Groups(tokens, tokens, tokens, tokens.astype(np.float64))
    first = _starts(candidates, tokens)
    of_group = np.add.reduceat(tokens, first)
    worth = np.add.reduceat(_worth(candidates, tokens), first)
    day = candidates.column("day").cast(pa.int32()).to_numpy()[first]
    order = np.lexsort((first, -day, -worth / sum(expected_usage(of_group))))
    chunks = np.diff(first, append=len(tokens))
    return Groups(first, chunks, of_group, worth).take(order)


def _worth(candidates: Candidates, tokens: Integers) -> Numbers:
    """What an upgrade of each candidate is worth."""
    worth = (1 - candidates.column("confidence").to_numpy()) * tokens
    if candidates.importance is not None:
        worth = worth + FOUND_TOKENS * candidates.importance[candidates.rows]
    return np.asarray(worth)


def first_chunks(groups: Groups, candidates: Candidates, most: int) -> Groups:
    """The first groups, with at most so many chunks in all: the last one may be a part of one."""
    reached = np.cumsum(groups.chunks)
    whole = int(np.searchsorted(reached, most, side="right"))
    left = most - (int(reached[whole - 1]) if whole else 0)
    if whole == len(groups) or not left:
        return groups.head(whole)
    chunks = np.append(groups.chunks[:whole], left)
    part = slice(groups.first[whole], groups.first[whole] + left)
    own = candidates.column("token_count").to_numpy().astype(np.int64)
    taken = groups.take(slice(whole + 1))
    return replace(
        taken,
        chunks=chunks,
        tokens=np.append(taken.tokens[:whole], own[part].sum()),
        worth=np.append(taken.worth[:whole], _worth(candidates, own)[part].sum()),
    )


def _starts(candidates: Candidates, tokens: Integers) -> Integers:
    """The positions of the candidates that begin a group: where neighbours end, and where a span is
    full.
    """
    starts = np.flatnonzero(_begins_run(candidates))
    ends = np.append(starts[1:], len(tokens))
    totals = np.add.reduceat(tokens, starts)
    further = [
        start + offset
        for start, end in zip(starts[totals > SPAN_TOKENS], ends[totals > SPAN_TOKENS], strict=True)
        for offset in _cuts(tokens[start:end].tolist())
    ]
    return np.sort(np.concatenate([starts, np.array(further, dtype=np.int64)]))


def _begins_run(candidates: Candidates) -> npt.NDArray[np.bool_]:
    """Which candidates do not continue the talk of the one before."""
    talk = np.asarray(pc.equal(candidates.table.column("kind"), "text"))
    place = np.cumsum(talk)[candidates.rows]
    conversation = candidates.column("conversation_id").combine_chunks()
    day = candidates.column("day").cast(pa.int32()).to_numpy()
    begins = np.ones(len(candidates), dtype=np.bool_)
    begins[1:] = (np.diff(place) != 1) | (np.diff(day) != 0)
    begins[1:] |= np.asarray(pc.not_equal(conversation[1:], conversation[:-1]))
    return begins


def _cuts(sizes: list[int]) -> list[int]:
    """Where to cut a run into spans of about the same size, none larger than a span unless one
    chunk is.
    """
    size = sum(sizes) / -(-sum(sizes) // SPAN_TOKENS)
    cuts, tokens = [], 0
    for position, each in enumerate(sizes):
        if position and (tokens + each > SPAN_TOKENS or tokens >= size):
            cuts.append(position)
            tokens = 0
        tokens += each
    return cuts
