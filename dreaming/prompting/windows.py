"""Long conversations in windows. Each next one begins with the last topic of the one before, so no
cut is a seam.

Where a window ends, its last topic is cut off, and what a reply says of it is half the truth. So
the next window shows that topic again, from its beginning; when it is too long for that, its last
units, and then what comes first in the next reply is the rest of it.
"""

from collections.abc import Sequence
from dataclasses import replace

from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.reply import Topic, join_descriptions

# What is shown again is paid for again. With less, more topics are cut at the seam of two windows.
OVERLAP_SHARE = 0.25
"""The largest part of a window that is shown again in the next one."""


def window_end(excerpt: Excerpt, first: int, window_tokens: int, *, seen: int = 0) -> int:
    """The position after the last unit of the window that begins at `first`: what fits.

    At least two units, or the last one, and one more than those before `seen`, where the window
    before it ended: else there would be no end.
    """
    end = min(max(first + 2, seen + 1), len(excerpt.units))
    tokens = excerpt.tokens(first, end)
    while end < len(excerpt.units):
        tokens += excerpt.tokens(end, end + 1)
        if tokens > window_tokens:
            break
        end += 1
    return end


def next_window(excerpt: Excerpt, topics: Sequence[Topic], window_tokens: int) -> int:
    """The start of the window after one with these topics, in which the excerpt does not end."""
    last = topics[-1]
    # A single topic fills the window: shown again whole, it would fill the next one too.
    if len(topics) == 1:
        return last.last - 1
    first = last.first
    while (
        first < last.last - 1 and excerpt.tokens(first, last.last) > OVERLAP_SHARE * window_tokens
    ):
        first += 1
    return first


def join_windows(topics: Sequence[Topic], following: Sequence[Topic]) -> list[Topic]:
    """The topics of all windows so far, and those of the next one, joined."""
    if not topics:
        return list(following)
    last = topics[-1]
    begins = following[0]
    if begins.first == last.first:
        return [*topics[:-1], *following]
    if begins.last <= last.last:
        # The rest of the topic is over where the reply says so.
        return [*topics[:-1], replace(last, last=begins.last), *following[1:]]
    return [*topics[:-1], join_descriptions(last, begins, last=begins.last), *following[1:]]
