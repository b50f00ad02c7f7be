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
from dreaming.upgrading.arrow_arrays import boolean_values, equals, number_values
from dreaming.upgrading.candidates import Candidates
from dreaming.upgrading.importance import Numbers
from dreaming.upgrading.paid import PaidSlice

# Long enough that the fixed part of a call hardly counts, short enough to fit any model's window.
SPAN_TOKENS = 3_000
"""The most text in one call, unless a single chunk is longer."""

# The three figures below are for estimates and the order of spans: a reservation is made by the
# call's own bound.
OVERHEAD_TOKENS = 280
"""The tokens of a call besides its text: instructions, schema and the frame of the reply."""
INPUT_SHARE = 1.2
"""The input tokens of a text, with the numbers and roles of its units, as a multiple of it."""
OUTPUT_SHARE = 0.2
"""The output tokens of a reply, as a part of the text."""

# A larger figure puts what was searched for before anything else, whatever it costs.
FOUND_TOKENS = 1_000
"""The worth of a chunk that a search found first, in tokens that the rules are unsure of."""

Integers = npt.NDArray[np.int64]


def expected_usage(text_tokens: Integers) -> tuple[Numbers, Numbers]:
    """The expected tokens of input and of output of calls, by the tokens of their texts."""
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
        """The id of the span in its plan: a hash of its text and place."""
        cells = [[s.message_id, s.start, s.end, s.text_hash] for s in self.slices]
        return stable_hash(cells)


@dataclass(frozen=True, slots=True)
class Groups:
    """Runs of neighbouring candidates, a call each."""

    first: Integers
    """The position of each group's first candidate among all candidates."""
    chunks: Integers
    """The number of candidates of each group."""
    tokens: Integers
    worth: Numbers
    """In tokens of text that the rules are unsure of; what was searched for counts for more."""

    def __len__(self) -> int:
        return len(self.first)

    def head(self, count: int) -> "Groups":
        """The first `count` groups."""
        return self.take(slice(count))

    def take(self, which: slice | Integers) -> "Groups":
        """Some groups, by their positions."""
        return Groups(self.first[which], self.chunks[which], self.tokens[which], self.worth[which])

    def members(self) -> Integers:
        """The positions of all candidates, group after group."""
        # Each group's positions are consecutive: a running number, shifted to the group's first.
        chunks_before = np.cumsum(self.chunks) - self.chunks
        shift = np.repeat(self.first - chunks_before, self.chunks)
        members: Integers = np.arange(self.chunks.sum()) + shift
        return members


def plan_groups(candidates: Candidates) -> Groups:
    """The candidates in groups, in the order in which they are bought."""
    tokens = _token_counts(candidates)
    if not len(tokens):
        # `reduceat` fails without a start.
        return Groups(tokens, tokens, tokens, tokens.astype(np.float64))
    first = _starts(candidates, tokens)
    chunks = np.diff(first, append=len(tokens))
    group_tokens = np.add.reduceat(tokens, first)
    worth = np.add.reduceat(_worth(candidates, tokens), first)
    day = number_values(candidates.column("day").cast(pa.int32()))[first]
    input_tokens, output_tokens = expected_usage(group_tokens)
    worth_per_token = worth / (input_tokens + output_tokens)
    # `lexsort` orders by its last key first: by worth, then the newest day, then by position, so
    # that the order is the same in every run.
    order = np.lexsort((first, -day, -worth_per_token))
    return Groups(first, chunks, group_tokens, worth).take(order)


def _token_counts(candidates: Candidates) -> Integers:
    counts: Integers = number_values(candidates.column("token_count")).astype(np.int64)
    return counts


def _worth(candidates: Candidates, tokens: Integers) -> Numbers:
    """The worth of an upgrade of each candidate."""
    worth: Numbers = (1 - number_values(candidates.column("confidence"))) * tokens
    if candidates.importance is not None:
        worth = worth + FOUND_TOKENS * candidates.importance[candidates.rows]
    return np.asarray(worth)


def first_chunks(groups: Groups, candidates: Candidates, most: int) -> Groups:
    """The first groups with at most `most` chunks in all; the last group may be cut short."""
    chunks_so_far = np.cumsum(groups.chunks)
    whole = int(np.searchsorted(chunks_so_far, most, side="right"))
    left = most
    if whole:
        left -= int(chunks_so_far[whole - 1])
    if whole == len(groups) or not left:
        return groups.head(whole)
    # The next group, cut to what is left: its tokens and worth are added up anew.
    start = groups.first[whole]
    part = slice(start, start + left)
    tokens = _token_counts(candidates)
    worth = _worth(candidates, tokens)
    first_groups = groups.head(whole + 1)
    return replace(
        first_groups,
        chunks=np.append(groups.chunks[:whole], left),
        tokens=np.append(groups.tokens[:whole], tokens[part].sum()),
        worth=np.append(groups.worth[:whole], worth[part].sum()),
    )


def _starts(candidates: Candidates, tokens: Integers) -> Integers:
    """The positions of the candidates that begin a group."""
    starts = np.flatnonzero(_begins_run(candidates))
    ends = np.append(starts[1:], len(tokens))
    # Only the runs that are too long for a span are looked at one by one: they are few.
    is_too_long = np.add.reduceat(tokens, starts) > SPAN_TOKENS
    further: list[int] = []
    for start, end in zip(starts[is_too_long], ends[is_too_long], strict=True):
        further += [start + cut for cut in _cuts(tokens[start:end].tolist())]
    return np.sort(np.concatenate([starts, np.array(further, dtype=np.int64)]))


def _begins_run(candidates: Candidates) -> npt.NDArray[np.bool_]:
    """A mask of the candidates that do not continue the talk of the one before."""
    # Places in the talk alone: chunks of other kinds in between do not part neighbours.
    is_talk = equals(candidates.table.column("kind"), "text")
    place = np.cumsum(is_talk)[candidates.rows]
    conversation = candidates.column("conversation_id").combine_chunks()
    day = number_values(candidates.column("day").cast(pa.int32()))
    begins = np.ones(len(candidates), dtype=np.bool_)
    begins[1:] = (np.diff(place) != 1) | (np.diff(day) != 0)
    begins[1:] |= boolean_values(pc.not_equal(conversation[1:], conversation[:-1]))
    return begins


def _cuts(sizes: list[int]) -> list[int]:
    """The positions at which a run is cut into spans of similar size.

    None is larger than `SPAN_TOKENS`, unless a single chunk is.
    """
    # Of similar size: a short rest would pay the fixed part of a call for little text.
    spans = -(-sum(sizes) // SPAN_TOKENS)
    even_size = sum(sizes) / spans
    cuts = []
    tokens = 0
    for position, size in enumerate(sizes):
        is_full = tokens + size > SPAN_TOKENS or tokens >= even_size
        if position and is_full:
            cuts.append(position)
            tokens = 0
        tokens += size
    return cuts
