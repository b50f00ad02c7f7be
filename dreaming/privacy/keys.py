"""Keys, tokens and addresses that are recognised by their form, without the text around them."""

import re
from collections.abc import Iterator

from dreaming.privacy.sensitive_span import SensitiveSpan
from dreaming.privacy.word_shapes import is_placeholder, looks_random

# The first characters of vendors' keys, from their own documentation.
_PREFIXES = (
    "sk-", "rk_live_", "rk_test_", "sk_live_", "sk_test_", "pk_live_", "whsec_",
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-",
    "glsa_", "glc_",
    "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-", "AIza", "ya29.", "GOCSPX-",
    "hf_", "npm_", "pypi-", "dckr_pat_", "dop_v1_", "doo_v1_", "shpat_", "shpss_", "shpca_",
    "shppa_", "dapi",
    "gsk_", "xai-", "pplx-", "r8_", "secret_", "ntn_", "lin_api_", "figd_", "PMAK-", "hvs.", "hvb.",
    "tskey-",
    "sntrys_", "sntryu_", "NRAK-", "pscale_tkn_", "sbp_", "ATATT3", "HRKU-", "EAAC", "LTAI", "AKID",
    "AKIA", "ASIA",
    "ABIA", "ACCA", "AGE-SECRET-KEY-1", "nvapi-", "tvly-", "fc-", "key-", "vercel_", "cfut_",
    "rpa_", "jina_", "sk_",
)  # fmt: skip

# Every key is as long as this, and few words that people write are: the prefixes are compared with
# few words of a text.
_LONG_WORD = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z][A-Za-z0-9_.-]{13,}[A-Za-z0-9_-]")

# Strings of which a text must contain one, and the pattern that is then searched for. A search for
# a string is much faster than one for a pattern. The secret is the pattern's group, or all of it.
_SHAPES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        re.compile(r"(?<![A-Za-z0-9_])A(?:KI|SI|BI|CC)A[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ),
    (("SG.",), re.compile(r"(?<![A-Za-z0-9_])SG\.[\w-]{16,}\.[\w-]{16,}", re.ASCII)),
    (("SK",), re.compile(r"(?<![A-Za-z0-9_])SK[0-9a-f]{32}(?![A-Za-z0-9])")),
    ((":A",), re.compile(r"(?<![A-Za-z0-9_:])\d{8,10}:A[A-Za-z0-9_-]{33,35}(?![A-Za-z0-9_-])")),
    (
        ("eyJ",),
        re.compile(
            r"(?<![A-Za-z0-9_])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]{8,})?"
        ),
    ),
    (
        ("PRIVATE KEY",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?s:.{1,20000}?)-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|(?:\\n"
            r"|[A-Za-z0-9+/=\s])*)"
        ),
    ),
    (
        ("hooks.slack.com/", "/api/webhooks/", "webhook.office.com/", "/bot/v2/hook/"),
        re.compile(
            r"(?:(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/|(?<=/api/webhooks/)"
            r"|(?<=webhook\.office\.com/)|(?<=/bot/v2/hook/))[A-Za-z0-9_/@-]{8,}"
        ),
    ),
    (
        ("token=", "key=", "sig=", "secret=", "signature=", "password=", "passwd=", "pwd="),
        re.compile(
            r"(?<=[?&])(?:[a-zA-Z_-]*(?:token|key|sig|secret|signature|password|passwd"
            r"|pwd))=([^\s&#\"'<>)]{8,})"
        ),
    ),
    (
        ("AccountKey=", "SharedAccessKey="),
        re.compile(r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{20,})"),
    ),
)

_AUTHORIZATION = re.compile(
    r"(?i)(?:authorization[\"'”]?\s*[:=,]\s*[\"'“]?\s*(?:bearer|basic|token|digest)?|bearer"
    r"|basic)[ :]+[\"'“]?"
    r"(?=[^\s\"'”]*\d)([A-Za-z0-9._~+/=-]{12,})"
)
_IN_ADDRESS = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://([^\s/@:\"'<>]{0,80})(?::([^\s/@\"'<>]{1,128}))?@(?=[\w\[])"
)


def find_keys(text: str, lowered: str) -> Iterator[SensitiveSpan]:
    """Keys of vendors, tokens, private keys, webhooks, and passwords in addresses and headers."""
    for match in _LONG_WORD.finditer(text):
        if _is_key(match[0]):
            yield SensitiveSpan(*match.span(), "key")
    for needles, pattern in _SHAPES:
        if any(needle in text for needle in needles):
            # 0, for the whole match, where the pattern has no group.
            yield from _find_group(pattern, text, pattern.groups)
    if "://" in text and "@" in text:
        yield from _find_in_addresses(text)
    if "bearer" in lowered or "basic" in lowered or "authorization" in lowered:
        yield from _find_group(_AUTHORIZATION, text, 1)


def _find_group(pattern: re.Pattern[str], text: str, group: int) -> Iterator[SensitiveSpan]:
    for match in pattern.finditer(text):
        if not is_placeholder(match[group]):
            yield SensitiveSpan(*match.span(group), "key")


def _is_key(word: str) -> bool:
    """Whether a word begins as a key does, and is not only words joined by hyphens.

    One without digits must end in a long part with letters of both cases.
    """
    if not word.startswith(_PREFIXES):
        return False
    if any(map(str.isdigit, word[4:])):
        return True
    tail = word.rpartition("-")[2].rpartition("_")[2]
    return len(tail) >= 16 and not tail.islower() and not tail.isupper()


def _find_in_addresses(text: str) -> Iterator[SensitiveSpan]:
    for match in _IN_ADDRESS.finditer(text):
        user = match[1]
        password = match[2]
        if password and not is_placeholder(password):
            yield SensitiveSpan(*match.span(2), "address")
        # A token may be given as the user's name.
        if user and len(user) >= 16 and looks_random(user):
            yield SensitiveSpan(*match.span(1), "address")
