"""Whether a word looks like a password or a key, or like what people write every day."""

import re
from itertools import pairwise

_SYMBOLS = frozenset("!@#$%^&*?~+=")
"""What people put into passwords, and seldom into the middle of anything else."""

_STANDS_FOR = (
    r"x{3,}", r"\*{2,}", r"\.{3,}", "…", "•+", "<.*>", r"\[.*\]", r"\{.*\}", r"\$\{?\w+\}?",
    r"%\w+%?", r"#\{.*",
    r"(?:your|my|the|new|old|some|a)?[_ -]?(?:super)?[_ -]?(?:secret|passwo?r?d|passwd|pwd|pass"
    r"|token|key|api[_-]?key"
    r"|user(?:name)?|admin|root|postgres|example|changeme|here|value|string|none|null|true|false"
    r"|redacted|hidden|masked)"
    r"(?:[_ -]?(?:here|key|token|password|value|string|name|goes|id))*",
    r"your[\w-]*", r"[\w-]*[_-]here",
)  # fmt: skip
_PLACEHOLDER = re.compile(rf"(?i)[\W_]*(?:{'|'.join(_STANDS_FOR)})[\W_]*")
"""What stands for a secret and is none: `<your key>`, `${TOKEN}`, `xxxx`, `[secret]`."""

_UNITS = (
    "st|nd|rd|th|am|pm|s|ms|[kmgt]?i?b?(?:ps)?|[kmc]?m|k?g|ml|l|px|pt|em|rem|hz|[kmg]hz|w|kw|v|mah|%|°c?f?|d|h|hrs?|mins?"
    "|secs?|years?|yrs?|days?|weeks?|x|fps|usd|eur|rmb|rpm|[mb]illion|thousand"
)
_EVERYDAY = (
    # Addresses of pages and of people; paths, files, hosts, attributes.
    r"[a-z][a-z0-9+.-]*://.*", r"www\..*", r"[^@\s]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+",
    r"[\w.-]+/[\w./-]*", r"~?/[\w./-]+", r"[\w-]+(?:\.[\w-]+)*\.[a-z][a-z0-9]{1,4}",
    # Amounts, dates and times; versions.
    rf"[$€£¥#~+-]?\d[\d.,:/xX~+-]*(?:{_UNITS})?[!?]*", r"v?\d+(?:\.\d+)+[a-z0-9-]*",
    "[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}",
    # Code and markup.
    r"@?[\w.-]+\(.*", r"\w*\.\w+\(.*", r"[\w.\[\]\"']+=[\w.\"'(\[].*",
    "[a-z_]+=.*", r"&\w+;?.*", r".*[\"']\..*",
    r"[\w.-]+/[\w/.-]+@v?\d[\w.]*", r"[a-z-]+@v\d+(?:\.\d+)*", r".*%\.?\d*[a-z].*",
    r"[*_`]{1,3}[\w-]+[*_`]{0,3}",
)  # fmt: skip
_ORDINARY = re.compile(f"(?i)(?:{'|'.join(_EVERYDAY)})")
_PRODUCT = re.compile(
    r"(?i)[a-z]{1,5}-?\d{1,4}[a-z]{0,2}|(?-i:[A-Z]{2,8}[-_]?\d{1,5})"
    r"|[a-z]+(?:[-_.][a-z]*)*[-_.]?\d{1,2}(?:\.\d+)*(?:[-_][a-z]+)*"
)
"""mp3, utf-8, SHA256, COVID-19; python3, gpt-4-turbo, user_2."""


def is_placeholder(value: str) -> bool:
    """Whether a value only stands for a secret."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_ordinary(word: str) -> bool:
    """Whether it is an address, a file, an amount, a date, a version, a product, an id or a piece
    of code.
    """
    return _ORDINARY.fullmatch(word) is not None or _PRODUCT.fullmatch(word) is not None


def may_be_given(word: str) -> bool:
    """Whether it may be a password where somebody says that it is one: most with a letter and a
    digit.
    """
    has_both = any(map(str.isalpha, word)) and any(map(str.isdigit, word))
    return has_both and 6 <= len(word) <= 128 and _ORDINARY.fullmatch(word) is None


def looks_chosen(word: str) -> bool:
    """Whether people might have chosen it as a password: letters with digits or symbols, or digits
    with symbols.

    Only beside a word that names a secret: `iphone15` is as likely.
    """
    if not 5 <= len(word) <= 128 or is_placeholder(word):
        return False
    letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
    symbols = any(character in _SYMBOLS for character in word)
    return letters + digits + symbols >= 2 and not is_ordinary(word)


def is_tangled(word: str) -> bool:
    """Whether it can hardly be anything but a password or a key: digits and letters of both cases,
    many times mixed.
    """
    if not 8 <= len(word) <= 256 or not _changes(word) >= 3 or is_placeholder(word):
        return False
    letters, digits = any(map(str.isalpha, word)), any(map(str.isdigit, word))
    if not letters or not digits or is_ordinary(word):
        return False
    inside = any(character in _SYMBOLS for character in word[:-1] if character not in "+=")
    return (
        inside
        or (word[-1] in "!@#$%^&*" and _changes(word) >= 3)
        or (_changes(word) >= 5 and word != word.lower())
    )


def _changes(word: str) -> int:
    """How often letters of either case, digits and symbols take turns."""
    return sum(before != after for before, after in pairwise(map(_class, word)))


def _class(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "symbol"
