"""One sentence that stands for a chunk, taken from its text as it is.

The unit whose words are most those of the whole chunk is taken, and of it the sentence for which
the same holds (centroid extraction, as in Radev et al. 2004, MEAD). What the user says comes first:
it is what a person remembers a talk by.
"""

from collections import Counter
from collections.abc import Sequence
from math import sqrt

from dreaming.chunking.cutting import splits_character
from dreaming.chunking.lane import Unit
from dreaming.chunking.units import split_sentences
from dreaming.chunking.words import read_words

LONGEST_CHARACTERS = 200
USER_WEIGHT = 1.3
FEW_WORDS = 3
"""Added to the number of words when scores are divided by it, so that greetings and thanks do not
win by shortness.
"""
NOT_PROSE_WEIGHT = 0.3
"""Of code, tables, headings and captions: they share many words with a text and say little about
it.
"""
_NOT_PROSE_STARTS = ("```", "~~~", "|", "{", "<", "[", "#", "    ")
_NOT_PROSE_ENDS = ("{", "}", ";", "|", "{\n", "}\n", ";\n", "|\n", "```", "```\n")
ELLIPSIS = "…"


def summarize(units: Sequence[Unit], counts: Counter[str]) -> str:
    """A sentence of the units, on one line and up to 200 characters; empty where they are blank.

    `counts` are the topic words of all of them together.
    """
    said = [unit for unit in units if not unit.text.isspace()]
    if not said:
        return ""
    speakers = [USER_WEIGHT if unit.message.role == "user" else 1.0 for unit in said]
    scores = [
        _centrality(unit.text, unit.words, counts) * weight
        for unit, weight in zip(said, speakers, strict=True)
    ]
    best = said[scores.index(max(scores))]
    sentences = [sentence for sentence in split_sentences(best.text) if not sentence.isspace()]
    if len(sentences) > 1:
        return _one_line(
            max(sentences, key=lambda text: _centrality(text, read_words(text), counts))
        )
    return _one_line(best.text)


def _centrality(text: str, words: Sequence[str], counts: Counter[str]) -> float:
    own = set(words)
    if not own:
        return 0.0
    score = sum(map(counts.__getitem__, own)) / sqrt(len(own) + FEW_WORDS)
    return (
        score * NOT_PROSE_WEIGHT
        if text.startswith(_NOT_PROSE_STARTS) or text.endswith(_NOT_PROSE_ENDS)
        else score
    )


def _one_line(sentence: str) -> str:
    """The sentence with its white space made single spaces, cut at a word or at least at a whole
    character.
    """
    line = " ".join(sentence[: 4 * LONGEST_CHARACTERS].split())
    if len(line) <= LONGEST_CHARACTERS:
        return line
    cut = LONGEST_CHARACTERS - len(ELLIPSIS)
    space = line.rfind(" ", LONGEST_CHARACTERS // 2, cut)
    if space > 0:
        return line[:space] + ELLIPSIS
    while cut > 1 and splits_character(line, cut):
        cut -= 1
    return line[:cut] + ELLIPSIS
