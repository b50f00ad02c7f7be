"""Passwords of logins: options of a command, and words in a text about a login."""

import re
from collections.abc import Iterator

from dreaming.privacy.sensitive_span import SensitiveSpan
from dreaming.privacy.word_shapes import (
    is_everyday_word,
    is_placeholder,
    looks_like_password,
    looks_random,
)

# A text that contains none of these is taken to be about something else than a login.
_LOGIN_WORDS = (
    "login", "log in", "logged in", "log into", "sign in", "signed in", "account", "username",
    "admin", "credential",
    "encrypted", "unlock", "password", "passwd", "pwd", "passphrase", "secret", "token", "wifi",
    "wi-fi", "vpn",
    "登录", "登陆", "登錄", "登入", "账号", "帐号", "帳號", "账户", "密码", "密碼", "口令", "密钥",
    "密鑰", "解压",
    "加密", "ログイン", "アカウント", "パスワード",
)  # fmt: skip

_DIGIT = re.compile("[0-9]")
_WORD = re.compile(r"[!-~]{8,256}")
_EDGES = "\"'`.,;:()[]{}<>?|"
_COMMANDS = (
    re.compile(
        r"(?:mysql\w*|mariadb\w*|sshpass|login|redis-cli|mongo\w*|\b7z|unzip"
        r"|zip)\b[^\n|;]{0,200}?\s-[pPa] ?"
        r"([^\s\-'\"][^\s'\"]{3,})"
    ),
    re.compile(
        r"(?:curl|wget|https?)\b[^\n|;]{0,200}?\s(?:-u|--user|--auth)[ "
        r"=]?[\"']?[^\s:\"']{1,80}:([^\s\"']{3,})"
    ),
)

_INVENTED = re.compile(
    r"[A-Za-z]{4,20}[@_.#!*&-]?[0-9]{3,8}[!@#$%^&*]?"
    r"|[A-Za-z]{3,16}[@#!*&$][0-9A-Za-z]{2,16}[!@#$%^&*]?"
)
# A name and a password, as in `admin / ...`.
_PAIR = re.compile(r"(?<![^\s（(：:\"'])[\w.@-]{3,40} ?/ ?([!-~]{6,64})(?<![.,;:)\"'])")


def find_logins(text: str, lowered: str) -> Iterator[SensitiveSpan]:
    """Passwords that are options of a command, and words that look like one in a login's text."""
    if " -" in text:
        yield from _find_options(text)
    if any(word in lowered for word in _LOGIN_WORDS):
        yield from _find_words(text)
        yield from _find_pairs(text)


def _find_options(text: str) -> Iterator[SensitiveSpan]:
    for command in _COMMANDS:
        for match in command.finditer(text):
            if not is_placeholder(match[1]):
                yield SensitiveSpan(*match.span(1), "login")


def _find_pairs(text: str) -> Iterator[SensitiveSpan]:
    for match in _PAIR.finditer(text):
        if looks_like_password(match[1]):
            yield SensitiveSpan(*match.span(1), "login")


def _find_words(text: str) -> Iterator[SensitiveSpan]:
    for match in _WORD.finditer(text):
        # A word without a digit is ruled out before the slower checks.
        if _DIGIT.search(match[0]) is None:
            continue
        start, end = trim_punctuation(text, *match.span())
        word = text[start:end]
        if len(word) >= 8 and (looks_random(word) or _is_invented(word)):
            yield SensitiveSpan(start, end, "login")


def _is_invented(word: str) -> bool:
    """Whether a word is like passwords that people invent: letters, a number, maybe a symbol."""
    return _INVENTED.fullmatch(word) is not None and not is_everyday_word(word)


def trim_punctuation(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without the punctuation at its ends."""
    while start < end and text[start] in _EDGES:
        start += 1
    while start < end and text[end - 1] in _EDGES:
        end -= 1
    return start, end
