"""The topic words of a text: read once a message, shared by everything that compares texts.

From scripts with spaces come lower-case words without stop words. From Han come character bigrams,
because it has no spaces and its words are mostly two characters long. From katakana come whole
runs, which are words; from hiragana, which is grammar, nothing. A Han character without another one
beside it counts as a word in Japanese only.
"""

import re
from itertools import pairwise
from operator import add

from dreaming.chunking.stopwords import CHINESE_STOP_CHARACTERS, STOP_WORDS

_KANA = "\u3041-\u309f\u30a1-\u30ff"
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd々"


def _topic_han() -> str:
    """The Han characters that are not stop characters, as the inside of a character class."""
    # The main block of Han, from U+4E00 to U+9FFF, with a hole at each stop character.
    stops = [0x4DFF, *sorted(map(ord, CHINESE_STOP_CHARACTERS)), 0xA000]
    ranges = ["\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0003fffd々"]
    for low, high in pairwise(stops):
        if high - low > 1:
            ranges.append(f"{chr(low + 1)}-{chr(high - 1)}")
    return "".join(ranges)


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
        # A simpler pattern finds the same words faster.
        return [word for word in _ASCII_WORD.findall(text) if word not in STOP_WORDS]
    is_japanese = _HIRAGANA.search(text) is not None
    words: list[str] = []
    for run in _WORD.findall(text.replace("’", "'")):
        if len(run) == 2:
            # A single bigram, or a short word of another script: the same result for both.
            words.append(run)
            continue
        first = run[0]
        is_han = _FIRST_HAN <= first <= _LAST_HAN or first >= _FIRST_COMPATIBLE_HAN
        if not is_han:
            words.append(run)
        elif len(run) > 2:
            # All bigrams of the run: each character added to the one after it.
            words += map(add, run, run[1:])
        elif is_japanese:
            words.append(run)
    return [word for word in words if word not in STOP_WORDS]
