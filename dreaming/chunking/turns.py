"""What segmentation knows of one message: who speaks, its topic words, its cues, and how long
nobody had spoken.
"""

from typing import NamedTuple

from dreaming.chunking.cues import Cues, read_cues


class Turn(NamedTuple):
    """One message of a lane as the segmenter sees it; a tuple because there is one for every
    message.
    """

    speaker: str
    words: frozenset[str]
    """Its topic words, as `words.read_words` reads them."""
    cues: Cues
    text: str
    silence_hours: float = 0.0
    """Time since the message before; 0 where there are no timestamps."""


def read_turn(speaker: str, text: str, words: frozenset[str], silence_hours: float = 0.0) -> Turn:
    """The turn of a message with content `text`, whose topic words are `words`."""
    return Turn(speaker, words, read_cues(text), text, silence_hours)
