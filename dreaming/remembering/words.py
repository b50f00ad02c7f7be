"""Text -> the words that are indexed and looked for.

Scripts without spaces are cut into character bigrams, and single characters that can be words, so
that Chinese and Japanese words of one and two characters are found; words in ASCII letters are
stemmed (Porter 2), so that "paintings" finds "painting". Index and query are analysed alike,
whatever the language: nothing depends on one having been told right.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from operator import add
from typing import NamedTuple, Protocol

from dreaming.chunking.stopwords import CHINESE_STOP_CHARACTERS

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    # kana, Han
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7af"  # Hangul: its words take endings that no stemmer here knows
)
UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]+")
WORD_RUN = re.compile(rf"[^\W_{_UNSPACED}]+")
WORD_ALONE = re.compile("[々\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7af]")
"""A character that can be a word by itself: Han, and a Korean syllable."""
_WORD = re.compile(rf"(?P<run>{UNSPACED_RUN.pattern})|(?P<word>{WORD_RUN.pattern})")
_ASCII_WORD = re.compile("[a-z0-9]+")

_GRAMMAR = """
    a about all am an and any are as at be been but by can could d did do does don for from had has
    have he her here his
    how i if in into is it its just ll m me my no not of on or our out over re s she should so some
    such t than that the
    their them then there these they this those to too up ve very was we were what when where which
    who why will with
    would yes you your
"""
_GRAMMAR_CHARACTERS = frozenset(
    CHINESE_STOP_CHARACTERS + "什么怎哪的のはがをにへとでもやかねよなだすまし"
)

REMEMBERED_TERMS = 100_000


class Word(NamedTuple):
    """A word of a text, as it is indexed, and where it stands in the text that was analysed."""

    term: str
    start: int
    end: int


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


@cache
def _stemmer() -> _Stemmer:
    import Stemmer

    # Without its own cache, which takes longer to clear than it saves: `term_of` remembers.
    stemmer: _Stemmer = Stemmer.Stemmer("english", 0)
    return stemmer


class _Terms(dict[str, str]):
    """The terms of words: a day's chunks use the same ones over and over."""

    def __missing__(self, word: str) -> str:
        if len(self) >= REMEMBERED_TERMS:
            self.clear()
        self[word] = term = _stemmer().stemWord(word) if word.isascii() else word
        return term


term_of = _Terms().__getitem__


@cache
def _grammar() -> frozenset[str]:
    return frozenset(map(term_of, _GRAMMAR.split()))


_FULL_WIDTH = {mark: unicodedata.normalize("NFKC", mark) for mark in "，！？：；（）％\u3000"}
"""Marks of Chinese and Japanese texts. Most texts have them, and most have nothing else to fold."""


def fold(text: str) -> str:
    """The text with compatibility forms and case folded away: full-width letters, ligatures,
    capitals.
    """
    if text.isascii():
        return text.lower()
    # Normalising takes ten times as long, but for a text that is normal already.
    for mark, folded in _FULL_WIDTH.items():
        text = text.replace(mark, folded)
    return unicodedata.normalize("NFKC", text).casefold()


class Analysis(NamedTuple):
    """What is indexed of a text."""

    terms: list[str]
    """Repeats included: of an unspaced run its bigrams; after all others the characters that can be
    words.
    """
    half_words: int
    """How long it is to a reader: a word counts two, a character of a script without spaces one."""


def analyse(folded: str) -> Analysis:
    """The terms and the length of a folded text."""
    if folded.isascii():
        spaced = _ASCII_WORD.findall(folded)
        return Analysis(list(map(term_of, spaced)), 2 * len(spaced))
    terms: list[str] = []
    half_words = 0
    for run, word in _WORD.findall(folded):
        if run:
            terms += map(add, run, run[1:])
            half_words += len(run)
        else:
            terms.append(term_of(word))
            half_words += 2
    terms += WORD_ALONE.findall(folded)
    return Analysis(terms, half_words)


def words(text: str) -> list[str]:
    """The terms of a text, repeats included."""
    return analyse(fold(text)).terms


def locate_words(folded: str) -> Iterator[Word]:
    """The terms of a folded text with their places."""
    for match in _WORD.finditer(folded):
        start, run = match.start(), match["run"]
        if run is None:
            yield Word(term_of(match[0]), start, match.end())
            continue
        for offset in range(start, match.end()):
            yield Word(folded[offset], offset, offset + 1)
            if offset + 1 < match.end():
                yield Word(folded[offset : offset + 2], offset, offset + 2)


def query_terms(query: str) -> dict[str, str]:
    """The terms that a query looks for, each with the word that it comes from.

    Of an unspaced run of several characters its bigrams only. Words of grammar are looked for where
    there is nothing else.
    """
    terms: dict[str, str] = {}
    for match in _WORD.finditer(fold(query)):
        run = match["run"]
        if run is None:
            terms.setdefault(term_of(match[0]), match[0])
        else:
            pairs = map(add, run, run[1:])
            terms |= {run: run} if len(run) == 1 else {pair: pair for pair in pairs}
    return {term: word for term, word in terms.items() if not _is_grammar(term)} or terms


def _is_grammar(term: str) -> bool:
    # A grammar character beside another one may be half a word: 京都, 目的, 和平.
    return term in _grammar() or _GRAMMAR_CHARACTERS.issuperset(term)


def count_words(text: str) -> float:
    """How long a text is to a reader: a word counts 1, and so do two characters of a script without
    spaces.
    """
    return analyse(fold(text)).half_words / 2


def first_words(text: str, words: float) -> str:
    """The beginning of a text that has at most so many words."""
    left, end = words, 0
    for match in _WORD.finditer(text):
        if match["run"] is None:
            if left < 1:
                return text[:end].rstrip()
            left, end = left - 1, match.end()
        else:
            characters = min(int(left * 2), len(match["run"]))
            left, end = left - characters / 2, match.start() + characters
            if characters < len(match["run"]):
                return text[:end]
    return text
