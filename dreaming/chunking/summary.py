"""The summary of a chunk: one sentence of its text, unchanged.

The unit whose words are the most central to the chunk is taken, and from it the most central
sentence (centroid extraction, as in Radev et al. 2004, MEAD). The user's units are preferred,
because people remember a conversation by what they said.
"""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

from dreaming.chunking.cutting import splits_character
from dreaming.chunking.lane import Unit
from dreaming.chunking.units import split_sentences
from dreaming.chunking.words import read_words

LONGEST_CHARACTERS = 200
# A user's unit wins over another's up to 1.3 times as central.
USER_WEIGHT = 1.3
# Added to the number of words that scores are divided by, so that greetings and thanks do not win
# because they are short.
EXTRA_WORDS = 3
# Code, tables, headings and captions share many words with a text and say little about it.
NOT_PROSE_WEIGHT = 0.3
_NOT_PROSE_STARTS = ("```", "~~~", "|", "{", "<", "[", "#", "    ")
_NOT_PROSE_ENDS = ("{", "}", ";", "|", "{\n", "}\n", ";\n", "|\n", "```", "```\n")
ELLIPSIS = "…"


def summarize(units: Sequence[Unit], counts: Counter[str]) -> str:
    """A sentence of the units, on one line and up to 200 characters; empty where all are blank.

    `counts` are of the topic words of all units together.
    """
    candidates = [unit for unit in units if not unit.text.isspace()]
    if not candidates:
        return ""

    def unit_score(unit: Unit) -> float:
        weight = USER_WEIGHT if unit.message.role == "user" else 1.0
        return _centrality(unit.text, unit.words, counts) * weight

    def sentence_score(sentence: str) -> float:
        return _centrality(sentence, read_words(sentence), counts)

    # Of equal scores, `max` takes the first.
    best = max(candidates, key=unit_score)
    sentences = [sentence for sentence in split_sentences(best.text) if not sentence.isspace()]
    if len(sentences) > 1:
        return _one_line(max(sentences, key=sentence_score))
    return _one_line(best.text)


def _centrality(text: str, words: Sequence[str], counts: Counter[str]) -> float:
    """How many of the chunk's words are those of a text, relative to the text's own number."""
    distinct_words = set(words)
    if not distinct_words:
        return 0.0
    total = sum(map(counts.__getitem__, distinct_words))
    score = total / sqrt(len(distinct_words) + EXTRA_WORDS)
    if text.startswith(_NOT_PROSE_STARTS) or text.endswith(_NOT_PROSE_ENDS):
        return score * NOT_PROSE_WEIGHT
    return score


def _one_line(sentence: str) -> str:
    """The sentence with single spaces, cut before a word or at least at a whole character."""
    # Only the part that can be shown is split: a sentence of many thousand characters is not.
    line = " ".join(sentence[: 4 * LONGEST_CHARACTERS].split())
    if len(line) <= LONGEST_CHARACTERS:
        return line
    cut = LONGEST_CHARACTERS - len(ELLIPSIS)
    # A space in the first half would leave too little: then the cut falls within a word.
    space = line.rfind(" ", LONGEST_CHARACTERS // 2, cut)
    if space > 0:
        return line[:space] + ELLIPSIS
    while cut > 1 and splits_character(line, cut):
        cut -= 1
    return line[:cut] + ELLIPSIS
