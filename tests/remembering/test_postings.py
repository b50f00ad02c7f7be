"""Where terms stand: what is packed is unpacked."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dreaming.remembering.postings import HEADER, pack_postings, unpack_postings

terms = st.sampled_from(["a", "b", "c", "日本", "本", "long-term", "x1"])
passages = st.dictionaries(st.sampled_from([0, 1, 2, 7, 4094, HEADER]), st.lists(terms, max_size=8), max_size=4)
memory = st.lists(st.lists(passages.map(lambda held: sorted(held.items())), max_size=5), min_size=1, max_size=4)


@given(memory)
def test_every_term_is_found_where_it_stands_and_nowhere_else(segments):
    """Over segments, chunks and passages, with how often it stands there."""
    packed = {n: pack_postings(chunks) for n, chunks in enumerate(segments)}
    bases = {n: sum(map(len, segments[:n])) for n in packed}

    def read(buckets):
        return {bucket: {n: held[bucket] for n, held in packed.items() if bucket in held} for bucket in buckets}

    found = unpack_postings(["a", "b", "c", "日本", "本", "long-term", "x1", "nowhere"], read, bases)
    for term, postings in found.items():
        expected = [
            (bases[n] + chunk, passage, Counter(said)[term])
            for n, chunks in enumerate(segments)
            for chunk, own in enumerate(chunks)
            for passage, said in own
            if term in said
        ]
        assert list(zip(postings.chunk, postings.passage, postings.times, strict=True)) == expected


def test_a_count_beyond_what_a_posting_holds_is_cut_and_spills_nowhere():
    """A message that says one word a thousand times."""
    packed = pack_postings([[(0, ["echo"] * 1000), (1, ["echo"])]])
    found = unpack_postings(["echo"], lambda buckets: {b: {0: packed[b]} for b in buckets}, {0: 0})["echo"]
    assert (found.passage.tolist(), found.times.tolist()) == ([0, 1], [255, 1])


def test_a_row_of_another_segment_is_left_alone():
    """A bucket may be read whole: what is not in scope does not count."""
    packed = pack_postings([[(0, ["word"])]])
    [bucket] = packed
    found = unpack_postings(["word"], lambda _: {bucket: {1: packed[bucket], 2: packed[bucket]}}, {2: 5})["word"]
    assert found.chunk.tolist() == [5]
