"""Whether a word looks like a password or a key, or like an everyday word."""

import re
from itertools import pairwise

# People put these into passwords, and seldom into the middle of any other word.
_SYMBOLS = frozenset("!@#$%^&*?~+=")
# Within a word, these two are signs of Base64 or of code as well.
_INNER_SYMBOLS = _SYMBOLS - frozenset("+=")

# Parts of a value that only takes the place of a secret: `<your key>`, `${TOKEN}`, `xxxx`,
# `[secret]`.
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
# mp3, utf-8, SHA256, COVID-19; python3, gpt-4-turbo, user_2.
_PRODUCT = re.compile(
    r"(?i)[a-z]{1,5}-?\d{1,4}[a-z]{0,2}|(?-i:[A-Z]{2,8}[-_]?\d{1,5})"
    r"|[a-z]+(?:[-_.][a-z]*)*[-_.]?\d{1,2}(?:\.\d+)*(?:[-_][a-z]+)*"
)


def is_placeholder(value: str) -> bool:
    """Whether a value only takes the place of a secret, as `<your key>` does."""
    return _PLACEHOLDER.fullmatch(value) is not None


def is_everyday_word(word: str) -> bool:
    """Whether a word is an address, a file, an amount, a date, a product, an id or code."""
    return _ORDINARY.fullmatch(word) is not None or _PRODUCT.fullmatch(word) is not None


def may_be_stated_password(word: str) -> bool:
    """Whether a word may be a password where the text says that it is one.

    It needs a letter and a digit. The name of a product may be a password here.
    """
    if not 6 <= len(word) <= 128:
        return False
    has_letter_and_digit = any(map(str.isalpha, word)) and any(map(str.isdigit, word))
    return has_letter_and_digit and _ORDINARY.fullmatch(word) is None


def looks_like_password(word: str) -> bool:
    """Whether people might choose a word as a password: two of letters, digits and symbols.

    Only for words beside the name of a secret: elsewhere, too many other words look the same.
    """
    if not 5 <= len(word) <= 128 or is_placeholder(word):
        return False
    has_letter = any(map(str.isalpha, word))
    has_digit = any(map(str.isdigit, word))
    has_symbol = not _SYMBOLS.isdisjoint(word)
    classes = has_letter + has_digit + has_symbol
    return classes >= 2 and not is_everyday_word(word)


def looks_random(word: str) -> bool:
    """Whether a word can hardly be anything but a password or a key.

    It mixes letters and digits, with a symbol or with letters of both cases.
    """
    if not 8 <= len(word) <= 256:
        return False
    changes = _count_changes(word)
    if changes < 3 or is_placeholder(word):
        return False
    has_letter = any(map(str.isalpha, word))
    has_digit = any(map(str.isdigit, word))
    if not has_letter or not has_digit or is_everyday_word(word):
        return False
    if not _INNER_SYMBOLS.isdisjoint(word[:-1]) or word[-1] in "!@#$%^&*":
        return True
    return changes >= 5 and word != word.lower()


def _count_changes(word: str) -> int:
    """How often the class of character changes: letters of each case, digits and symbols."""
    classes = map(_character_class, word)
    return sum(before != after for before, after in pairwise(classes))


def _character_class(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "symbol"
