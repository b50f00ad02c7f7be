"""Numbers of payment cards and bank accounts, told from other numbers by their beginnings and check
digits.
"""

import re
from collections.abc import Iterator

from dreaming.privacy.found import Found

_MANY_DIGITS = re.compile(r"\d{4}[ \-]?\d{2}")
_CARD = re.compile(
    r"(?<![\w.,/=-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ "
    r"-]?)\d{6}\2\d{5})(?![\w-])",
    re.ASCII,
)
_ISSUER = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|35|6(?:011|4[4-9]|5)|62|81|220[0-4]"
)
"""Visa, Mastercard, American Express, JCB, Discover, UnionPay, Mir."""
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)


def find_numbers(text: str) -> Iterator[Found]:
    """Card numbers that satisfy Luhn's formula (ISO/IEC 7812), and IBANs whose check digits are
    right (ISO 13616).
    """
    if not _MANY_DIGITS.search(text):
        return
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _ISSUER.match(digits) and len(set(digits)) > 2 and _satisfies_luhn(digits):
            yield Found(*match.span(), "number")
    for match in _IBAN.finditer(text):
        if has_right_check_digits(match[0].replace(" ", "")):
            yield Found(*match.span(), "number")


def _satisfies_luhn(digits: str) -> bool:
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def has_right_check_digits(iban: str) -> bool:
    """Whether an IBAN, without spaces, is one."""
    if not 15 <= len(iban) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
