"""Secrets beside their names, as in `my password is ...`, `"token": "..."`, `验证码：...`.

A word of letters alone is taken for the secret only where the text gives it to the name: by a
colon, a sign of equality, quotation marks, or `is`. A word that looks like a password is taken
wherever it is near the name.
"""

import re
from collections.abc import Iterator

from dreaming.privacy.logins import trim_punctuation
from dreaming.privacy.secret_names import (
    NAME,
    NAMES_OF_DIGITS,
    NOT_SECRETS,
    SEED_NAME,
    SEED_NEEDLES,
    find_name_windows,
)
from dreaming.privacy.sensitive_span import SensitiveSpan
from dreaming.privacy.word_shapes import (
    is_everyday_word,
    is_placeholder,
    looks_like_password,
    may_be_stated_password,
)

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»"}
_LONGEST_QUOTED = 160

_SIGN = (
    r"[\w\]]{0,24}[\"'`”*]{0,3}(?: ?\([^)\n]{0,30}\))?(?: (?:for|of|to|on) "
    r"[^\n:=,.]{1,40}?)?\s{0,3}"
    r"(?P<sign>:=|=>|->|→|={1,2}|:|：)"
)
_VERB = (
    r"[\w']{0,3}[\"'`”]?\s?(?:(?:has been |was |were )?(?:changed|set|reset|updated) to|is(?: now"
    r"| still| set to)?"
    r"|was|are|will be"
    r"|(?:仍然|现在|還|还|就|应该)?(?:是|为|為|设为|设成|改成|改为|设置为|設為|換成|换成|用)|は|が"
    r"|を)"
)
# What gives a value to the name before it: a sign or a verb.
_LINK = re.compile(rf"(?:{_SIGN}|{_VERB})\s{{0,3}}(?:\n\s{{0,8}})?")
# `set the password to ...`: "to" gives a value only where such a verb is before the name.
_SETTING = re.compile(r"(?i)\b(?:set|chang|reset|updat|switch|mak)\w*\b[^.\n]{0,40}$")
_TO = re.compile(r" (?:of|for|on)? ?(?:[^.,\n]{0,24} )?to:? +")
# A value directly after a name, as in Chinese: it must be long, or have a digit.
_DIRECT = re.compile(
    r"[ \"“「'‘]{0,2}([a-z]{12,40}"
    r"|[A-Za-z0-9]*[0-9][A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9])"
)

# A word that looks like a secret is taken for one this many characters around its name. Digits are
# more often something else, so they must be nearer.
_AFTER = 80
_BEFORE = 48
_DIGITS_AFTER = 24
_DIGITS_BEFORE = 16
_WORD = re.compile(r"[!-~]{4,256}")
_VALUE = re.compile(r"[!-~]{3,256}")
_DIGITS = re.compile(r"(?<![\w.,:/$€£¥#+-])\d{3}[ -]?\d{1,5}(?![\w%:/-]|[.,]\d)", re.ASCII)
_PHRASE = re.compile(r"[a-z]{3,12}(?:[ -][a-z]{3,12}){2,9}(?![a-z])")
_SEED = re.compile(r"(?<![a-z])(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}(?![a-z])")
# A wallet's words begin at most this many characters after their name.
_SEED_AFTER = 60

# The shortest passwords and keys that are searched for around a name.
_SHORTEST_PASSWORD = 6
_SHORTEST_KEY = 12


def find_named(text: str, lowered: str) -> Iterator[SensitiveSpan]:
    """Secrets beside their names, and the recovery phrases of wallets."""
    for start, end in find_name_windows(text, lowered):
        for name in NAME.finditer(lowered, start, end):
            yield from _find_beside(text, name)
    if any(needle in lowered for needle in SEED_NEEDLES):
        yield from _find_seeds(text, lowered)


def _find_seeds(text: str, lowered: str) -> Iterator[SensitiveSpan]:
    for name in SEED_NAME.finditer(lowered):
        seed = _SEED.search(text, name.end(), name.end() + 260)
        # The phrase may begin late and be long, so its beginning is checked after the search.
        if seed and seed.start() - name.end() <= _SEED_AFTER:
            yield SensitiveSpan(*seed.span(), "named")


def _find_beside(text: str, name: re.Match[str]) -> Iterator[SensitiveSpan]:
    stated = _find_stated(text, name)
    if stated is not None:
        yield stated
    if name["password"] or name["key"]:
        yield from _find_near(text, name)
    if name["code"] or NAMES_OF_DIGITS.fullmatch(name[0]):
        yield from _find_digits(text, name)


