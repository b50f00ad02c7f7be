"""The words of a text that can tell what it is about: read once a message, shared by everything
that compares texts.

Scripts with spaces give lower-case words without stop words. Han gives character bigrams, because
it has no spaces and its words are mostly two characters long; katakana gives whole runs, which are
words; hiragana, which is grammar, nothing. A Han character between others that are not Han is a
word in Japanese only.
"""

import re
from itertools import pairwise
from operator import add

from dreaming.chunking.stopwords import CHINESE_STOP_CHARACTERS, STOP_WORDS

_KANA = "\u3041-\u309f\u30a1-\u30ff"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd々"


def _topic_han() -> str:
    """The Han characters that are not stop characters, as the inside of a character class."""
    stops = [0x4DFF, *sorted(map(ord, CHINESE_STOP_CHARACTERS)), 0xA000]
    between = (f"{chr(low + 1)}-{chr(high - 1)}" for low, high in pairwise(stops) if high - low > 1)
    return "\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0003fffd々" + "".join(between)


_ASCII_WORD = re.compile(r"[a-z][a-z0-9]+(?:'[a-z]+|)")
_WORD = re.compile(
    rf"[{_topic_han()}]+"
    r"|[\u30a1-\u30fa\u30fc]{2,}"
    rf"|[^\W\d_{_HAN}{_KANA}][^\W_{_HAN}{_KANA}]+(?:'[a-z]+|)"
)
_HIRAGANA = re.compile("[\u3041-\u309f]")
_FIRST_HAN, _LAST_HAN, _FIRST_COMPATIBLE_HAN = "\u3400", "\u9fff", "\uf900"


def read_words(text: str) -> list[str]:
    """The topic words of `text`, in order and with repetitions; empty where it has none."""
    text = text.lower()
    if text.isascii():
        return [word for word in _ASCII_WORD.findall(text) if word not in STOP_WORDS]
    japanese = _HIRAGANA.search(text) is not None
    words: list[str] = []
    for run in _WORD.findall(text.replace("’", "'")):
        if len(run) == 2 or not (
            _FIRST_HAN <= run[0] <= _LAST_HAN or run[0] >= _FIRST_COMPATIBLE_HAN
        ):
            words.append(run)
        elif len(run) > 2:
            words += map(add, run, run[1:])
        elif japanese:
            words.append(run)
    return [word for word in words if word not in STOP_WORDS]
