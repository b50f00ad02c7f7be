"""Long conversations in windows are joined without a seam."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dreaming.prompting.reply import Topic
from dreaming.prompting.windows import join_windows, next_window, window_end
from tests.prompting.builders import excerpt


def topic(first, last, *, summary="Said.", labels=("work",)):
    return Topic(first=first, last=last, language="en", labels=labels, entities=(), summary=summary)


def cut(shown, window_tokens, starts):
    """What a perfect model would make of it, window by window: it
    sees a topic start where one is.
    """
    topics, first, end, windows = [], 0, 0, []
    while True:
        end = window_end(shown, first, window_tokens, seen=end)
        windows.append((first, end))
        inside = [first, *(start for start in sorted(starts) if first < start < end), end]
        found = [topic(a, b) for a, b in pairwise(inside)]
        topics = join_windows(topics, found)
        if end == len(shown.units):
            return topics, windows
        first = next_window(shown, found, window_tokens)


@given(st.integers(1, 40), st.integers(1, 400), st.data())
def test_a_perfect_model_finds_the_same_topics_in_windows_as_in_one_piece(
    count, window_tokens, data
):
    """Wherever windows end: no cut of theirs is a boundary, and none is lost, however long topics
    are.
    """
    shown = excerpt(*(f"Sentence number {n} of this talk." for n in range(count)))
    starts = (
        data.draw(st.sets(st.integers(1, max(1, count - 1)), max_size=count))
        if count > 1
        else set()
    )
    topics, _ = cut(shown, window_tokens, starts)
    assert [t.first for t in topics] == [0, *(t.last for t in topics[:-1])]
    assert topics[-1].last == count
    assert {t.first for t in topics[1:]} == starts


@given(st.integers(2, 60), st.integers(40, 400), st.sets(st.integers(1, 59)))
def test_windows_show_little_again_and_come_to_an_end(count, window_tokens, starts):
    """At most a quarter of a window is shown twice, or one unit."""
    shown = excerpt(*(f"Sentence number {n} of this talk." for n in range(count)))
    _, windows = cut(shown, window_tokens, {start for start in starts if start < count})
    for (_, end), (first, next_end) in pairwise(windows):
        assert first <= end < next_end
        assert end - first <= 1 or shown.tokens(first, end) <= 0.25 * window_tokens


def test_a_topic_over_two_windows_is_described_by_its_longer_part():
    """With the labels of both."""
    before = [topic(0, 3), topic(3, 9, summary="The long part.", labels=("billing",))]
    after = [topic(8, 11, summary="Its end.", labels=("refund",)), topic(11, 14)]
    joined = join_windows(before, after)
    assert [(t.first, t.last) for t in joined] == [(0, 3), (3, 11), (11, 14)]
    assert joined[1].summary == "The long part."
    assert joined[1].labels == ("billing", "refund")