def _find_stated(text: str, name: re.Match[str]) -> SensitiveSpan | None:
    """The value that the text gives to a name by a sign, a verb or its position."""
    link = _LINK.match(text, name.end()) or _link_by_to(text, name)
    if link is None:
        return _find_direct(text, name)
    start = link.end()
    # A link by "to" has no group for a sign.
    has_sign = bool(link.groupdict().get("sign"))
    quote = _QUOTES.get(text[start : start + 1])
    if quote is not None:
        return _find_quoted(text, name, start, quote, has_sign=has_sign)
    phrase = _PHRASE.match(text, start) if name["password"] else None
    # A passphrase of several words; a sentence about passwords has words that are no secret.
    if phrase and NOT_SECRETS.isdisjoint(re.split("[ -]", phrase[0])):
        return SensitiveSpan(*phrase.span(), "named")
    value = _VALUE.match(text, start)
    if value is None:
        return None
    first, last = trim_punctuation(text, *value.span())
    if _may_be_secret(text[first:last], name, is_quoted=False, has_sign=has_sign):
        return SensitiveSpan(first, last, "named")
    return None


def _find_direct(text: str, name: re.Match[str]) -> SensitiveSpan | None:
    # An English name is often followed by a word of the sentence that is not its value.
    if name[0].isascii():
        return None
    value = _DIRECT.match(text, name.end())
    if value is None or value[1] in NOT_SECRETS:
        return None
    return SensitiveSpan(*value.span(1), "named")


def _find_quoted(
    text: str, name: re.Match[str], start: int, quote: str, *, has_sign: bool
) -> SensitiveSpan | None:
    """The value between the quotation mark at `start` and the next `quote`."""
    end = text.find(quote, start + 1, start + _LONGEST_QUOTED)
    value = text[start + 1 : end]
    # An end before the start means that the quotation is not closed nearby.
    if end > start + 3 and _may_be_secret(value, name, is_quoted=True, has_sign=has_sign):
        return SensitiveSpan(start + 1, end, "named")
    return None


def _link_by_to(text: str, name: re.Match[str]) -> re.Match[str] | None:
    setting = _SETTING.search(text, max(name.start() - 60, 0), name.start())
    return _TO.match(text, name.end()) if setting else None


def _may_be_secret(value: str, name: re.Match[str], *, is_quoted: bool, has_sign: bool) -> bool:
    """Whether a value that the text gives to a name may be the secret."""
    if len(value) < 3 or "\n" in value:
        return False
    if is_placeholder(value) or value.lower() in NOT_SECRETS:
        return False
    has_digit = any(map(str.isdigit, value))
    if name["key"]:
        is_like_key = len(value) >= 8 and " " not in value and has_digit
        return is_like_key and not is_everyday_word(value)
    if value.isdigit():
        return 3 <= len(value) <= 12
    if name["code"]:
        return has_digit and len(value) <= 10 and not is_everyday_word(value)
    if looks_like_password(value) or may_be_stated_password(value):
        return True
    if is_quoted:
        return len(value) >= 4 and len(value.split()) <= 8 and not is_everyday_word(value)
    return value.isalpha() and len(value) >= 6 and has_sign


def _find_near(text: str, name: re.Match[str]) -> Iterator[SensitiveSpan]:
    """Words that look like a password or a key near the name, in its paragraph."""
    is_password = name["password"] is not None
    shortest = _SHORTEST_PASSWORD if is_password else _SHORTEST_KEY
    first, last = _window(text, name)
    for match in _WORD.finditer(text, first, last):
        overlaps_name = match.start() < name.end() and match.end() > name.start()
        if overlaps_name:
            continue
        start, end = trim_punctuation(text, *match.span())
        word = text[start:end]
        if len(word) < shortest or not looks_like_password(word):
            continue
        # People choose words with a number at the end; generated keys look different.
        if is_password or _is_mixed(word):
            yield SensitiveSpan(start, end, "named")


def _is_mixed(word: str) -> bool:
    """Whether a long word is not only letters with a number at its end."""
    digits = sum(map(str.isdigit, word))
    return digits >= 3 and not word[: len(word) - digits].isalpha()


def _find_digits(text: str, name: re.Match[str]) -> Iterator[SensitiveSpan]:
    first = max(name.start() - _DIGITS_BEFORE, 0)
    last = name.end() + _DIGITS_AFTER
    for match in _DIGITS.finditer(text, first, last):
        # Digits in another paragraph belong to something else.
        between = text[min(name.end(), match.end()) : max(name.start(), match.start())]
        if "\n\n" not in between:
            yield SensitiveSpan(*match.span(), "named")


def _window(text: str, name: re.Match[str]) -> tuple[int, int]:
    """The range near a name, within its paragraph; it does not cut a word."""
    first = max(name.start() - _BEFORE, 0)
    last = min(name.end() + _AFTER, len(text))
    paragraph_start = text.rfind("\n\n", first, name.start())
    paragraph_end = text.find("\n\n", name.end(), last)
    # A word that the range would cut is taken whole: half of a password does not look like one.
    if paragraph_start < 0:
        while first > 0 and "!" <= text[first - 1] <= "~":
            first -= 1
    if paragraph_end < 0:
        while last < len(text) and "!" <= text[last] <= "~":
            last += 1
    start = max(first, paragraph_start)
    end = last if paragraph_end < 0 else paragraph_end
    return start, end
