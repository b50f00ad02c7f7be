"""What stands beside a word that names a secret: `my password is ...`, `"token": "..."`,
`验证码：...`, `パスワードは`.

A word of letters alone is taken for the secret only where something says so: a colon, a sign of
equality, quotation marks, `is`; what looks like a password, wherever it is near its name.
"""

import re
from collections.abc import Iterator

from dreaming.privacy.found import Found
from dreaming.privacy.logins import trimmed
from dreaming.privacy.looks import is_ordinary, is_placeholder, looks_chosen, may_be_given
from dreaming.privacy.names import (
    BESIDE,
    NAME,
    NAMES_OF_DIGITS,
    SEED_NAME,
    SEED_NEEDLES,
    places_of_names,
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
_LINK = re.compile(rf"(?:{_SIGN}|{_VERB})\s{{0,3}}(?:\n\s{{0,8}})?")
"""What gives a value to the name before it."""
_SETTING = re.compile(r"(?i)\b(?:set|chang|reset|updat|switch|mak)\w*\b[^.\n]{0,40}$")
_TO = re.compile(r" (?:of|for|on)? ?(?:[^.,\n]{0,24} )?to:? +")
"""`set the password to ...`: after a name, and only where one sets something before it."""
_DIRECT = re.compile(
    r"[ \"“「'‘]{0,2}([a-z]{12,40}"
    r"|[A-Za-z0-9]*[0-9][A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*)(?![A-Za-z0-9])"
)
"""What follows a name without a word between, as in Chinese: long, or with a digit."""

_AFTER, _BEFORE = 80, 48
"""How far from its name something that looks like a secret is taken for it, in characters."""
_DIGITS_AFTER, _DIGITS_BEFORE = 24, 16
_WORD = re.compile(r"[!-~]{4,256}")
_VALUE = re.compile(r"[!-~]{3,256}")
_DIGITS = re.compile(r"(?<![\w.,:/$€£¥#+-])\d{3}[ -]?\d{1,5}(?![\w%:/-]|[.,]\d)", re.ASCII)
_PHRASE = re.compile(r"[a-z]{3,12}(?:[ -][a-z]{3,12}){2,9}(?![a-z])")
_SEED = re.compile(r"(?<![a-z])(?:[a-z]{3,8}[ ,]{1,2}){11,23}[a-z]{3,8}(?![a-z])")
_SEED_AFTER = 60

_LEAST_CHOSEN, _LEAST_MADE = 6, 12
"""The shortest passwords and keys that are looked for around a name."""


def find_named(text: str, lowered: str) -> Iterator[Found]:
    """The secrets that are named, and recovery phrases of wallets."""
    for start, end in places_of_names(text, lowered):
        for name in NAME.finditer(lowered, start, end):
            yield from _find_beside(text, name)
    if any(needle in lowered for needle in SEED_NEEDLES):
        yield from _find_seeds(text, lowered)


def _find_seeds(text: str, lowered: str) -> Iterator[Found]:
    for name in SEED_NAME.finditer(lowered):
        seed = _SEED.search(text, name.end(), name.end() + 260)
        if seed and seed.start() - name.end() <= _SEED_AFTER:
            yield Found(*seed.span(), "named")


def _find_beside(text: str, name: re.Match[str]) -> Iterator[Found]:
    given = _given(text, name)
    if given is not None:
        yield given
    if name["password"] or name["key"]:
        yield from _find_near(text, name)
    if name["code"] or NAMES_OF_DIGITS.fullmatch(name[0]):
        yield from _find_digits(text, name)


def _given(text: str, name: re.Match[str]) -> Found | None:
    """The value that a sign or a word gives to a name."""
    link = _LINK.match(text, name.end()) or _link_by_to(text, name)
    if link is None:
        direct = None if name[0].isascii() else _DIRECT.match(text, name.end())
        return Found(*direct.span(1), "named") if direct and direct[1] not in BESIDE else None
    has_sign, start = bool(link.groupdict().get("sign")), link.end()
    quote = _QUOTES.get(text[start : start + 1])
    if quote is not None:
        end = text.find(quote, start + 1, start + _LONGEST_QUOTED)
        is_value = end > start + 3 and _may_be(
            text[start + 1 : end], name, is_quoted=True, has_sign=has_sign
        )
        return Found(start + 1, end, "named") if is_value else None
    phrase = _PHRASE.match(text, start) if name["password"] else None
    if phrase and not BESIDE & set(re.split("[ -]", phrase[0])):
        return Found(*phrase.span(), "named")
    value = _VALUE.match(text, start)
    if value is None:
        return None
    first, last = trimmed(text, *value.span())
    return (
        Found(first, last, "named")
        if _may_be(text[first:last], name, is_quoted=False, has_sign=has_sign)
        else None
    )


def _link_by_to(text: str, name: re.Match[str]) -> re.Match[str] | None:
    sets = _SETTING.search(text, max(name.start() - 60, 0), name.start())
    return _TO.match(text, name.end()) if sets else None


def _may_be(value: str, name: re.Match[str], *, is_quoted: bool, has_sign: bool) -> bool:
    """Whether a value that is given to a name may be the secret."""
    if len(value) < 3 or "\n" in value or is_placeholder(value) or value.lower() in BESIDE:
        return False
    has_digit = any(map(str.isdigit, value))
    if name["key"]:
        return len(value) >= 8 and " " not in value and has_digit and not is_ordinary(value)
    if value.isdigit():
        return 3 <= len(value) <= 12
    if name["code"]:
        return has_digit and len(value) <= 10 and not is_ordinary(value)
    if looks_chosen(value) or may_be_given(value):
        return True
    if is_quoted:
        return len(value) >= 4 and len(value.split()) <= 8 and not is_ordinary(value)
    return value.isalpha() and len(value) >= 6 and has_sign


def _find_near(text: str, name: re.Match[str]) -> Iterator[Found]:
    """What looks like a password or a key, not far from the name, in its paragraph."""
    least = _LEAST_CHOSEN if name["password"] else _LEAST_MADE
    for match in _WORD.finditer(text, *_window(text, name)):
        if match.start() < name.end() and match.end() > name.start():
            continue
        start, end = trimmed(text, *match.span())
        word = text[start:end]
        if len(word) >= least and looks_chosen(word) and (name["password"] or _is_mixed(word)):
            yield Found(start, end, "named")


def _is_mixed(word: str) -> bool:
    """Whether a long word is more than letters with a number at its end."""
    digits = sum(map(str.isdigit, word))
    return digits >= 3 and not word[: len(word) - digits].isalpha()


def _find_digits(text: str, name: re.Match[str]) -> Iterator[Found]:
    first, last = max(name.start() - _DIGITS_BEFORE, 0), name.end() + _DIGITS_AFTER
    for match in _DIGITS.finditer(text, first, last):
        between = text[min(name.end(), match.end()) : max(name.start(), match.start())]
        if "\n\n" not in between:
            yield Found(*match.span(), "named")


def _window(text: str, name: re.Match[str]) -> tuple[int, int]:
    """The paragraph of a name, as far as it is near; words at its edges are whole."""
    first, last = max(name.start() - _BEFORE, 0), min(name.end() + _AFTER, len(text))
    before, after = text.rfind("\n\n", first, name.start()), text.find("\n\n", name.end(), last)
    while before < 0 < first and "!" <= text[first - 1] <= "~":
        first -= 1
    while after < 0 and last < len(text) and "!" <= text[last] <= "~":
        last += 1
    return max(first, before), last if after < 0 else after
