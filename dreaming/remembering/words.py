"""Text -> the words that are indexed and looked for.

Scripts without spaces are cut into character bigrams, so that two-character Chinese and Japanese words are found;
words in ASCII letters are stemmed (Porter 2), so that "paintings" finds "painting". Index and query are analysed alike,
whatever the language, so nothing depends on a language having been told right.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import NamedTuple, Protocol

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, Han
    "\uac00-\ud7af"  # Hangul: its words take endings that no stemmer here knows
)
_WORD = re.compile(rf"(?P<run>[{_UNSPACED}]+)|(?:(?![{_UNSPACED}])[^\W_])+")


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

    stemmer: _Stemmer = Stemmer.Stemmer("english")
    return stemmer


def fold(text: str) -> str:
    """The text with compatibility forms and case folded away: full-width letters, ligatures, capitals."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """The terms of a text, in order, repeats included."""
    return [word.term for word in locate_words(fold(text))]


def locate_words(folded: str) -> Iterator[Word]:
    """The terms of a folded text with their places; the last character of an unspaced run is a term of its own."""
    stem = _stemmer().stemWord
    for match in _WORD.finditer(folded):
        start, run = match.start(), match.group("run")
        if run is None:
            word = match.group()
            yield Word(stem(word) if word.isascii() else word, start, match.end())
            continue
        for offset, (one, two) in enumerate(pairwise(run)):
            yield Word(one + two, start + offset, start + offset + 2)
        yield Word(run[-1], match.end() - 1, match.end())


class QueryTerms(NamedTuple):
    """What a query looks for."""

    exact: tuple[str, ...]
    """Terms that a chunk may have."""
    prefixes: tuple[str, ...]
    """Single characters of unspaced scripts: every term that begins with one counts."""


def query_terms(query: str) -> QueryTerms:
    """The terms of a query, each once: an unspaced run of several characters asks for its bigrams only."""
    exact: dict[str, None] = {}
    prefixes: dict[str, None] = {}
    stem = _stemmer().stemWord
    for match in _WORD.finditer(fold(query)):
        run = match.group("run")
        if run is None:
            word = match.group()
            exact[stem(word) if word.isascii() else word] = None
        elif len(run) == 1:
            prefixes[run] = None
        else:
            exact |= dict.fromkeys(one + two for one, two in pairwise(run))
    return QueryTerms(tuple(exact), tuple(prefixes))
