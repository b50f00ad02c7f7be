"""Where terms stand: what is packed is unpacked."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dreaming.remembering.postings import (
    HEADER,
    join_postings,
    look_up_terms,
    merge_buckets,
    pack_postings,
    reuse_postings,
    split_bucket,
    split_postings,
)

SAME_BUCKET = ["w109", "w7564", "w3986"]
"""Two of one part, and another."""
NAMES = ["a", "b", "c", "日本", "本", "long-term", "x1", *SAME_BUCKET]
terms = st.sampled_from(NAMES)
passages = st.dictionaries(
    st.sampled_from([0, 1, 2, 7, 4094, HEADER]), st.lists(terms, max_size=8), max_size=4
)
memory = st.lists(
    st.lists(passages.map(lambda held: sorted(held.items())), min_size=1, max_size=5),
    min_size=1,
    max_size=4,
)


def pack(chunks):
    """The postings of chunks, which come with their numbers, and their passages with theirs."""
    rows = [
        (NAMES.index(term), number, passage)
        for number, own in chunks
        for passage, said in own
        for term in said
    ]
    return pack_postings(NAMES, *np.array(rows, dtype=np.int64).reshape(-1, 3).T)


def packed_of(segments):
    """The buckets of each segment, numbered from 1."""
    return {n: split_postings(pack(enumerate(chunks)), n) for n, chunks in enumerate(segments, 1)}


def reading(blocks):
    """What reads a term's buckets from blocks."""
    return lambda address: [block[address.bucket] for block in blocks if address.bucket in block]


def reading_parts(blocks):
    """What reads the parts of buckets from blocks."""
    split = [{bucket: split_bucket(held) for bucket, held in block.items()} for block in blocks]
    return lambda address: [
        block[address.bucket][address.part]
        for block in split
        if address.part in block.get(address.bucket, {})
    ]


def expected_of(term, segments, bases):
    return [
        (bases[n] + chunk, passage, 1 if passage == HEADER else Counter(said)[term])
        for n, chunks in sorted(enumerate(segments, 1), key=lambda row: bases.get(row[0], 0))
        if n in bases
        for chunk, own in enumerate(chunks)
        for passage, said in own
        if term in said and (passage != HEADER or not any(term in other for _, other in own[:-1]))
    ]


def held_of(postings):
    return list(zip(postings.chunk, postings.passage, postings.times, strict=True))


@given(memory, st.data())
def test_every_term_is_found_where_it_stands_and_nowhere_else(segments, data):
    """Over segments in any order, merged or not, in parts or whole, some of them not looked at."""
    packed = packed_of(segments)
    order = data.draw(st.permutations(list(packed)))
    live = data.draw(st.sets(st.sampled_from(order)))
    wanted = [n for n in order if n in live]
    bases = {n: sum(len(segments[m - 1]) for m in wanted[: wanted.index(n)]) for n in wanted}
    merged = {
        bucket: merge_buckets(
            [held[bucket] for held in packed.values() if bucket in held], sorted(live)
        )
        for bucket in {bucket for held in packed.values() for bucket in held}
    }
    for read in (reading([*packed.values()]), reading([merged]), reading_parts([merged])):
        found = look_up_terms([*NAMES, "nowhere"], read, bases) if bases else {}
        for term, held in found.items():
            expected = expected_of(term, segments, bases)
            assert held_of(held.unpack()) == expected
            assert held.count == len(expected)
            if wanted:
                only = {wanted[0]: bases[wanted[0]]}
                assert held_of(held.unpack(np.array([*only.values()]))) == expected_of(
                    term, segments, only
                )


@given(memory, st.data())
def test_what_is_taken_over_is_as_if_it_were_packed_afresh(segments, data):
    """Chunks of one segment in any order beside new ones, whatever else is in its buckets."""
    packed = packed_of(segments)
    merged = [
        (
            bucket,
            merge_buckets(
                [held[bucket] for held in packed.values() if bucket in held], list(packed)
            ),
        )
        for bucket in sorted({bucket for held in packed.values() for bucket in held})
    ]
    old = segments[0]
    numbers = np.array(data.draw(st.permutations([*range(len(old)), *[-1] * len(old)])))[: len(old)]
    taken = {int(number): chunk for number, chunk in zip(numbers, old, strict=True) if number >= 0}
    free = [number for number in range(2 * len(old)) if number not in taken]
    new = dict(zip(free, data.draw(st.permutations(segments[-1])), strict=False))
    entries = reuse_postings(pack(new.items()), join_postings(merged, 1), numbers)
    assert split_postings(entries, 9) == split_postings(pack(sorted((taken | new).items())), 9)


def test_a_count_beyond_what_a_posting_holds_is_cut_and_spills_nowhere():
    """A message that says one word a thousand times."""
    packed = packed_of([[[(0, ["a"] * 1000), (1, ["a"])]]])
    found = look_up_terms(["a"], reading([packed[1]]), {1: 0})["a"].unpack()
    assert (found.passage.tolist(), found.times.tolist()) == ([0, 1], [255, 1])


def test_what_is_merged_away_is_not_in_the_bytes():
    """A segment that is not live leaves nothing."""
    packed = packed_of([[[(0, ["b"])]], [[(0, ["b"])]]])
    [bucket] = packed[1]
    assert merge_buckets([packed[1][bucket], packed[2][bucket]], [2]) == packed[2][bucket]
