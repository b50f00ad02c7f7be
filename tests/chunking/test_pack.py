"""Packing: topics to sizes."""

from hypothesis import given
from hypothesis import strategies as st

from dreaming.chunking.pack import pack_units


def pack(
    sizes: list[int], topics: list[int], strengths: list[float] | None = None
) -> list[tuple[int, int]]:
    return pack_units(
        sizes, strengths or [0.5] * len(sizes), topics, lambda first, last: sum(sizes[first:last])
    )


def test_a_topic_that_is_too_small_joins_its_closest_neighbour():
    """The weaker of its two boundaries goes."""
    assert pack([300, 50, 300], [1, 2], [1.0, 0.9, 0.3]) == [(0, 1), (1, 3)]
    assert pack([300, 50, 300], [1, 2], [1.0, 0.3, 0.9]) == [(0, 2), (2, 3)]


def test_a_topic_that_is_too_long_is_split_where_it_parts_best():
    """A strong gap near the middle wins over the exact middle."""
    assert pack([100] * 10, [], [1.0, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1]) == [
        (0, 4),
        (4, 10),
    ]
    assert pack([100] * 10, []) == [(0, 5), (5, 10)]


def test_topics_in_bounds_are_left_as_they_are():
    """Size is no reason to touch what has a good one."""
    assert pack([200, 200, 400, 400], [2]) == [(0, 2), (2, 4)]


def test_a_small_topic_takes_from_a_full_neighbour():
    """Where both together are too long, units move."""
    assert pack([100] * 8 + [50], [8]) == [(0, 4), (4, 9)]


def test_what_is_measured_counts_more_than_what_was_estimated():
    """A piece that turns out too long or too short goes through packing again."""
    pieces = pack_units([90] * 8, [0.5] * 8, [], lambda first, last: 120 * (last - first))
    assert pieces == [(0, 4), (4, 8)]
    assert pack_units([50] * 4, [0.5] * 4, [2], lambda first, last: 40 * (last - first)) == [(0, 4)]


@given(
    st.lists(
        st.tuples(st.integers(1, 150), st.floats(0, 1), st.booleans()), min_size=1, max_size=120
    )
)
def test_pieces_of_small_units_are_always_in_bounds(units):
    """Where no unit is over 150 tokens and there are 100 in all, every piece has 100 to 800, and
    they tile.
    """
    sizes = [size for size, _, _ in units]
    topics = [i for i, (_, _, starts) in enumerate(units) if starts and i]
    pieces = pack(sizes, topics, [strength for _, strength, _ in units])
    assert [unit for first, last in pieces for unit in range(first, last)] == list(
        range(len(sizes))
    )
    totals = [sum(sizes[first:last]) for first, last in pieces]
    assert max(totals) <= 800
    assert len(totals) == 1 or min(totals) >= 100
