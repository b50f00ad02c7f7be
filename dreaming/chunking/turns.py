"""A turn: one message as segmentation sees it."""

from typing import NamedTuple

from dreaming.chunking.cues import Cues, read_cues


class Turn(NamedTuple):
    """One message of a lane: its speaker, words, cues, and the silence before it.

    A tuple, because there is one for every message.
    """

    speaker: str
    words: frozenset[str]
    """Its distinct topic words, as `words.read_words` returns them."""
    cues: Cues
    text: str
    silence_hours: float = 0.0
    """Time since the message before; 0 where there are no timestamps."""


def read_turn(speaker: str, text: str, words: frozenset[str], silence_hours: float = 0.0) -> Turn:
    """The turn of a message with content `text` and topic words `words`."""
    cues = read_cues(text)
    return Turn(speaker, words, cues, text, silence_hours)
