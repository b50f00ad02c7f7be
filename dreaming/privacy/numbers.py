"""Numbers of payment cards and bank accounts, recognised by first digits and check digits."""

import re
from collections.abc import Iterator

from dreaming.privacy.sensitive_span import SensitiveSpan

_MANY_DIGITS = re.compile(r"\d{4}[ \-]?\d{2}")
_CARD = re.compile(
    r"(?<![\w.,/=-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ "
    r"-]?)\d{6}\2\d{5})(?![\w-])",
    re.ASCII,
)
# Visa, Mastercard, American Express, JCB, Discover, UnionPay, Mir.
_ISSUER = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|35|6(?:011|4[4-9]|5)|62|81|220[0-4]"
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)


def find_numbers(text: str) -> Iterator[SensitiveSpan]:
    """Card numbers that satisfy Luhn's formula (ISO/IEC 7812), and IBANs (ISO 13616)."""
    # Both have six digits in a row or with one separator; few texts do.
    if not _MANY_DIGITS.search(text):
        return
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        # A number of one or two different digits is taken for an example.
        is_varied = len(set(digits)) > 2
        if _ISSUER.match(digits) and is_varied and _satisfies_luhn(digits):
            yield SensitiveSpan(*match.span(), "number")
    for match in _IBAN.finditer(text):
        if has_right_check_digits(match[0].replace(" ", "")):
            yield SensitiveSpan(*match.span(), "number")


def _satisfies_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2 == 1:
            value *= 2
        # The digits of a two-digit value are added up.
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def has_right_check_digits(iban: str) -> bool:
    """Whether an IBAN, written without spaces, has a valid length and check digits."""
    if not 15 <= len(iban) <= 34:
        return False
    # The country and the check digits go to the end, and letters count from 10 for A.
    rearranged = iban[4:] + iban[:4]
    digits = "".join(str(int(character, 36)) for character in rearranged)
    return int(digits) % 97 == 1
