"""Text -> terms: the words that are indexed and looked for.

Scripts without spaces are cut into character bigrams, and single characters that can be words, so
that Chinese and Japanese words of one and two characters are found. Words in ASCII letters are
stemmed (Porter 2), so that "paintings" finds "painting". Index and query are analysed alike
in every language: one that was detected wrongly changes nothing.
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
"""A character that can be a word alone: Han, and a Korean syllable."""
_WORD = re.compile(rf"(?P<run>{UNSPACED_RUN.pattern})|(?P<word>{WORD_RUN.pattern})")
_ASCII_WORD = re.compile("[a-z0-9]+")

# Words of grammar are indexed, but looked for only where a query has no others: most texts have
# them, so that they say little and their postings take longest.
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

# Beyond this many different words the cache is emptied, so that it does not grow with the memory.
CACHED_TERMS = 100_000


class Word(NamedTuple):
    """A term, and its range in the text that was analysed."""

    term: str
    start: int
    end: int


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


@cache
def _stemmer() -> _Stemmer:
    import Stemmer

    # Without its own cache, which takes longer to clear than it saves: `term_of` has one.
    stemmer: _Stemmer = Stemmer.Stemmer("english", 0)
    return stemmer


class _TermCache(dict[str, str]):
    """The terms of words: a day's chunks use the same words over and over.

    A dict, because it is looked up for each word of each text: a hit runs no Python code.
    """

    def __missing__(self, word: str) -> str:
        if len(self) >= CACHED_TERMS:
            self.clear()
        term = _stemmer().stemWord(word) if word.isascii() else word
        self[word] = term
        return term


term_of = _TermCache().__getitem__


@cache
def _grammar() -> frozenset[str]:
    return frozenset(map(term_of, _GRAMMAR.split()))


_FULL_WIDTH = {mark: unicodedata.normalize("NFKC", mark) for mark in "，！？：；（）％\u3000"}
"""Marks of Chinese and Japanese texts. Most texts have them, and most have nothing else to fold."""


def fold(text: str) -> str:
    """The text without full-width letters, ligatures, other compatibility forms, and capitals."""
    if text.isascii():
        return text.lower()
    # Normalising takes ten times as long, except for a text that is normal already: so the usual
    # marks are replaced first.
    for mark, folded in _FULL_WIDTH.items():
        text = text.replace(mark, folded)
    return unicodedata.normalize("NFKC", text).casefold()


class Analysis(NamedTuple):
    """What is indexed of a text."""

    terms: list[str]
    """Repeats included. The bigrams of an unspaced run; the characters that can be words come last.
    """
    half_words: int
    """The length for a reader: a word counts two, a character of a script without spaces one."""


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
    """The terms of a folded text with their ranges."""
    for match in _WORD.finditer(folded):
        if match["run"] is None:
            yield Word(term_of(match[0]), match.start(), match.end())
        else:
            yield from _locate_characters(match["run"], match.start())


def _locate_characters(run: str, start: int) -> Iterator[Word]:
    """The characters and bigrams of a run of a script without spaces."""
    for index, character in enumerate(run):
        place = start + index
        yield Word(character, place, place + 1)
        bigram = run[index : index + 2]
        if len(bigram) == 2:
            yield Word(bigram, place, place + 2)


def query_terms(query: str) -> dict[str, str]:
    """The terms that a query looks for, each with the word that it comes from.

    Of an unspaced run of several characters, its bigrams only. Words of grammar are looked for
    where there are no others.
    """
    terms: dict[str, str] = {}
    for match in _WORD.finditer(fold(query)):
        run = match["run"]
        if run is None:
            # The first word of each stem is kept: an encoder reads it in the place of the stem.
            terms.setdefault(term_of(match[0]), match[0])
        elif len(run) == 1:
            terms[run] = run
        else:
            bigrams = map(add, run, run[1:])
            terms.update((bigram, bigram) for bigram in bigrams)
    telling = {term: word for term, word in terms.items() if not _is_grammar(term)}
    return telling or terms


def _is_grammar(term: str) -> bool:
    # A grammar character beside another one may be half a word: 京都, 目的, 和平.
    return term in _grammar() or _GRAMMAR_CHARACTERS.issuperset(term)


def count_words(text: str) -> float:
    """The words of a text for a reader; two characters of a script without spaces count as one."""
    return analyse(fold(text)).half_words / 2


def first_words(text: str, words: float) -> str:
    """The beginning of a text, of at most this many words."""
    remaining = words
    end = 0
    for match in _WORD.finditer(text):
        run = match["run"]
        if run is None:
            if remaining < 1:
                return text[:end].rstrip()
            remaining -= 1
            end = match.end()
            continue
        characters = min(int(remaining * 2), len(run))
        remaining -= characters / 2
        end = match.start() + characters
        if characters < len(run):
            return text[:end]
    return text
